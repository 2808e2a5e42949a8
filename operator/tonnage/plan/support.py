"""Fields of the contract that this version accepts and does not act on: named to the user, never silently ignored.

A field leaves this table in the change that implements it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tonnage.contract.serve_document import Device
from tonnage.contract.spec import ModelDeploymentSpec, Precision, Rollout, RolloutStrategy


@dataclass(frozen=True)
class _Unsupported:
    """One field, when it asks for something that nothing does yet, and what to do meanwhile."""

    field: str
    is_asked_for: Callable[[ModelDeploymentSpec], bool]
    advice: str
    # Whether plans take it into account already, so that `tonnage explain` can show what would be.
    is_planned: bool = False


def _is_on_cpu(spec: ModelDeploymentSpec) -> bool:
    return spec.placement.device is Device.CPU


_TABLE = (
    _Unsupported("spec.model.adapters", lambda spec: bool(spec.model.adapters), "remove it: LoRA comes later"),
    _Unsupported(
        "spec.serving.precision",
        lambda spec: _is_on_cpu(spec) and spec.serving.precision is not Precision.LOSSLESS,
        "on device Cpu only Lossless is supported",
    ),
    _Unsupported(
        "spec.serving.tensorParallel",
        lambda spec: _is_on_cpu(spec) and spec.serving.tensor_parallel not in (None, 1),
        "on device Cpu only 1 is supported",
    ),
    _Unsupported(
        "spec.serving.pipelineParallel",
        lambda spec: _is_on_cpu(spec) and spec.serving.pipeline_parallel not in (None, 1),
        "on device Cpu only 1 is supported",
    ),
    _Unsupported("spec.serving.engineArgs", lambda spec: bool(spec.serving.engine_args), "remove it"),
    _Unsupported(
        "spec.placement.candidates",
        lambda spec: _is_on_cpu(spec) and bool(spec.placement.candidates),
        "remove it: device Cpu has no GPUs",
    ),
    _Unsupported("spec.placement.queueName", lambda spec: spec.placement.queue_name is not None, "remove it"),
    _Unsupported(
        "spec.scaling",
        lambda spec: spec.scaling is not None,
        "remove it and set spec.replicas, or use an HPA",
        is_planned=True,
    ),
    _Unsupported(
        "spec.rollout.strategy",
        lambda spec: spec.rollout.strategy is RolloutStrategy.REPLACE,
        "a new revision always starts beside the old one yet: use Auto or Surge",
    ),
    _Unsupported(
        "spec.rollout.stallAfter",
        lambda spec: spec.rollout.stall_after != Rollout().stall_after,
        "remove it: stalled rollouts are not rolled back yet",
    ),
    _Unsupported(
        "spec.rollout.revisionHistory",
        lambda spec: spec.rollout.revision_history != Rollout().revision_history,
        "remove it: retired revisions are not kept yet",
    ),
    _Unsupported(
        "spec.access.apiKeysSecretRef",
        lambda spec: spec.access.api_keys_secret_ref is not None,
        "remove it: API keys are not checked yet",
    ),
)


def unsupported_message(unsupported: Iterable[tuple[str, str]]) -> str:
    """What `unsupported_fields` found, in one sentence."""
    return "; ".join(f"{field}: {advice}" for field, advice in unsupported)


def unsupported_fields(spec: ModelDeploymentSpec) -> tuple[tuple[str, str], ...]:
    """`(path of the field, what to do instead)` for each field of `spec` that nothing acts on yet."""
    return tuple((row.field, row.advice) for row in _TABLE if row.is_asked_for(spec))


def unplanned_fields(spec: ModelDeploymentSpec) -> tuple[tuple[str, str], ...]:
    """Those of them that a plan would leave out, so that it would not be an answer."""
    return tuple((row.field, row.advice) for row in _TABLE if not row.is_planned and row.is_asked_for(spec))
