"""The one exception of this package. Whether to try again is decided where the fact is known, not by callers.

FactsError    reason: which condition reason to show
              message: one sentence for the person who wrote the deployment
              is_permanent: nothing but a changed spec (or a changed model) helps
"""

from tonnage.contract.reasons import Reason

_SHOWN_CHARACTERS = 64
_SHOWN_BITS = 128


class FactsError(Exception):
    """Something about a model or a node could not be learnt."""

    def __init__(self, reason: Reason, message: str, *, is_permanent: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.is_permanent = is_permanent


def shown(value: object) -> str:
    """A value of somebody's file, for a message: short, and of what may be nested only what it is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"a text of {len(value):,} characters"
    # Python refuses to write out numbers of thousands of digits.
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return f"a number of {value.bit_length():,} bits"
    return repr(value)


def unusable(message: str) -> FactsError:
    """The error for a model whose files are there and no use."""
    return FactsError(Reason.UNUSABLE_CONFIG, message, is_permanent=True)
