"""facts of a model + nodes + wishes -> one plan with its arithmetic, or a refusal with the nearest miss. No I/O.

Reading order: `support`, `rules`, `memory`, `limits`, `choice`.
"""

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.facts.inventory import Inventory
from tonnage.plan.refusal import Refusal
from tonnage.plan.support import unsupported_fields

__all__ = ["Refusal", "plan", "unsupported_fields"]


def plan(
    spec: ModelDeploymentSpec, facts: ModelFacts, inventory: Inventory, previous: PlanStatus | None = None
) -> PlanStatus | Refusal:
    """The plan for `spec`; `previous` (status.plan) is kept while what it was made from, nodes apart, is the same."""
    raise NotImplementedError
