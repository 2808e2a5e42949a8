"""What was decided and seen -> the status of a ModelDeployment. Equal input gives equal output: that is what keeps an
idle cluster free of writes.
"""

from dataclasses import dataclass

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import ModelDeploymentStatus, PlanStatus
from tonnage.desired.names import Owner
from tonnage.facts.errors import FactsError
from tonnage.observe.snapshot import Snapshot
from tonnage.plan.refusal import Refusal


@dataclass(frozen=True)
class Decision:
    """How far this visit came: facts -> plan -> revision. What was not reached is None."""

    unsupported: tuple[tuple[str, str], ...] = ()
    facts: ModelFacts | None = None
    # Also for a source that cannot be parsed.
    facts_error: FactsError | None = None
    plan: PlanStatus | Refusal | None = None
    # The wanted revision's name.
    revision: str | None = None
    is_paused: bool = False
    # An answer of the API server that stopped this visit; one sentence.
    api_error: str | None = None


def status(
    previous: ModelDeploymentStatus,
    owner: Owner,
    generation: int,
    spec: ModelDeploymentSpec,
    decision: Decision,
    snapshot: Snapshot,
) -> ModelDeploymentStatus:
    """The status to write. `previous` gives transition times, and what this visit did not learn anew."""
    raise NotImplementedError
