"""The memory of a candidate by the engine's own arithmetic (`tonnage.memory`), and the longest context that fits."""

from bisect import bisect_right
from dataclasses import dataclass

from tonnage.facts.shape import Shape
from tonnage.memory import Estimate, Setup, estimate, sequences_held
from tonnage.memory.setup import run
from tonnage.memory.weights import weights_bytes
from tonnage.plan.engine import ENGINE_VERSION
from tonnage.plan.gpu.candidates import Candidate
from tonnage.plan.gpu.rules import engine_dtype
from tonnage.plan.limits import Batch

_BLOCK_TOKENS = 16
# The engine's default since 0.21: the rest is what driver and libraries take outside of its view.
MEMORY_PERCENT = 92


# Sequences at once, where the engine's default for the GPU does not fit: fewer take less before the first token.
_FEWER_SEQUENCES = 32


@dataclass(frozen=True)
class Fit:
    """A candidate with a context that fits, and the arithmetic that shows it."""

    candidate: Candidate
    context_length: int
    # The most that fit beside it; None: as many as the engine would take by itself.
    sequences: int | None
    estimate: Estimate


def setup(shape: Shape, candidate: Candidate, context_length: int, sequences: int | None = None) -> Setup:
    """How the engine would be started; sequences None is its default for the GPU, which is the most it may be told."""
    return Setup(
        gpu=candidate.offer.gpu.name,
        memory_bytes=candidate.offer.gpu.memory_bytes,
        tensor_parallel=candidate.tensor_parallel,
        pipeline_parallel=candidate.pipeline_parallel,
        dtype=engine_dtype(shape, candidate),
        quantization=candidate.quantization,
        kv_cache_dtype=candidate.kv_cache_dtype,
        utilization=MEMORY_PERCENT / 100,
        max_model_len=context_length,
        max_num_seqs=sequences,
        engine_version=ENGINE_VERSION,
        capability=candidate.offer.gpu.capability,
    )


def batch(shape: Shape, candidate: Candidate, context_length: int, sequences: int | None) -> Batch:
    """Tokens and sequences of one step; the engine's own where `sequences` is None."""
    prepared = run(setup(shape, candidate, context_length, sequences), shape)
    return Batch(prepared.max_num_batched_tokens, prepared.max_num_seqs)


def longer(context_length: int) -> int:
    """The next context that is worth a try: in whole blocks."""
    return (context_length // _BLOCK_TOKENS + 1) * _BLOCK_TOKENS


@dataclass(frozen=True)
class Arithmetic:
    """Asks for one model's memory."""

    shape: Shape

    def estimate(self, candidate: Candidate, context_length: int, sequences: int | None = None) -> Estimate:
        """The memory of the fullest GPU."""
        return estimate(setup(self.shape, candidate, context_length, sequences), self.shape)

    def held(self, candidate: Candidate, context_length: int, sequences: int, tokens: int) -> int | None:
        """Requests of so many tokens that the KV cache beside `sequences` holds; None where nothing is kept of them."""
        prepared = setup(self.shape, candidate, context_length, sequences)
        return sequences_held(prepared, self.shape, estimate(prepared, self.shape).kv_cache_blocks, tokens)

    def sequences(self, candidate: Candidate, context_length: int, most: int, tokens: int) -> int:
        """As many at once as the KV cache holds with so many tokens each, at most `most`, at least 1.

        Each sequence takes memory of its own from the KV cache, before its first token.
        """

        def is_short(sequences: int) -> bool:
            held = self.held(candidate, context_length, sequences, tokens)
            return held is not None and held < sequences

        return max(1, bisect_right(range(1, most + 1), 0, key=is_short))

    def holds_weights(self, candidate: Candidate) -> bool:
        """Whether a GPU has room for the weights of the first stage: soon known, and without it nothing starts."""
        return weights_bytes(run(setup(self.shape, candidate, 1), self.shape)) <= candidate.offer.gpu.memory_bytes

    def fit(self, candidate: Candidate, context_length: int) -> Fit | None:
        """The candidate with this context, if the engine starts with it."""
        tried = self.tried(candidate, context_length)
        return tried if isinstance(tried, Fit) else None

    def tried(self, candidate: Candidate, context_length: int) -> Fit | Estimate:
        """The candidate with this context, or the memory with the engine's own batch, which does not start."""
        first = self.estimate(candidate, context_length)
        if first.starts:
            return Fit(candidate, context_length, None, first)
        fewer = self.estimate(candidate, context_length, _FEWER_SEQUENCES)
        return Fit(candidate, context_length, _FEWER_SEQUENCES, fewer) if fewer.starts else first

    def longest(self, candidate: Candidate, wanted: int, least: int) -> Fit | None:
        """The longest context from `least` to below `wanted` with which the engine starts, in whole blocks."""
        shortest = self.fit(candidate, least) if self.holds_weights(candidate) else None
        if shortest is None:
            return None
        blocks = range(-(-least // _BLOCK_TOKENS), wanted // _BLOCK_TOKENS + 1)
        fitting = bisect_right(blocks, 0, key=lambda count: not self.fit(candidate, count * _BLOCK_TOKENS))
        return (self.fit(candidate, blocks[fitting - 1] * _BLOCK_TOKENS) if fitting else None) or shortest
