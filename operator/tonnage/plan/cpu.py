"""The plan for device Cpu: one replica in one pod, float32, KV cache as large as is useful and no larger."""

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device, Task
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import Alternative, MemoryPlan, PlanStatus
from tonnage.plan.budget import Budget
from tonnage.plan.context import context_wish, extension_notes, longest_context, parts_bytes, pod_bytes_for
from tonnage.plan.derivation import limit_sentences, start_sentence
from tonnage.plan.engine import CPU_ENGINE
from tonnage.plan.limits import Batch, bounds, cacheless_limits, cpu_held, limits, load, start_deadline_seconds
from tonnage.plan.memory import (
    CPU_DTYPE,
    batched_tokens,
    block_tokens,
    fixed,
    gib,
    keeps_kv_cache,
    kv_block_bytes,
    kv_blocks,
    kv_bytes_per_token,
    kv_cache_bytes,
    no_kv_cache,
    pod_bytes,
    usable_bytes,
)

# Sequences at full context, where nobody gave a memory to fill.
_WANTED_SEQUENCES = 4
# A request, not a limit: on a small node a second replica must still find room beside the first.
_DEFAULT_CPU = "500m"


def cpu_plan(spec: ModelDeploymentSpec, facts: ModelFacts, budget: Budget, answers_digest: str) -> PlanStatus:
    """The plan; only for what `rules` did not refuse."""
    wanted = context_wish(spec.serving, facts).wanted
    context_length = longest_context(facts, wanted, budget.limit_bytes)
    sequences = _sequences(facts, context_length, budget)
    blocks = kv_blocks(facts, context_length, sequences)
    if budget.is_given:
        blocks = max(blocks, _blocks_that_fill(facts, context_length, budget))
    memory = _memory(facts, context_length, blocks, budget)
    size = load(spec, context_length)
    held = cpu_held(facts, blocks, size.request_tokens) if keeps_kv_cache(facts) else None
    most = Batch(batched_tokens(facts, context_length), CPU_ENGINE.max_num_seqs)
    counts = (
        cacheless_limits(most, size) if held is None else limits(max(1, min(held, most.sequences)), most.tokens, size)
    )
    load_bytes = max(memory.weights_bytes, facts.download_bytes)
    kv_cache_tokens = blocks * block_tokens(facts)
    concurrency_tenths = _concurrency_tenths(facts, context_length, blocks)
    return PlanStatus(
        task=facts.task or Task.GENERATE,
        device=Device.CPU,
        tensor_parallel=1,
        pipeline_parallel=1,
        dtype=CPU_DTYPE,
        kv_cache_dtype="auto",
        context_length=context_length,
        max_num_seqs=counts.max_num_seqs,
        max_num_batched_tokens=counts.max_num_batched_tokens,
        target_ongoing_requests=counts.target_ongoing_requests,
        max_ongoing_requests=counts.max_ongoing_requests,
        replicas=bounds(spec, None),
        start_deadline_seconds=start_deadline_seconds(load_bytes),
        kv_cache_bytes_per_token=kv_bytes_per_token(facts),
        kv_cache_tokens=kv_cache_tokens,
        concurrency=f"{concurrency_tenths // 10}.{concurrency_tenths % 10}",
        memory=memory,
        pod_memory_bytes=memory.budget_bytes,
        pod_cpu=spec.template.resources.cpu or _DEFAULT_CPU,
        explanation=[
            *_explanation(facts, context_length, kv_cache_tokens, memory, budget),
            *limit_sentences(size, held, most, counts),
            start_sentence(load_bytes),
        ],
        alternatives=_alternatives(facts, wanted, context_length, budget),
        answers_digest=answers_digest,
    )


def _concurrency_tenths(facts: ModelFacts, context_length: int, blocks: int) -> int:
    """Tenths of sequences at full context: in the KV cache, or in one step where there is none."""
    if not keeps_kv_cache(facts):
        return batched_tokens(facts, context_length) * 10 // context_length
    return blocks * 10 // -(-context_length // block_tokens(facts))


