"""facts of a model + nodes + wishes -> one plan with its arithmetic, or a refusal with the nearest miss. No I/O.

Reading order: `support`, `rules` and `tasks` (any device), `context`, `limits`; then `memory`, `budget`, `cpu_rules`
and `cpu` for device Cpu, and the package `gpu` for device Gpu. Constants of the engine are in `engine`.
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
from tonnage.plan.refusal import Refusal
from tonnage.plan.rules import Wish, first_refusal
from tonnage.plan.support import unsupported_fields, unsupported_message
from tonnage.plan.tasks import served

__all__ = ["Refusal", "plan", "unsupported_fields", "unsupported_message"]


def plan(
    spec: ModelDeploymentSpec, facts: ModelFacts, inventory: Inventory, previous: PlanStatus | None = None
) -> PlanStatus | Refusal:
    """The plan for `spec`; `previous` (status.plan) is kept while what it was made from, nodes apart, is the same."""
    answers_digest = _digest(spec, facts)
    if previous is not None and previous.answers_digest == answers_digest:
        return previous
    try:
        available = budget(spec, inventory)
    except FactsError as error:
        return Refusal(Reason.INVALID_SPEC, f"spec.template.resources.memory: {error.message}")
    refusal = first_refusal(Wish(spec, facts))
    if refusal is not None:
        return refusal
    as_served = served(facts, spec.serving)
    if spec.placement.device is Device.GPU:
        return gpu_plan(spec, as_served, inventory, available, answers_digest)
    question = Question(spec, as_served, inventory, available)
    return first_cpu_refusal(question) or cpu_plan(spec, as_served, available, answers_digest)


def _digest(spec: ModelDeploymentSpec, facts: ModelFacts) -> str:
    """Of all that a plan answers. The nodes are left out on purpose: they change without anybody's wish."""
    wishes = (spec.model, spec.serving, spec.placement, spec.template.resources, facts)
    # Without defaults: a newer operator's new field, still unset, must not make every model be planned again.
    said = (wish.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True) for wish in wishes)
    text = json.dumps([ENGINE_VERSION, *said], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
