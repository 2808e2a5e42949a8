"""The first candidate that fits, and why every one before it was refused.

Two passes: first all candidates with the wanted context, then, only if none fits, with the longest that each can hold;
there the longest context wins, and of equals the first. So a second GPU is taken before the context is cut.
"""

from dataclasses import dataclass

from tonnage.contract.reasons import Reason
from tonnage.facts.shape import Shape
from tonnage.plan.context import ContextWish
from tonnage.plan.gpu.candidates import Candidate
from tonnage.plan.gpu.fit import Arithmetic, Fit
from tonnage.plan.gpu.offers import Rejected
from tonnage.plan.gpu.rules import first_rejection


@dataclass(frozen=True)
class Choice:
    """What was chosen, if anything fits; `rejected` in the order in which it was tried."""

    fit: Fit | None
    rejected: tuple[Rejected, ...]
    # Candidates that no rule rejects; without memory enough where nothing fits.
    possible: tuple[Candidate, ...]


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
        fit = arithmetic.fit(candidate, wish.wanted)
        if fit is not None:
            return Choice(fit, tuple(rejected), tuple(possible))
        reason = arithmetic.estimate(candidate, wish.wanted).reason
        rejected.append(Rejected(str(candidate), Reason.INSUFFICIENT_MEMORY, reason))
    fits = [fit for candidate in possible if (fit := arithmetic.longest(candidate, wish.wanted, wish.least))]
    return Choice(max(fits, key=lambda fit: fit.context_length, default=None), tuple(rejected), tuple(possible))
