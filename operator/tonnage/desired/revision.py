"""A revision: everything that needs new pods, under a name that is its digest. Replica counts are not in it."""

from dataclasses import dataclass

from tonnage.contract.serve_document import ServeDocument
from tonnage.contract.status import PlanStatus


@dataclass(frozen=True)
class Revision:
    """One revision, ready to be rendered."""

    # 8 hex digits.
    name: str
    document: ServeDocument
    plan: PlanStatus
    image: str
