"""The rules of device Cpu: a quantized checkpoint, no node, too little memory. See `rules` for what holds anywhere."""

from collections.abc import Callable
from dataclasses import dataclass

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import Alternative
from tonnage.facts.inventory import Inventory
from tonnage.plan.budget import Budget, fitting_nodes
from tonnage.plan.context import context_wish, longest_context, pod_bytes_for
from tonnage.plan.memory import CPU_DTYPE, fixed, gib, kv_cache_bytes, usable_bytes
from tonnage.plan.refusal import Refusal


@dataclass(frozen=True)
class Question:
    """What is to be planned, with what."""

    spec: ModelDeploymentSpec
    facts: ModelFacts
    inventory: Inventory
    budget: Budget


def first_cpu_refusal(question: Question) -> Refusal | None:
    """The refusal of the first rule that has one."""
    return next((refusal for rule in CPU_RULES if (refusal := rule(question)) is not None), None)


def refuse_quantization(question: Question) -> Refusal | None:
    """Quantized checkpoints have no checked path on CPUs."""
    quantization = question.facts.quantization
    if quantization is None:
        return None
    return Refusal(
        Reason.QUANTIZATION_UNSUPPORTED,
        f"the checkpoint is quantized ({quantization}), which device Cpu does not support: use the unquantized model",
    )


def refuse_without_nodes(question: Question) -> Refusal | None:
    """Some node must be allowed to take a replica."""
    if question.budget.is_given or not question.inventory.is_known:
        return None
    if fitting_nodes(question.spec, question.inventory):
        return None
    total = len(question.inventory.nodes)
    return Refusal(
        Reason.NO_NODES,
        f"none of {total} nodes is ready and fits spec.placement (nodeSelector, tolerations): label or add a node, or "
        "change spec.placement",
    )


def refuse_insufficient_memory(question: Question) -> Refusal | None:
    """Weights, processes and the least acceptable context must fit."""
    facts, budget = question.facts, question.budget
    if budget.limit_bytes is None:
        return None
    wish = context_wish(question.spec.serving, facts)
    longest = longest_context(facts, wish.wanted, budget.limit_bytes)
    if longest >= wish.least:
        return None
    takes = fixed(facts, wish.least)
    usable = usable_bytes(budget.limit_bytes)
    left = usable - takes.total_bytes
    needed = pod_bytes_for(facts, wish.least)
    wanted = Alternative(
        what=f"context {wish.wanted:,}",
        reason=Reason.INSUFFICIENT_MEMORY,
        message=f"needs a pod of {gib(pod_bytes_for(facts, wish.wanted))}",
    )
    shares = (
        f"weights {gib(takes.weights_bytes)} in {CPU_DTYPE}, activations {gib(takes.activations_bytes)}, overhead "
        f"{gib(takes.overhead_bytes)} and headroom {gib(budget.limit_bytes - usable)}"
    )
    if left <= 0:
        return Refusal(
            Reason.INSUFFICIENT_MEMORY,
            f"{shares} do not fit {gib(budget.limit_bytes)} ({budget.origin}); a replica with a context of "
            f"{wish.least:,} needs {gib(needed)}",
            (wanted,),
        )
    advice = f"the longest context that fits is {longest:,}" if longest else "no context fits"
    return Refusal(
        Reason.CONTEXT_TOO_LONG if longest else Reason.INSUFFICIENT_MEMORY,
        f"context {wish.least:,} needs {gib(kv_cache_bytes(facts, wish.least))} of KV cache, {gib(left)} are left of "
        f"{gib(budget.limit_bytes)} ({budget.origin}) after {shares}; {advice}, {wish.least:,} needs {gib(needed)}",
        (wanted,),
    )


CPU_RULES: tuple[Callable[[Question], Refusal | None], ...] = (
    refuse_quantization,
    refuse_without_nodes,
    refuse_insufficient_memory,
)
