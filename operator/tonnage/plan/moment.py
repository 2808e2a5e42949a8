"""When a plan is asked for: the only thing beside wishes, facts and nodes that an answer may depend on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tonnage.contract.status import WaitingStatus


@dataclass(frozen=True)
class Moment:
    """Now, and the waiting for GPUs that is on record."""

    now: datetime
    waiting: WaitingStatus | None = None


@dataclass(frozen=True)
class Waited:
    """How long the same question has been waited with; `since` is in whole seconds, as status has it."""

    since: datetime
    time: timedelta


@dataclass(frozen=True)
class Asked:
    """The digest of all that is asked with; `waited` is None at a terminal, where nobody waits."""

    answers_digest: str
    waited: Waited | None = None


def asked(answers_digest: str, moment: Moment | None) -> Asked:
    """What was waited with another digest does not count for this one."""
    if moment is None:
        return Asked(answers_digest)
    known = moment.waiting
    is_same = known is not None and known.answers_digest == answers_digest
    since = known.since if known and is_same else moment.now.replace(microsecond=0)
    return Asked(answers_digest, Waited(since, moment.now - since))
