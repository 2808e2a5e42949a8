"""A revision: everything that needs new pods, under a name that is its digest.

Replica counts and who may call are not in it. A reader would get wrong what the digest covers: the rendered pods, not the spec:
two specs that ask for the same pods are one revision, and a template that changes between releases makes a new one.
"""

from dataclasses import dataclass

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.serve_document import ServeDocument
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.desired.names import Owner
from tonnage.settings import Settings


@dataclass(frozen=True)
class Revision:
    """One revision, ready to be rendered."""

    # 8 hex digits.
    name: str
    document: ServeDocument
    image: str


def revision(
    owner: Owner, spec: ModelDeploymentSpec, facts: ModelFacts, plan: PlanStatus, settings: Settings
) -> Revision:
    """The revision that this spec, these facts and this plan ask for."""
    raise NotImplementedError
