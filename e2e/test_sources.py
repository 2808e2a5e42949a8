"""Models behind a token, until they are downloaded, and in a volume, until it answers.

`test_tasks` has its models from ModelScope and from a bucket, until they answer.
"""

import json
from collections.abc import Iterator

import pytest

from e2e.kit.deployments import Deployment, Json
from e2e.kit.install import HUB_NAMESPACE, Installation

pytestmark = pytest.mark.timeout(500)
CPU: Json = {"placement": {"device": "Cpu"}, "serving": {"contextLength": 1024}}
MODEL = "SmolLM2-135M-Instruct"


@pytest.fixture
def deployment(tonnage: Installation, namespace: str, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    # Names of their own: pods of the one before may still be draining.
    made = Deployment(tonnage.cluster, namespace, getattr(getattr(request.node, "callspec", None), "id", "volume"))
    yield made
    made.delete()


PLACES = {
    "private": f"hf://private/{MODEL}",
    "gated": f"hf://gated/{MODEL}",
    "modelscope-private": f"modelscope://private/{MODEL}",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_token_is_used_by_pods_only(deployment: Deployment, place: str) -> None:
    deployment.give_secret("hub", {"token": "hf_e2e_good"})
    deployment.apply({**CPU, "model": {"source": place, "tokenSecretRef": {"name": "hub", "key": "token"}}})
    deployment.wait_condition("Planned", deadline_seconds=90)
    assert 134_515_008 == deployment.status["model"]["parameters"]
    deployment.wait(lambda: any(is_downloaded(pod) for pod in deployment.pods("worker")), "download", 120)
    assert "hf_e2e_good" not in json.dumps(deployment.get())


def is_downloaded(pod: Json) -> bool:
    """Whether the pod's download has ended well."""
    ends = [one["state"].get("terminated") for one in pod["status"].get("initContainerStatuses", [])]
    return any(end and end["exitCode"] == 0 for end in ends)


def test_a_volume_serves_without_a_hub(tonnage: Installation, deployment: Deployment) -> None:
    fill_claim(tonnage, deployment)
    deployment.apply({**CPU, "model": {"source": f"pvc://models/{MODEL}"}})
    deployment.wait_condition("Ready", deadline_seconds=300)
    assert f"pvc://models/{MODEL}" == deployment.status["model"]["source"]


def fill_claim(tonnage: Installation, deployment: Deployment) -> None:
    """A claim that holds the model, copied from the hub's own image by a pod that ends."""
    words = (
        "-n",
        HUB_NAMESPACE,
        "get",
        "deployment",
        "hub",
        "-o",
        "jsonpath={.spec.template.spec.containers[0].image}",
    )
    image = tonnage.cluster.kubectl_run(*words)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    copy = f"import shutil; shutil.copytree('/models/{MODEL}', '/volume/{MODEL}')"
    container = {
        "name": "copy",
        "image": image,
        "command": ["python3", "-c", copy],
        "volumeMounts": [{"name": "models", "mountPath": "/volume"}],
    }
    spec = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}],
    }
    objects = [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "models"}, "spec": claim},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "copy"}, "spec": spec},
    ]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    deployment.kubectl("apply", "-f", "-", stdin=listed)
    wait = ("wait", "pod/copy", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s")
    deployment.kubectl(*wait, deadline_seconds=100)
