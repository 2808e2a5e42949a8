"""The memory of a candidate by the engine's own arithmetic (`tonnage.memory`), and the longest context that fits."""

from bisect import bisect_right
from dataclasses import dataclass

from tonnage.facts.shape import Shape
from tonnage.memory import Estimate, Setup, estimate
from tonnage.memory.setup import run
from tonnage.plan.engine import ENGINE_VERSION
from tonnage.plan.gpu.candidates import Candidate
from tonnage.plan.gpu.rules import engine_dtype
from tonnage.plan.limits import Batch

_BLOCK_TOKENS = 16
# The engine's default since 0.21: the rest is what driver and libraries take outside of its view.
MEMORY_PERCENT = 92


@dataclass(frozen=True)
class Fit:
    """A candidate with a context that fits, and the arithmetic that shows it."""

    candidate: Candidate
    context_length: int
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
    )


def batch(shape: Shape, candidate: Candidate, context_length: int) -> Batch:
    """Tokens and sequences of one step."""
    prepared = run(setup(shape, candidate, context_length), shape)
    return Batch(prepared.max_num_batched_tokens, prepared.max_num_seqs)


@dataclass(frozen=True)
class Arithmetic:
    """Asks for one model's memory."""

    shape: Shape

    def estimate(self, candidate: Candidate, context_length: int, sequences: int | None = None) -> Estimate:
        """The memory of the fullest GPU."""
        return estimate(setup(self.shape, candidate, context_length, sequences), self.shape)

    def longest(self, candidate: Candidate, wanted: int, least: int) -> Fit | None:
        """The longest context from `least` to `wanted` with which the engine starts: `wanted`, or whole blocks."""
        whole = self.estimate(candidate, wanted)
        if whole.starts:
            return Fit(candidate, wanted, whole)
        if least >= wanted or not self.estimate(candidate, least).starts:
            return None
        first = -(-least // _BLOCK_TOKENS)
        blocks = range(first, wanted // _BLOCK_TOKENS + 1)
        fitting = bisect_right(
            blocks, 0, key=lambda count: 0 if self.estimate(candidate, count * _BLOCK_TOKENS).starts else 1
        )
        context = blocks[fitting - 1] * _BLOCK_TOKENS if fitting else least
        return Fit(candidate, context, self.estimate(candidate, context))
