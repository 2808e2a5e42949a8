"""The ordered chain of rules: each looks at one thing and returns a refusal or nothing; the first is the answer.

Order matters: what cannot run anywhere is said before what does not fit here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.rules import RESERVED_PREFIXES, RESERVED_TEXT, RESERVED_VARIABLES
from tonnage.contract.spec import ModelDeploymentSpec, TrustRemoteCode
from tonnage.contract.status import Alternative
from tonnage.facts.architectures import Task, engine, task
from tonnage.facts.inventory import Inventory
from tonnage.plan.budget import Budget, fitting_nodes
from tonnage.plan.context import context_wish, longest_context, pod_bytes_for
from tonnage.plan.memory import CPU_DTYPE, fixed, gib, kv_cache_bytes, usable_bytes
from tonnage.plan.refusal import Refusal

_RESERVED_KEYS = ("tonnage.dev/", "app.kubernetes.io/")


@dataclass(frozen=True)
class Question:
    """What is to be planned, with what."""

    spec: ModelDeploymentSpec
    facts: ModelFacts
    inventory: Inventory
    budget: Budget


def first_refusal(question: Question) -> Refusal | None:
    """The refusal of the first rule that has one."""
    return next((refusal for rule in RULES if (refusal := rule(question)) is not None), None)


def refuse_reserved_environment(question: Question) -> Refusal | None:
    """What Tonnage, Ray, the engine and the hub client read is set by the plan alone."""
    for variable in question.spec.template.env:
        if variable.name.startswith(RESERVED_PREFIXES) or variable.name in RESERVED_VARIABLES:
            return Refusal(
                Reason.INVALID_SPEC,
                f"spec.template.env: {variable.name} cannot be set, {RESERVED_TEXT} belong to the operator: remove it",
            )
    return None


def refuse_reserved_labels(question: Question) -> Refusal | None:
    """Labels and annotations that select pods, or tell the operator what it did, cannot be the author's."""
    template = question.spec.template
    for field, keys in (("labels", template.labels), ("annotations", template.annotations)):
        for key in keys:
            if key.startswith(_RESERVED_KEYS):
                return Refusal(
                    Reason.INVALID_SPEC,
                    f"spec.template.{field}: {key} cannot be set, keys under {' and '.join(_RESERVED_KEYS)} "
                    "belong to the operator: remove it",
                )
    return None


def refuse_unknown_architecture(question: Question) -> Refusal | None:
    """The engine must know how to run the model."""
    architecture = question.facts.architecture
    served_for = task(architecture)
    if served_for is Task.GENERATE:
        return None
    if served_for is None:
        message = f"{engine()} does not serve the architecture {architecture}: choose another model"
    else:
        message = f"{architecture} does not generate text ({served_for}), which is all that is served yet"
    return Refusal(Reason.ARCHITECTURE_UNSUPPORTED, message)


def refuse_remote_code(question: Question) -> Refusal | None:
    """Code from a repository runs only where the author said so."""
    if not question.facts.needs_remote_code or question.spec.model.trust_remote_code is TrustRemoteCode.ALLOWED:
        return None
    return Refusal(
        Reason.REMOTE_CODE_REQUIRED,
        f"{question.facts.source} runs code of its own repository: set spec.model.trustRemoteCode to Allowed and "
        f"spec.model.revision to a 40-hex commit that you have reviewed (now {question.facts.commit})",
    )


def refuse_quantization(question: Question) -> Refusal | None:
    """Quantized checkpoints have no checked path on CPUs."""
    quantization = question.facts.quantization
    if quantization is None:
        return None
    return Refusal(
        Reason.QUANTIZATION_UNSUPPORTED,
        f"the checkpoint is quantized ({quantization}), which device Cpu does not support: use the unquantized model",
    )


def refuse_impossible_context(question: Question) -> Refusal | None:
    """No memory makes a model read further than it was made for."""
    maximum = question.facts.max_context_length
    serving = question.spec.serving
    for field, tokens in (("contextLength", serving.context_length), ("minContextLength", serving.min_context_length)):
        if tokens is not None and tokens > maximum:
            return Refusal(
                Reason.CONTEXT_TOO_LONG,
                f"spec.serving.{field} {tokens:,} is more than the {maximum:,} tokens that the model was made for",
            )
    return None


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


Rule = Callable[[Question], Refusal | None]
RULES: tuple[Rule, ...] = (
    refuse_reserved_environment,
    refuse_reserved_labels,
    refuse_unknown_architecture,
    refuse_remote_code,
    refuse_quantization,
    refuse_impossible_context,
    refuse_without_nodes,
    refuse_insufficient_memory,
)
