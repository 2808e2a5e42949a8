"""Why there is no plan: an answer, not an error. It is returned, shown in status, and final for this spec."""

from dataclasses import dataclass

from tonnage.contract.reasons import Reason
from tonnage.contract.status import Alternative, WaitingStatus


@dataclass(frozen=True)
class Refusal:
    """No plan exists; the message names the number that failed, the number there was, and what would fit."""

    reason: Reason
    message: str
    alternatives: tuple[Alternative, ...] = ()
    # Not refused, only not planned yet: GPUs that the author prefers may still come.
    waiting: WaitingStatus | None = None

    @property
    def is_permanent(self) -> bool:
        """Whether nothing but a changed spec or model helps; nodes may come by themselves."""
        return self.reason is not Reason.NO_NODES and self.waiting is None
