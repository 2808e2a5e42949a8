"""What gets a pod its GPUs: their resource, the nodes that have them, the taint that keeps others away.

NVIDIA and AMD, whole GPUs and slices differ in names only. Easily got wrong: the head needs no GPU, and may still have
nowhere to go but to a node with GPUs, so it tolerates the taint as well, and prefers other nodes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tonnage.contract.spec import Toleration
from tonnage.contract.status import PlanStatus
from tonnage.facts.gpu_labels import product_labels, taint_key

# 256 MiB for each GPU and once more: vLLM 0.29 has a queue of 10 x 24 MiB for the answers of each GPU's process and one
# of 10 x 16 MiB for what it is told (v1/executor/ray_executor_v2.py, MessageQueue in shm_broadcast.py, which refuses
# to start without that room); beside the latter lies Ray's object store of 80 MB.
_QUEUE_MIB = 256
# Between GPUs that do not reach each other's memory NCCL copies through segments of 9,637,888 bytes, one for each
# neighbour and channel, and fails where there is no room (NVIDIA/nccl issues 342 and 525). Its user guide's advice for
# containers is --shm-size=1g (troubleshooting, "Shared memory").
_NCCL_MIB = 1024
# Ray's object store and two queues.
_WITHOUT_GPU = "1Gi"


def gpu_request(plan: PlanStatus) -> dict[str, str]:
    """GPUs of one worker pod, by resource; request and limit, which Kubernetes wants to be the same."""
    return {} if plan.gpu_resource is None else {plan.gpu_resource: str(plan.gpus_per_pod)}


def shared_memory(plan: PlanStatus) -> str:
    """How large /dev/shm may get. What is in it is charged to the pod: the plan's memory of a pod has room for it."""
    if plan.gpus_per_pod == 0:
        return _WITHOUT_GPU
    nccl_mib = _NCCL_MIB if plan.gpus_per_pod > 1 else 0
    return f"{_QUEUE_MIB * (1 + plan.gpus_per_pod) + nccl_mib}Mi"


def worker_affinity(plan: PlanStatus) -> dict[str, Any] | None:
    """Only nodes with one of the plan's products; None where any node that has the resource will do."""
    if plan.gpu_resource is None or not plan.gpu_products:
        return None
    # Terms are alternatives: a node has the label of its labeller's age.
    terms = [
        {"matchExpressions": [{"key": key, "operator": "In", "values": plan.gpu_products}]}
        for key in product_labels(plan.gpu_resource)
    ]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def head_affinity(plan: PlanStatus) -> dict[str, Any] | None:
    """Rather nodes without GPUs: theirs are costly, and should be free to go when no worker needs them."""
    if plan.gpu_resource is None:
        return None
    # Those of whole GPUs, which nodes with slices have as well.
    labels = product_labels(taint_key(plan.gpu_resource))
    absent = [{"key": key, "operator": "DoesNotExist"} for key in labels]
    preference = {"weight": 100, "preference": {"matchExpressions": absent}}
    return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preference]}}


def with_gpu_tolerations(given: Sequence[Toleration], resources: Iterable[str]) -> list[dict[str, object]]:
    """The author's tolerations, and one for the taint of each of `resources` that they do not cover."""
    added = (Toleration(key=taint_key(resource), operator="Exists", effect="NoSchedule") for resource in resources)
    missing = (one for one in added if not any(_covers(known, one) for known in given))
    return [one.to_json_object() for one in (*given, *missing)]


def _covers(known: Toleration, wanted: Toleration) -> bool:
    return known.operator == "Exists" and known.key in (None, wanted.key) and known.effect in (None, wanted.effect)