def _sequences(facts: ModelFacts, context_length: int, budget: Budget) -> int:
    """More than one only within what the engine itself would take by default, so that no node is filled for nothing."""
    for sequences in range(_WANTED_SEQUENCES, 1, -1):
        is_modest = kv_cache_bytes(facts, context_length, sequences) <= CPU_ENGINE.default_kv_cache_bytes
        needed = parts_bytes(facts, context_length, sequences)
        if is_modest and (budget.limit_bytes is None or needed <= usable_bytes(budget.limit_bytes)):
            return sequences
    return 1


def _blocks_that_fill(facts: ModelFacts, context_length: int, budget: Budget) -> int:
    """All that a given memory has left, but no more than all sequences at full context can use."""
    left = usable_bytes(budget.limit_bytes or 0) - fixed(facts, context_length).total_bytes
    most = kv_blocks(facts, context_length, CPU_ENGINE.max_num_seqs)
    block_bytes = kv_block_bytes(facts)
    return min(most, left // block_bytes) if block_bytes else most


def _memory(facts: ModelFacts, context_length: int, blocks: int, budget: Budget) -> MemoryPlan:
    takes = fixed(facts, context_length)
    kv_bytes = blocks * kv_block_bytes(facts)
    parts = takes.total_bytes + kv_bytes
    total = budget.limit_bytes if budget.is_given and budget.limit_bytes is not None else pod_bytes(parts)
    # A node's limit need not be a whole step.
    total = total if budget.limit_bytes is None else min(total, budget.limit_bytes)
    return MemoryPlan(
        budget_bytes=total,
        weights_bytes=takes.weights_bytes,
        kv_cache_bytes=kv_bytes,
        activations_bytes=takes.activations_bytes,
        graphs_bytes=0,
        overhead_bytes=takes.overhead_bytes,
        headroom_bytes=total - parts,
    )


def _explanation(
    facts: ModelFacts, context_length: int, kv_cache_tokens: int, memory: MemoryPlan, budget: Budget
) -> list[str]:
    per_token = kv_bytes_per_token(facts)
    weights = (
        f"{facts.architecture} with {facts.parameters:,} parameters takes {memory.weights_bytes:,} bytes "
        f"({gib(memory.weights_bytes)}) of weights in {CPU_DTYPE}."
    )
    kv_cache = (
        no_kv_cache(facts.architecture)
        if not keeps_kv_cache(facts)
        else (
            f"A token takes {per_token:,} bytes of KV cache in {facts.layers} layers; {kv_cache_tokens:,} tokens take "
            f"{memory.kv_cache_bytes:,} bytes ({gib(memory.kv_cache_bytes)}), as many as "
            f"{kv_cache_tokens // context_length} sequences of {context_length:,}."
        )
    )
    rest = (
        f"Activations take {memory.activations_bytes:,} bytes, processes {memory.overhead_bytes:,}, and "
        f"{memory.headroom_bytes:,} are left free: the pod gets {memory.budget_bytes:,} bytes "
        f"({gib(memory.budget_bytes)})."
    )
    sentences = [weights, kv_cache, rest]
    if budget.limit_bytes is not None:
        sentences.append(f"A replica may take up to {gib(budget.limit_bytes)} ({budget.origin}).")
    if facts.attention is AttentionKind.UNKNOWN:
        sentences.append("How this model keeps keys and values is not known: every layer was counted in full.")
    return [*sentences, *extension_notes(facts, context_length)]


def _alternatives(facts: ModelFacts, wanted: int, context_length: int, budget: Budget) -> list[Alternative]:
    found = []
    if context_length < wanted and budget.limit_bytes is not None:
        found.append(
            Alternative(
                what=f"context {wanted:,}",
                reason=Reason.CONTEXT_TOO_LONG,
                message=f"needs a pod of {gib(pod_bytes_for(facts, wanted))}, {gib(budget.limit_bytes)} are there",
            )
        )
    if facts.weights_dtype != CPU_DTYPE:
        found.append(
            Alternative(
                what=f"weights in {facts.weights_dtype}",
                reason="NotExact",
                message=f"on a CPU its answers were seen to differ from the reference's; {CPU_DTYPE} is exact",
            )
        )
    return found
