"""What failures look like in the field, and which class and words people get."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tonnage.contract.reasons import Reason
from tonnage.observe.failures import Failure, classified, failure
from tonnage.observe.serve_status import ServeStatus
from tonnage.observe.snapshot import Container, ObservedRevision, Pod

# Where the engine's processes meet.
SHARED_MEMORY_FOLDER = Path("/dev", "shm")
SHARED_MEMORY = str(SHARED_MEMORY_FOLDER / "psm_1")
TRACEBACK = """The deployment failed to start 3 times in a row. This may be due to a problem with its constructor.
Error:
ray::ServeReplica:model:model.initialize_and_get_metadata() (pid=283, ip=10.0.0.7, actor_id=8f2a)
  File "/opt/site-packages/ray/serve/_private/replica.py", line 1300, in initialize
    raise RuntimeError(traceback.format_exc()) from None
RuntimeError: Traceback (most recent call last):
  File "/opt/site-packages/vllm/v1/engine/core.py", line 100, in __init__
(EngineCore pid=391) ERROR 04-22 15:12:24 [core.py:900] {cause}
RuntimeError: Engine core initialization failed. See root cause above.
"""


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        pytest.param(
            "ValueError: No available memory for the cache blocks.", Reason.KV_CACHE_TOO_SMALL, id="no blocks"
        ),
        pytest.param(
            "ValueError: To serve at least one request with max seq len (8192), (0.35 GiB KV cache is needed, "
            "which is larger than the available KV cache memory (0.10 GiB).",
            Reason.KV_CACHE_TOO_SMALL,
            id="too few blocks for one sequence",
        ),
        pytest.param(
            "RuntimeError: [enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried",
            Reason.HOST_OUT_OF_MEMORY,
            id="the allocator",
        ),
        pytest.param(
            "ValueError: Model architectures ['Foo'] are not supported for now.",
            Reason.ARCHITECTURE_UNSUPPORTED,
            id="architecture",
        ),
        pytest.param(
            "ValueError: Please pass the argument `trust_remote_code=True` to allow custom code to be run.",
            Reason.REMOTE_CODE_REQUIRED,
            id="remote code",
        ),
        pytest.param(
            "ValueError: awq quantization is currently not supported in cpu.", Reason.QUANTIZATION_UNSUPPORTED, id="awq"
        ),
        pytest.param(
            "OSError: [Errno 28] No space left on device: " + SHARED_MEMORY,
            Reason.SHARED_MEMORY_TOO_SMALL,
            id="shared memory",
        ),
        pytest.param(
            f"RuntimeError: Insufficient space in {SHARED_MEMORY_FOLDER}: 240 MiB required, 64 MiB free. Increase it",
            Reason.SHARED_MEMORY_TOO_SMALL,
            id="shared memory for the engine's queues",
        ),
        pytest.param(
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB. GPU 0 has 22.03 GiB",
            Reason.GPU_OUT_OF_MEMORY,
            id="a GPU's memory",
        ),
        pytest.param(
            "ValueError: Free memory on device cuda:0 (3.1/22.03 GiB) on startup is less than desired GPU memory "
            "utilization (0.92, 20.27 GiB).",
            Reason.GPU_OUT_OF_MEMORY,
            id="a GPU that somebody else fills",
        ),
        pytest.param(
            "RuntimeError: The NVIDIA driver on your system is too old (found version 12040).",
            Reason.DRIVER_TOO_OLD,
            id="driver",
        ),
        pytest.param("OSError: [Errno 28] No space left on device", Reason.DISK_FULL, id="the disk"),
    ],
)
def test_the_cause_in_the_middle_of_a_traceback_is_found(cause: str, reason: Reason) -> None:
    assert Failure(reason, cause) == classified(TRACEBACK.replace("{cause}", cause), Reason.ENGINE_FAILED)


def test_an_unknown_cause_is_told_by_its_first_error() -> None:
    text = TRACEBACK.replace("{cause}", "KeyError: 'rope'")
    assert Failure(Reason.ENGINE_FAILED, "KeyError: 'rope'") == classified(text, Reason.ENGINE_FAILED)


def test_two_tries_of_one_failure_sound_the_same() -> None:
    text = "ray::x (pid={pid}, ip=10.0.0.7)\nValueError: at <Engine object at 0x{pid}> it failed"
    assert classified(text.replace("{pid}", "12"), Reason.ENGINE_FAILED) == classified(
        text.replace("{pid}", "34"), Reason.ENGINE_FAILED
    )


@pytest.mark.parametrize(
    ("container_fields", "expected"),
    [
        pytest.param(
            {
                "waiting_reason": "ErrImagePull",
                "waiting_message": "rpc error: code = NotFound desc = runtime:1: not found",
            },
            Failure(Reason.IMAGE_PULL, "the image runtime:1 cannot be pulled: runtime:1: not found"),
            id="a missing image",
        ),
        pytest.param(
            {
                "waiting_reason": "ImagePullBackOff",
                "waiting_message": 'Back-off pulling image "runtime:1": ErrImagePull: rpc error: code = NotFound '
                "desc = runtime:1: not found",
            },
            Failure(Reason.IMAGE_PULL, "the image runtime:1 cannot be pulled: runtime:1: not found"),
            id="a missing image, while kubelet waits: the same words",
        ),
        pytest.param(
            {"waiting_reason": "InvalidImageName", "waiting_message": "couldn't parse"},
            Failure(Reason.IMAGE_PULL, "the image runtime:1 cannot be pulled"),
            id="no image's name",
        ),
        pytest.param(
            {"waiting_reason": "CreateContainerConfigError", "waiting_message": 'secret "hub" not found'},
            Failure(Reason.SECRET_MISSING, 'container worker of pod cannot start: secret "hub" not found'),
            id="a missing Secret",
        ),
        pytest.param(
            {"exit_code": 137, "exit_reason": "OOMKilled"},
            Failure(
                Reason.HOST_OUT_OF_MEMORY, "container worker of pod took more memory than its limit and was killed"
            ),
            id="out of memory",
        ),
        pytest.param(
            {"exit_code": 137, "exit_reason": "Error"},
            Failure(Reason.CONTAINER_FAILED, "container worker of pod was killed from outside (exit code 137)"),
            id="killed, but not for its memory",
        ),
        pytest.param(
            {
                "exit_code": 1,
                "exit_reason": "Error",
                "exit_message": '{"reason": "DiskFull", "message": "0.1 GiB are free"}\n',
            },
            Failure(Reason.DISK_FULL, "0.1 GiB are free"),
            id="the runtime's own report",
        ),
        pytest.param(
            {"exit_code": 1, "exit_reason": "Error", "exit_message": '{"reason": "Nonsense", "message": "x"}'},
            Failure(
                Reason.CONTAINER_FAILED,
                'container worker of pod ended with exit code 1: {"reason": "Nonsense", "message": "x"}',
            ),
            id="a report of a reason that nobody knows",
        ),
        pytest.param(
            {
                "exit_code": 2,
                "exit_reason": "Error",
                "exit_message": "usage\nModuleNotFoundError: No module named 'x'\n",
            },
            Failure(
                Reason.CONTAINER_FAILED,
                "container worker of pod ended with exit code 2: ModuleNotFoundError: No module named 'x'",
            ),
            id="a log's error",
        ),
        pytest.param({"exit_code": 0, "exit_reason": "Completed"}, None, id="a good end"),
        pytest.param({"waiting_reason": "ContainerCreating"}, None, id="still being made"),
    ],
)
def test_a_containers_state(
    revision: Callable[..., ObservedRevision],
    pod: Callable[..., Pod],
    container: Callable[..., Container],
    container_fields: dict[str, Any],
    expected: Failure | None,
) -> None:
    worker = pod(is_ready=False, containers=(container(is_running=False, **container_fields),))
    assert expected == failure(revision(workers=(worker,)))


@pytest.mark.parametrize(
    ("pod_fields", "expected"),
    [
        pytest.param(
            {"unschedulable_message": "0/1 nodes are available: 1 Insufficient memory."},
            Failure(Reason.UNSCHEDULABLE, "no node for pod: 0/1 nodes are available: 1 Insufficient memory."),
            id="no node",
        ),
        pytest.param(
            {"unschedulable_message": 'persistentvolumeclaim "models" not found'},
            Failure(Reason.VOLUME_NOT_FOUND, 'no node for pod: persistentvolumeclaim "models" not found'),
            id="no claim",
        ),
        pytest.param(
            {
                "phase": "Failed",
                "reason": "Evicted",
                "message": "Pod ephemeral local storage usage exceeds the total limit",
            },
            Failure(Reason.DISK_FULL, "pod was evicted: Pod ephemeral local storage usage exceeds the total limit"),
            id="evicted for its disk",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
            Failure(Reason.HOST_OUT_OF_MEMORY, "pod was evicted: The node was low on resource: memory."),
            id="evicted for the node's memory",
        ),
        pytest.param(
            {"is_terminating": True, "unschedulable_message": "0/1"}, None, id="a pod that goes is no failure"
        ),
    ],
)
def test_a_pods_state(
    revision: Callable[..., ObservedRevision],
    pod: Callable[..., Pod],
    pod_fields: dict[str, Any],
    expected: Failure | None,
) -> None:
    assert expected == failure(revision(workers=(pod(is_ready=False, **pod_fields),)))


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        pytest.param("DEPLOY_FAILED", Failure(Reason.ENGINE_FAILED, "ValueError: bad"), id="given up"),
        pytest.param("UNHEALTHY", Failure(Reason.ENGINE_FAILED, "ValueError: bad"), id="was well and is not"),
        pytest.param("DEPLOYING", None, id="still trying"),
    ],
)
def test_what_serve_says(revision: Callable[..., ObservedRevision], application: str, expected: Failure | None) -> None:
    said = ServeStatus(application, "Traceback:\nValueError: bad\nRuntimeError: worse", 1, 0, 1.0)
    assert expected == failure(revision(starting=1, serve=said))


def test_only_what_waiting_cannot_heal_is_permanent() -> None:
    permanent = {reason for reason in Reason if Failure(reason, "").is_permanent}
    assert {
        Reason.KV_CACHE_TOO_SMALL,
        Reason.REMOTE_CODE_REQUIRED,
        Reason.ARCHITECTURE_UNSUPPORTED,
        Reason.QUANTIZATION_UNSUPPORTED,
    } == permanent
