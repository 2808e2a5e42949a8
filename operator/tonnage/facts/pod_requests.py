"""How many GPUs the pods on each node have taken, counted as the scheduler counts them.

A pod takes the greater of what its containers take together and what its greediest moment of initialization takes; init
containers that go on running (`restartPolicy: Always`) count in both (Kubernetes, "Resource sharing within containers",
and `PodRequests` of k8s.io/component-helpers). A pod that waits for a node takes nothing yet; one that is being deleted
takes until it is gone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tonnage.facts.gpu_labels import is_gpu_resource
from tonnage.facts.quantity import count

_OVER = ("Succeeded", "Failed")


def requests_by_node(pods: Iterable[Mapping[str, Any]]) -> Mapping[str, Counter[str]]:
    """For each node's name, how many of each GPU resource its pods have taken."""
    by_node: dict[str, Counter[str]] = {}
    for pod in pods:
        spec, status = pod.get("spec") or {}, pod.get("status") or {}
        node = spec.get("nodeName")
        if node and status.get("phase") not in _OVER:
            by_node.setdefault(node, Counter()).update(pod_requests(spec))
    return by_node


def pod_requests(spec: Mapping[str, Any]) -> Counter[str]:
    """What one pod takes of each GPU resource, by its spec."""
    sidecars: Counter[str] = Counter()
    greediest: Counter[str] = Counter()
    for container in spec.get("initContainers") or ():
        asked = _asked(container)
        # `|` of counters is the greater of each, `+` the sum.
        greediest |= sidecars + asked
        if container.get("restartPolicy") == "Always":
            sidecars += asked
    running = sum(map(_asked, spec.get("containers") or ()), sidecars)
    return running | greediest


def _asked(container: Mapping[str, Any]) -> Counter[str]:
    resources = container.get("resources") or {}
    # Who writes a limit alone requests as much.
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return Counter({name: count(value) for name, value in asked.items() if is_gpu_resource(name)})
