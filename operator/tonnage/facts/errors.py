"""The one exception of this package. Whether to try again is decided where the fact is known, not by callers.

FactsError    reason: which condition reason to show
              message: one sentence for the person who wrote the deployment
              is_permanent: nothing but a changed spec (or a changed model) helps
"""

from tonnage.contract.reasons import Reason


class FactsError(Exception):
    """Something about a model or a node could not be learnt."""

    def __init__(self, reason: Reason, message: str, *, is_permanent: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.is_permanent = is_permanent


def unusable(message: str) -> FactsError:
    """The error for a model whose files are there and no use."""
    return FactsError(Reason.UNUSABLE_CONFIG, message, is_permanent=True)
