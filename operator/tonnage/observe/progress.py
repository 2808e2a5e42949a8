"""How far a start is, in words that change seldom: every new word is a write to the API server."""

from dataclasses import dataclass

from tonnage.contract.reasons import Reason
from tonnage.observe.snapshot import ObservedRevision, Snapshot

_STEP_PERCENT = 5
_GIB = 2**30


@dataclass(frozen=True)
class Progress:
    """The step that a start is at."""

    reason: Reason
    message: str


def progress(revision: ObservedRevision | None, snapshot: Snapshot) -> Progress:
    """The step that this revision's start is at."""
    if revision is None:
        return Progress(Reason.STARTING, "its objects are being created")
    downloads = [snapshot.downloads[pod.name] for pod in revision.live_pods if pod.name in snapshot.downloads]
    total_bytes = sum(one.total_bytes for one in downloads)
    if total_bytes:
        done_percent = 100 * sum(one.done_bytes for one in downloads) // total_bytes
        done_percent -= done_percent % _STEP_PERCENT
        return Progress(Reason.DOWNLOADING, f"{done_percent} % of {total_bytes / _GIB:.2f} GiB are downloaded")
    if any(pod.is_downloading for pod in revision.live_pods):
        return Progress(Reason.DOWNLOADING, "the model is being downloaded")
    if not any(pod.is_up for pod in revision.live_workers):
        return Progress(Reason.STARTING, "its pods are starting")
    if revision.serve is None:
        return Progress(Reason.STARTING, "its head is starting")
    return Progress(Reason.LOADING, "the model is being loaded")
