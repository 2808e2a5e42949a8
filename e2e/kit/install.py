"""Puts Tonnage and a model hub into a cluster, as a person would: images, `helm upgrade --install`, `kubectl apply`.

The cluster is served whole (`watch.allNamespaces`), so that each test module can have a namespace of its own.
"""

import json
import re
import urllib.request
from dataclasses import dataclass

from e2e.cluster import Cluster
from e2e.images import build_and_load
from e2e.images.catalogue import REPOSITORY_ROOT

NAMESPACE = "tonnage-system"
HUB_NAMESPACE = "hub"
HUB_ENDPOINT = f"http://hub.{HUB_NAMESPACE}.svc:8080"
RELEASE = "tonnage"
CHART = REPOSITORY_ROOT / "charts" / "tonnage"
HELM_DEADLINE_SECONDS = 180
WRITE_COUNTED = re.compile(r'apiserver_request_total{.*group="tonnage.dev".*verb="(POST|PUT|PATCH|APPLY|DELETE)"')


@dataclass(frozen=True)
class Installation:
    """A running operator."""

    cluster: Cluster
    namespace: str

    def operator_pod(self) -> str:
        """The name of the operator's pod that is there to stay."""
        labels = "app.kubernetes.io/name=tonnage,app.kubernetes.io/component=operator"
        listed = json.loads(self._kubectl("get", "pods", "-l", labels, "-o", "json"))["items"]
        [name] = [pod["metadata"]["name"] for pod in listed if "deletionTimestamp" not in pod["metadata"]]
        return str(name)

    def kill_operator(self) -> None:
        """End the operator without giving it a moment."""
        self._kubectl("delete", "pod", self.operator_pod(), "--force", "--grace-period=0")

    def operator_log(self) -> str:
        """What the operator said so far, each line after the moment it was written."""
        return self._kubectl("logs", self.operator_pod(), "--timestamps", "--tail=-1")

    def api_writes(self) -> int:
        """Write requests the operator's process has sent to the API server, successful or not."""
        pod = self.operator_pod()
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:8080/proxy/metrics"
        lines = self.cluster.kubectl_run("get", "--raw", path).splitlines()
        return int(sum(float(line.split()[-1]) for line in lines if line.startswith("tonnage_api_writes_total")))

    def status_writes(self) -> int:
        """Writes to any ModelDeployment or its status that the API server itself has counted, whoever sent them."""
        lines = self.cluster.kubectl_run("get", "--raw", "/metrics").splitlines()
        return int(sum(float(line.split()[-1]) for line in lines if WRITE_COUNTED.match(line)))

    def hub_away(self, seconds: int) -> None:
        """Make the hub fail every request for a while."""
        address = self.cluster.kubectl_run(
            *("-n", HUB_NAMESPACE, "get", "service", "hub", "-o", "jsonpath={.spec.clusterIP}")
        )
        url = f"http://{address}:8080/admin/away?seconds={seconds}"
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10):
            pass

    def _kubectl(self, *words: str) -> str:
        return self.cluster.kubectl_run("-n", self.namespace, *words)


def install(cluster: Cluster, namespace: str = NAMESPACE) -> Installation:
    """Build, load and install everything. Raises ClusterError."""
    images = {name: build_and_load(cluster, name) for name in ("runtime", "operator", "hub")}
    install_hub(cluster, images["hub"])
    install_tonnage(cluster, namespace, images)
    return Installation(cluster, namespace)


def install_tonnage(cluster: Cluster, namespace: str, images: dict[str, str]) -> None:
    """`helm upgrade --install`, waiting for the operator to be ready."""
    values = {
        "images": {
            "operator": _image(images["operator"]),
            "runtimeCpu": _image(images["runtime"]),
            # Not built here: no test starts a GPU pod.
            "runtimeCuda": {"repository": "localhost/tonnage/runtime", "tag": "cuda-not-built"},
        },
        "watch": {"allNamespaces": True},
        "hub": {"endpoint": HUB_ENDPOINT, "modelscopeEndpoint": HUB_ENDPOINT},
    }
    with cluster.progress.step("helm upgrade --install tonnage"):
        cluster.run(
            *(cluster.helm, "--kubeconfig", cluster.kubeconfig, "upgrade", "--install", RELEASE, CHART),
            *("--namespace", namespace, "--create-namespace", "--wait", "--timeout", f"{HELM_DEADLINE_SECONDS}s"),
            *("--values", "-"),
            stdin=json.dumps(values),
            deadline_seconds=HELM_DEADLINE_SECONDS + 10,
        )


def install_hub(cluster: Cluster, image: str) -> None:
    """A hub with the models that tests need, answering at HUB_ENDPOINT from inside the cluster."""
    labels = {"app.kubernetes.io/name": "hub"}
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    container = {
        "name": "hub",
        "image": image,
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    pod = {"automountServiceAccountToken": False, "enableServiceLinks": False, "containers": [container]}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HUB_NAMESPACE, "labels": restricted}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "hub", "namespace": HUB_NAMESPACE},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "hub", "namespace": HUB_NAMESPACE},
            "spec": {"selector": labels, "ports": [{"port": 8080}]},
        },
    ]
    with cluster.progress.step("a model hub in the cluster"):
        cluster.kubectl_run(
            "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        )
        words = ("-n", HUB_NAMESPACE, "rollout", "status", "deployment/hub", "--timeout=120s")
        cluster.kubectl_run(*words, deadline_seconds=130)


def _image(reference: str) -> dict[str, str]:
    repository, _, tag = reference.rpartition(":")
    return {"repository": repository, "tag": tag}
