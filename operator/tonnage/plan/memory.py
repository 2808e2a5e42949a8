"""The arithmetic of memory: bytes of weights, KV cache, activations and processes of one replica on CPUs.

On a CPU weights are planned in float32 whatever the checkpoint holds: bfloat16 on CPUs was seen to give other answers
than the reference. So a bfloat16 checkpoint takes twice its files' size. All results are whole bytes.
"""

from dataclasses import dataclass

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.serve_document import Task
from tonnage.plan.engine import CPU_ENGINE, GIB, MIB
from tonnage.plan.tasks import takes_whole_texts

CPU_DTYPE = "float32"
_ELEMENT_BYTES = 4
_CHECKPOINT_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}

# Of a token in a forward pass: residual, norms, projections of attention and of a gated MLP some four times as wide are
# alive together; counted in vectors of the hidden size.
_HIDDEN_VECTORS_PER_TOKEN = 16
# Of a sequence in the sampler: logits, their sorted copy, probabilities, indices. Start-up logs fit 15 to 16.
_SAMPLER_BYTES_PER_LOGIT = 16

# Left free in every pod: allocators keep more than is in use, and the kernel charges page tables and sockets.
_HEADROOM_DIVISOR = 20
_POD_STEP_BYTES = 64 * MIB


@dataclass(frozen=True)
class Fixed:
    """What a replica takes whatever its KV cache is."""

    weights_bytes: int
    activations_bytes: int
    overhead_bytes: int

    @property
    def total_bytes(self) -> int:
        """The sum."""
        return self.weights_bytes + self.activations_bytes + self.overhead_bytes


def weights_bytes(facts: ModelFacts) -> int:
    """Bytes of the weights in float32, the output head's packed copy included.

    The engine packs matrices for its CPU kernels and drops the original, except of the output head, whose original
    may be the input embedding too (`dispatch_cpu_unquantized_gemm(layer, remove_weight=False)`). A model that does not
    generate has no head to pack.
    """
    packed_head = facts.vocabulary_size * facts.hidden_size * _ELEMENT_BYTES if _has_sampler(facts) else 0
    if facts.parameters:
        return facts.parameters * _ELEMENT_BYTES + packed_head
    checkpoint_bytes = _CHECKPOINT_BYTES.get(facts.weights_dtype, 2)
    return -(-facts.weights_bytes * _ELEMENT_BYTES // checkpoint_bytes) + packed_head


def kv_bytes_per_token(facts: ModelFacts) -> int:
    """Bytes of KV cache of one token in all layers; keys and values apart, except where one latent stands for both."""
    vectors = {AttentionKind.ENCODER_ONLY: 0, AttentionKind.LATENT: 1}.get(facts.attention, 2)
    return facts.layers * vectors * max(1, facts.kv_heads) * facts.head_dim * _ELEMENT_BYTES


def block_tokens(facts: ModelFacts) -> int:
    """Tokens in one block of KV cache."""
    return CPU_ENGINE.latent_block_tokens if facts.attention is AttentionKind.LATENT else CPU_ENGINE.block_tokens


def keeps_kv_cache(facts: ModelFacts) -> bool:
    """Whether anything of a text is kept: an encoder is done with it after one step."""
    return facts.attention is not AttentionKind.ENCODER_ONLY


def kv_blocks(facts: ModelFacts, context_length: int, sequences: int) -> int:
    """Blocks that hold so many sequences of this length, with the engine's own."""
    if not keeps_kv_cache(facts):
        return 0
    return sequences * -(-context_length // block_tokens(facts)) + CPU_ENGINE.reserved_blocks


def kv_block_bytes(facts: ModelFacts) -> int:
    """Bytes of one block in all layers."""
    return block_tokens(facts) * kv_bytes_per_token(facts)


def kv_cache_bytes(facts: ModelFacts, context_length: int, sequences: int = 1) -> int:
    """Bytes of KV cache that hold so many sequences of this length."""
    return kv_blocks(facts, context_length, sequences) * kv_block_bytes(facts)


def batched_tokens(facts: ModelFacts, context_length: int) -> int:
    """Tokens of one step. A text that cannot be cut must fit one step; short ones share it."""
    if takes_whole_texts(facts):
        return max(CPU_ENGINE.max_num_batched_tokens, context_length)
    return min(CPU_ENGINE.max_num_batched_tokens, context_length)


def fixed(facts: ModelFacts, context_length: int) -> Fixed:
    """What a replica takes beside its KV cache."""
    tokens = batched_tokens(facts, context_length)
    forward = tokens * facts.hidden_size * _HIDDEN_VECTORS_PER_TOKEN * _ELEMENT_BYTES
    sampler = CPU_ENGINE.max_num_seqs * facts.vocabulary_size * _SAMPLER_BYTES_PER_LOGIT if _has_sampler(facts) else 0
    return Fixed(
        weights_bytes=weights_bytes(facts),
        activations_bytes=max(forward, sampler),
        overhead_bytes=CPU_ENGINE.processes_bytes + CPU_ENGINE.shared_memory_bytes,
    )


def _has_sampler(facts: ModelFacts) -> bool:
    return facts.task in (Task.GENERATE, None)


def usable_bytes(budget_bytes: int) -> int:
    """What of a pod's memory may be planned for; the rest is headroom."""
    return budget_bytes - budget_bytes // _HEADROOM_DIVISOR


def pod_bytes(parts_bytes: int) -> int:
    """The smallest pod, in steps of 64 MiB, in which these parts leave the headroom free."""
    # The first guess may be one step short, because both divisions round.
    steps = parts_bytes * _HEADROOM_DIVISOR // ((_HEADROOM_DIVISOR - 1) * _POD_STEP_BYTES)
    while usable_bytes(steps * _POD_STEP_BYTES) < parts_bytes:
        steps += 1
    return steps * _POD_STEP_BYTES


def no_kv_cache(architecture: str) -> str:
    """Why there is none, for people."""
    return f"No KV cache: each token of {architecture} sees the whole text, which is done in one step and forgotten."


def gib(size_bytes: int) -> str:
    """`9.1 GiB`: for people; down to hundredths where tenths would say nothing."""
    return f"{size_bytes / GIB:.1f} GiB" if size_bytes >= GIB else f"{size_bytes / GIB:.2f} GiB"
