"""Why a revision does not start, in one class and one sentence.

Under Ray the cause is rarely in the container that ended: it is a line in the middle of a traceback in Serve's message.
What a reader would get wrong: the first error is the cause, the last one says only that something had failed before.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tonnage.contract.reasons import Reason
from tonnage.observe.pods import Container, Pod
from tonnage.observe.serve_status import DEPLOY_FAILED
from tonnage.observe.snapshot import ObservedRevision

# First match in this order; what vLLM 0.29, Ray 2.60, torch and the kernel write.
SIGNATURES: tuple[tuple[Reason, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        (Reason.KV_CACHE_TOO_SMALL, r"No available memory for the cache blocks"),
        (Reason.KV_CACHE_TOO_SMALL, r"larger than the maximum number of tokens that can be stored in KV cache"),
        (Reason.KV_CACHE_TOO_SMALL, r"KV cache is needed, which is larger than the available KV cache memory"),
        (Reason.HOST_OUT_OF_MEMORY, r"OOMKilled|out of memory \(OOM\)|DefaultCPUAllocator: can't allocate memory"),
        (Reason.HOST_OUT_OF_MEMORY, r"is less than requested memory for kv"),
        (Reason.GPU_OUT_OF_MEMORY, r"(CUDA|HIP) out of memory|is less than desired GPU memory utilization"),
        (Reason.DRIVER_TOO_OLD, r"NVIDIA driver on your system is too old|driver version is insufficient"),
        (Reason.REVISION_NOT_FOUND, r"Revision Not Found|RevisionNotFoundError"),
        (Reason.GATED_MODEL, r"GatedRepoError|gated repo"),
        (Reason.MODEL_NOT_FOUND, r"RepositoryNotFoundError|Repository Not Found"),
        (Reason.REMOTE_CODE_REQUIRED, r"trust_remote_code=True"),
        (Reason.ARCHITECTURE_UNSUPPORTED, r"Model architectures \[.*\] (are not supported|failed to be inspected)"),
        (Reason.QUANTIZATION_UNSUPPORTED, r"quantization (method .* )?is (currently )?not supported"),
        (Reason.SHARED_MEMORY_TOO_SMALL, r"Insufficient space in /dev/shm"),
        (Reason.SHARED_MEMORY_TOO_SMALL, r"No space left on device.*/dev/shm|/dev/shm.*No space left on device"),
        (Reason.DISK_FULL, r"No space left on device|ephemeral.storage"),
    )
)
# Nothing but another spec or another model helps.
_PERMANENT = (
    Reason.KV_CACHE_TOO_SMALL,
    Reason.REMOTE_CODE_REQUIRED,
    Reason.ARCHITECTURE_UNSUPPORTED,
    Reason.QUANTIZATION_UNSUPPORTED,
)

_CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_ERROR_LINE = re.compile(r"^[\w.]*\w(Error|Exception|Failure)(: (?!Traceback)\S.*)?$")
# What Ray and vLLM put before a line: which process, when.
_LINE_PREFIX = re.compile(r"^(\x1b\[[0-9;]*m|\([^()]*pid=[^()]*\)|ERROR|INFO|WARNING|[\d:.,-]+|\[[\w./:-]+\]|\s)+")
_RESTLESS = re.compile(r"\x1b\[[0-9;]*m|pid=\d+|0x[0-9a-f]+|\b[0-9a-f]{32,}\b")
_LONGEST = 600
_KILLED = 137


@dataclass(frozen=True)
class Failure:
    """One cause."""

    reason: Reason
    message: str

    @property
    def is_permanent(self) -> bool:
        """Whether waiting is no use."""
        return self.reason in _PERMANENT


def failure(revision: ObservedRevision) -> Failure | None:
    """What keeps this revision from running all its replicas: of its pods first, then what Serve says; or None."""
    pods = [
        each
        for each in (revision.head, *revision.workers, *revision.followers)
        if each and not each.is_terminating and not each.is_ready
    ]
    for each in pods:
        found = _pod_failure(each)
        if found is not None:
            return found
    serve = revision.serve
    if serve is not None and serve.application in (DEPLOY_FAILED, "UNHEALTHY") and serve.message:
        return classified(serve.message, Reason.ENGINE_FAILED)
    return None


def classified(text: str, otherwise: Reason) -> Failure:
    """The class and the first telling line of an error's whole text."""
    lines = [_LINE_PREFIX.sub("", line).strip() for line in text.splitlines()]
    for reason, pattern in SIGNATURES:
        for line in lines:
            if pattern.search(line):
                return Failure(reason, _calm(line))
    first = next((line for line in lines if _ERROR_LINE.match(line)), None)
    return Failure(otherwise, _calm(first or next((line for line in reversed(lines) if line), "it said nothing")))


def _pod_failure(pod: Pod) -> Failure | None:
    if pod.unschedulable_message is not None:
        return Failure(
            Reason.VOLUME_NOT_FOUND if pod.lacks_claim else Reason.UNSCHEDULABLE,
            f"no node for {pod.name}: {_calm(pod.unschedulable_message)}",
        )
    if pod.reason == "Evicted":
        is_disk = "ephemeral" in (pod.message or "") or "emptydir" in (pod.message or "").lower()
        return Failure(
            Reason.DISK_FULL if is_disk else Reason.HOST_OUT_OF_MEMORY,
            f"{pod.name} was evicted: {_calm(pod.message or '')}",
        )
    return next((found for container in pod.containers if (found := _container_failure(pod, container))), None)


def _container_failure(pod: Pod, container: Container) -> Failure | None:
    where = f"container {container.name} of {pod.name}"
    said = container.waiting_message or ""
    if container.lacks_image:
        # The two reasons alternate while kubelet backs off, and only one of them always tells the registry's answer.
        answer = said.rpartition("desc = ")[2] if "desc = " in said else ""
        return Failure(
            Reason.IMAGE_PULL, f"the image {container.image} cannot be pulled{': ' if answer else ''}{_calm(answer)}"
        )
    if container.waiting_reason in _CONFIG_REASONS:
        is_secret = "secret" in said and ("not found" in said or "couldn't find key" in said)
        reason = Reason.SECRET_MISSING if is_secret else Reason.CONTAINER_FAILED
        return Failure(reason, f"{where} cannot start: {_calm(said)}")
    return None if container.exit_code in (None, 0) else _ending(where, container)


def _ending(where: str, container: Container) -> Failure:
    if container.exit_reason == "OOMKilled":
        return Failure(Reason.HOST_OUT_OF_MEMORY, f"{where} took more memory than its limit and was killed")
    if container.exit_code == _KILLED:
        return Failure(Reason.CONTAINER_FAILED, f"{where} was killed from outside (exit code {_KILLED})")
    text = container.exit_message or ""
    reported = next(_reports(text), None)
    if reported is not None:
        return reported
    found = classified(text, Reason.CONTAINER_FAILED)
    return Failure(found.reason, f"{where} ended with exit code {container.exit_code}: {found.message}")


def _reports(text: str) -> Iterator[Failure]:
    """What the runtime itself says of its end: `{"reason", "message"}` on a line of its own."""
    for line in reversed(text.splitlines()):
        try:
            document: Any = json.loads(line)
            yield Failure(Reason(document["reason"]), _calm(document["message"]))
        except (ValueError, KeyError, TypeError):
            continue


def _calm(text: str) -> str:
    """One line, without what differs from one try to the next: each difference would be a write."""
    line = " ".join(_RESTLESS.sub("", text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
