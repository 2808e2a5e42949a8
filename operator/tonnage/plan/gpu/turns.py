"""Whose turn it is: GPUs that the author named, in order of preference, each waited for as long as the author said.

The choice is made as if everything named were there. If what is chosen is not, it is waited for or, where nobody said
how long, passed over; then the choice is made again among the rest. What a reader would get wrong: only what would be
chosen costs time, so GPUs that cannot hold the model are never waited for; and who was waited for in vain is still
preferred: as soon as its GPUs are free, its turn has come.

Once all have been passed over, the first that nodes have is taken, busy or not, so that scheduler and autoscaler go on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tonnage.contract.reasons import Reason
from tonnage.plan.gpu.candidates import Candidate, candidates, spanning
from tonnage.plan.gpu.choice import Choice, choose
from tonnage.plan.gpu.offers import Offer, Rejected, Wait
from tonnage.plan.gpu.question import Question


@dataclass(frozen=True)
class Pause:
    """What is waited for now; `since` is when the first wait began."""

    candidate: Candidate
    wait: Wait
    since: datetime
    until: datetime
    # What comes then.
    following: str
    rejected: tuple[Rejected, ...]


def turn(question: Question) -> Choice | Pause:
    """The choice, or what is waited for. At a terminal nothing is, and what would be is among the rejected."""
    waited = question.asked.waited
    passed: list[Rejected] = []
    longest = timedelta()
    first = _choose(question, list(question.offers.found))
    if first.fit is None or not question.offers.is_known:
        return first
    choices = _choices(question, first)
    for choice, candidate in choices:
        offer = candidate.offer
        if offer.is_there:
            return replace(choice, rejected=(*passed, *choice.rejected))
        if offer.wait is not None:
            longest += offer.wait.time
            if waited is not None and waited.time < longest:
                following = _following(question, candidate, choices)
                return Pause(candidate, offer.wait, waited.since, waited.since + longest, following, tuple(passed))
        passed.append(_passed(candidate, has_waited=waited is not None))
    last = _last_choice(question)
    taken = None if last.fit is None else str(last.fit.candidate)
    return replace(last, rejected=(*(one for one in passed if one.what != taken), *last.rejected))


def state(offer: Offer) -> str:
    """How many there are of an offer that is not there."""
    if not offer.shares:
        return f"no node has {offer.gpu.name}"
    if offer.pods == 1:
        if not offer.is_present:
            return f"the most on one node is {offer.per_node}"
        return f"{max(share.free or 0 for share in offer.shares)} of {offer.count} are free on one node"
    gpus = (offer.count or 1) // offer.pods
    room = offer.room(gpus)
    if not offer.is_present:
        return f"{room.total} of {offer.pods} nodes have {gpus}"
    return f"{room.free} of {offer.pods} nodes have {gpus} that are free"


def _choices(question: Question, first: Choice) -> Iterator[tuple[Choice, Candidate]]:
    """The first choice, and the next one each time without what the one before took, while anything fits."""
    left, choice = list(question.offers.found), first
    while choice.fit is not None:
        yield choice, choice.fit.candidate
        left.remove(choice.fit.candidate.offer)
        choice = _choose(question, left)


def _choose(question: Question, offers: list[Offer]) -> Choice:
    """Among what one node holds; where none does among what two do, and so on: the context is cut before."""
    spec, shape = question.spec, question.shape
    has_image = spec.template.image is not None
    choice = choose(shape, candidates(spec, shape, tuple(offers)), question.context, has_image=has_image)
    wide = () if choice.fit else spanning(spec, shape, tuple(offers))
    for pods in sorted({one.pods for one in wide}):
        among = tuple(one for one in wide if one.pods == pods)
        choice = choice.or_else(choose(shape, among, question.context, has_image=has_image))
        if choice.fit is not None:
            break
    return choice


def _last_choice(question: Question) -> Choice:
    return _choose(question, sorted(question.offers.found, key=lambda offer: not offer.is_present))


def _following(question: Question, waiting: Candidate, choices: Iterator[tuple[Choice, Candidate]]) -> str:
    for _, candidate in choices:
        if candidate.offer.is_there:
            return f"then {candidate} is taken"
        if candidate.offer.wait is not None:
            return f"then {candidate} is waited for"
    fit = _last_choice(question).fit
    return "then pods wait for it" if fit is None or fit.candidate == waiting else f"then pods wait for {fit.candidate}"


def _passed(candidate: Candidate, *, has_waited: bool) -> Rejected:
    wait = candidate.offer.wait
    if wait is None:
        return Rejected(str(candidate), Reason.NO_NODES, state(candidate.offer))
    waiting = "was waited for" if has_waited else "would be waited for"
    return Rejected(str(candidate), Reason.WAITING_FOR_GPUS, f"{waiting} {wait.text}: {state(candidate.offer)}")
