"""facts of a model + nodes + wishes -> one plan with its arithmetic, or a refusal with the nearest miss. No I/O.

Reading order: `support`, `rules` and `tasks` (any device), `moment`, `context`, `limits`, `derivation`; then `memory`,
`budget`, `cpu_rules` and `cpu` for device Cpu, and the package `gpu` for device Gpu. Constants of the engine are in
`engine`.
"""

import hashlib
import json

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.facts.errors import FactsError
from tonnage.facts.inventory import Inventory
from tonnage.plan.budget import budget
from tonnage.plan.cpu import cpu_plan
from tonnage.plan.cpu_rules import Question, first_cpu_refusal
from tonnage.plan.engine import ENGINE_VERSION
from tonnage.plan.gpu import gpu_plan
from tonnage.plan.limits import with_bounds
from tonnage.plan.moment import Moment, asked
from tonnage.plan.refusal import Refusal
from tonnage.plan.rules import Wish, first_refusal
from tonnage.plan.support import unplanned_fields, unsupported_fields, unsupported_message
from tonnage.plan.tasks import served

__all__ = ["Moment", "Refusal", "kept", "plan", "unplanned_fields", "unsupported_fields", "unsupported_message"]


def kept(spec: ModelDeploymentSpec, facts: ModelFacts, previous: PlanStatus | None) -> PlanStatus | None:
    """`previous` (status.plan) while what it was made from, nodes apart, is the same; with the replicas wanted now."""
    is_same = previous is not None and previous.answers_digest == _digest(spec, facts)
    return with_bounds(previous, spec) if previous is not None and is_same else None


def plan(
    spec: ModelDeploymentSpec, facts: ModelFacts, inventory: Inventory, moment: Moment | None = None
) -> PlanStatus | Refusal:
    """The plan for `spec`, made anew; GPUs are waited for only where there is a moment."""
    answers_digest = _digest(spec, facts)
    try:
        available = budget(spec, inventory)
    except FactsError as error:
        return Refusal(Reason.INVALID_SPEC, f"spec.template.resources.memory: {error.message}")
    refusal = first_refusal(Wish(spec, facts))
    if refusal is not None:
        return refusal
    as_served = served(facts, spec.serving)
    if spec.placement.device is Device.GPU:
        return gpu_plan(spec, as_served, inventory, available, asked(answers_digest, moment))
    question = Question(spec, as_served, inventory, available)
    return first_cpu_refusal(question) or cpu_plan(spec, as_served, available, answers_digest)


def _digest(spec: ModelDeploymentSpec, facts: ModelFacts) -> str:
    """Of all that a plan answers. The nodes are left out on purpose: they change without anybody's wish."""
    wishes = (spec.model, spec.serving, spec.placement, spec.template.resources, facts)
    # Without defaults: a newer operator's new field, still unset, must not make every model be planned again.
    said = (wish.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True) for wish in wishes)
    # Of scaling, the bounds are not planned, see `kept`.
    target = [] if spec.scaling is None else [spec.scaling.target_utilization]
    text = json.dumps([ENGINE_VERSION, *said, *target], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
