"""What `tonnage explain` answers for one deployment, and its form for programs; `explanation` has the one for people.

Easily got wrong: a plan is shown as `status.plan` would have it, and nothing else is, so that it can be compared with a
cluster's. Only with the serve document beside it does it move down a level.
"""

from dataclasses import dataclass

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.serve_document import ServeDocument
from tonnage.contract.status import PlanStatus
from tonnage.plan import Refusal


@dataclass(frozen=True)
class Answer:
    """One deployment's plan or refusal. `facts` are None where the spec was refused before anybody looked."""

    deployment: str
    source: str
    facts: ModelFacts | None
    plan: PlanStatus | Refusal
    document: ServeDocument | None = None
    # What a reader must know of how it was made: assumed nodes, counted weights.
    notes: tuple[str, ...] = ()

    def to_json_object(self) -> dict[str, object]:
        """`status.plan`, or `reason`, `message` and `alternatives` of a refusal; notes are for people."""
        if isinstance(self.plan, Refusal):
            return {
                "reason": str(self.plan.reason),
                "message": self.plan.message,
                "alternatives": [alternative.to_json_object() for alternative in self.plan.alternatives],
            }
        if self.document is None:
            return self.plan.to_json_object()
        return {"plan": self.plan.to_json_object(), "serveDocument": self.document.to_json_object()}
