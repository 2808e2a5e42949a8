"""The ordered chain of rules that hold on any device: each looks at one thing and returns a refusal or nothing.

The first refusal is the answer, and order matters: what cannot run anywhere is said before what does not fit here,
which `cpu_rules` and `gpu` say.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.rules import RESERVED_PREFIXES, RESERVED_TEXT, RESERVED_VARIABLES
from tonnage.contract.spec import ModelDeploymentSpec, TrustRemoteCode
from tonnage.plan.refusal import Refusal
from tonnage.plan.tasks import refuse_task

_RESERVED_KEYS = ("tonnage.dev/", "app.kubernetes.io/")


@dataclass(frozen=True)
class Wish:
    """What is to be planned."""

    spec: ModelDeploymentSpec
    facts: ModelFacts


def first_refusal(wish: Wish) -> Refusal | None:
    """The refusal of the first rule that has one."""
    return next((refusal for rule in RULES if (refusal := rule(wish)) is not None), None)


def refuse_reserved_environment(wish: Wish) -> Refusal | None:
    """What Tonnage, Ray, the engine and the hub client read is set by the plan alone."""
    for variable in wish.spec.template.env:
        if variable.name.startswith(RESERVED_PREFIXES) or variable.name in RESERVED_VARIABLES:
            return Refusal(
                Reason.INVALID_SPEC,
                f"spec.template.env: {variable.name} cannot be set, {RESERVED_TEXT} belong to the operator: remove it",
            )
    return None


def refuse_reserved_labels(wish: Wish) -> Refusal | None:
    """Labels and annotations that select pods, or tell the operator what it did, cannot be the author's."""
    template = wish.spec.template
    for field, keys in (("labels", template.labels), ("annotations", template.annotations)):
        for key in keys:
            if key.startswith(_RESERVED_KEYS):
                return Refusal(
                    Reason.INVALID_SPEC,
                    f"spec.template.{field}: {key} cannot be set, keys under {' and '.join(_RESERVED_KEYS)} "
                    "belong to the operator: remove it",
                )
    return None


def refuse_architecture(wish: Wish) -> Refusal | None:
    """The engine must know how to run the model, for what is wanted of it."""
    return refuse_task(wish.facts, wish.spec.serving)


def refuse_remote_code(wish: Wish) -> Refusal | None:
    """Code from a repository runs only where the author said so."""
    if not wish.facts.needs_remote_code or wish.spec.model.trust_remote_code is TrustRemoteCode.ALLOWED:
        return None
    return Refusal(
        Reason.REMOTE_CODE_REQUIRED,
        f"{wish.facts.source} runs code of its own repository: set spec.model.trustRemoteCode to Allowed and "
        f"spec.model.revision to a 40-hex commit that you have reviewed (now {wish.facts.commit})",
    )


def refuse_impossible_context(wish: Wish) -> Refusal | None:
    """No memory makes a model read further than it was made for."""
    maximum = wish.facts.max_context_length
    serving = wish.spec.serving
    for field, tokens in (("contextLength", serving.context_length), ("minContextLength", serving.min_context_length)):
        if tokens is not None and tokens > maximum:
            return Refusal(
                Reason.CONTEXT_TOO_LONG,
                f"spec.serving.{field} {tokens:,} is more than the {maximum:,} tokens that the model was made for",
            )
    return None


Rule = Callable[[Wish], Refusal | None]
RULES: tuple[Rule, ...] = (
    refuse_reserved_environment,
    refuse_reserved_labels,
    refuse_architecture,
    refuse_remote_code,
    refuse_impossible_context,
)
