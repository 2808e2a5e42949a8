"""The first candidate that fits, and why every one before it was refused.

Two passes: first all candidates with the wanted context, then, only if none fits, with the longest that each can hold;
there the longest context wins, and of equals the first. So a second GPU is taken before the context is cut.
"""

from dataclasses import dataclass

from tonnage.contract.reasons import Reason
from tonnage.facts.shape import Shape
from tonnage.plan.context import ContextWish
from tonnage.plan.gpu.candidates import Candidate
from tonnage.plan.gpu.fit import Arithmetic, Fit, longer
from tonnage.plan.gpu.offers import Rejected
from tonnage.plan.gpu.rules import first_rejection


@dataclass(frozen=True)
class Choice:
    """What was chosen, if anything fits; `rejected` in the order in which it was tried."""

    fit: Fit | None
    rejected: tuple[Rejected, ...]
    # Candidates that no rule rejects; without memory enough where nothing fits.
    possible: tuple[Candidate, ...]

    def or_else(self, second: "Choice") -> "Choice":
        """The second, which was made because nothing of this fits."""
        return Choice(second.fit, self.rejected + second.rejected, self.possible + second.possible)


def choose(shape: Shape, candidates: tuple[Candidate, ...], wish: ContextWish, *, has_image: bool = False) -> Choice:
    """The choice among candidates, which are tried in their order."""
    arithmetic = Arithmetic(shape)
    rejected: list[Rejected] = []
    possible: list[Candidate] = []
    for candidate in candidates:
        against = first_rejection(shape, candidate, has_image=has_image)
        if against is not None:
            rejected.append(against)
            continue
        possible.append(candidate)
        tried = arithmetic.tried(candidate, wish.wanted)
        if isinstance(tried, Fit):
            return Choice(tried, tuple(rejected), tuple(possible))
        rejected.append(Rejected(str(candidate), Reason.INSUFFICIENT_MEMORY, tried.reason))
    best: Fit | None = None
    for candidate in possible:
        # What is not longer than the best so far need not be searched.
        least = longer(best.context_length) if best else wish.least
        best = arithmetic.longest(candidate, wish.wanted, least) or best
    return Choice(best, tuple(rejected), tuple(possible))
