"""The chart under Helm and a real API server: what it refuses, what it grants, and what it leaves behind."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from e2e.cluster import Cluster, CommandError
from e2e.images import build_and_load
from e2e.kit.deployments import Deployment, Json
from e2e.kit.install import CHART, HUB_ENDPOINT, Installation
from tonnage.desired.network import OPERATOR_LABELS

RELEASE = "own"
SELECTOR = f"app.kubernetes.io/instance={RELEASE}"
KINDS = (
    "pods,deployments.apps,replicasets.apps,services,secrets,serviceaccounts,networkpolicies,roles,rolebindings,"
    "clusterroles,clusterrolebindings"
)
OPTIONS: dict[str, Json] = {
    "defaults": {},
    "all namespaces": {"watch": {"allNamespaces": True}},
    "another namespace": {"watch": {"namespace": "default"}},
    "least rights": {"rbac": {"readNodes": False, "aggregateToUserRoles": False}},
    "policy": {"networkPolicy": {"enabled": True, "metricsFrom": [{"podSelector": {}}]}},
    "own key": {"rayTokenKey": {"existingSecret": "mine"}},
    "digest and pull secret": {
        "images": {"operator": {"digest": f"sha256:{'0' * 64}"}},
        "imagePullSecrets": ["mine"],
    },
    "head storage": {"headStorage": {"mode": "Always", "className": "fast"}},
    "no metrics": {"metrics": {"service": {"enabled": False}}},
}
REFUSED: dict[str, tuple[Json, str]] = {
    "misspelt": ({"wach": {}}, "additional properties 'wach' not allowed"),
    "misspelt inside": ({"watch": {"namespce": "a"}}, "additional properties 'namespce' not allowed"),
    "no image": ({"images": {"runtimeCuda": {"repository": ""}}}, "images.runtimeCuda.repository: no image"),
    "two ways to watch": ({"watch": {"namespace": "a", "allNamespaces": True}}, "set one of the two"),
    "hub with a password": ({"hub": {"endpoint": "https://me:secret@hub.example"}}, "hub/endpoint"),
    "monitor without service": (
        {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}},
        "set metrics.service.enabled too",
    ),
}

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Helm:
    """Helm with this chart, in a namespace that enforces the restricted pod security standard."""

    cluster: Cluster
    namespace: str
    image: str

    def __call__(self, *words: str | Path, values: Json | None = None) -> str:
        """Run it; `values` are changes to what the tests' release has."""
        options = ("--kubeconfig", self.cluster.kubeconfig, "--namespace", self.namespace)
        if values is None:
            return self.cluster.run(self.cluster.helm, *words, *options, deadline_seconds=200)
        text = json.dumps(self.values(values))
        return self.cluster.run(self.cluster.helm, *words, *options, "--values", "-", stdin=text, deadline_seconds=200)

    def values(self, changes: Json) -> Json:
        """The values of the tests' release, changed."""
        repository, _, tag = self.image.rpartition(":")
        base: Json = {
            "images": {
                "operator": {"repository": repository, "tag": tag},
                "runtimeCpu": {"repository": "registry.example/runtime", "tag": "cpu"},
                "runtimeCuda": {"repository": "registry.example/runtime", "tag": "cuda"},
            },
            # The suite's own release has it.
            "crds": {"enabled": False},
            # Both releases read this namespace's objects: they have to say the same.
            "hub": {"endpoint": HUB_ENDPOINT},
        }
        images = {name: {**image, **changes.get("images", {}).get(name, {})} for name, image in base["images"].items()}
        return {**base, **changes, "images": images}

    def rendered(self, changes: Json) -> list[Json]:
        """What `helm template` makes of them."""
        text = self("template", RELEASE, CHART, "--set", "crds.enabled=true", values=changes)
        return [document for document in yaml.safe_load_all(text) if document]


@pytest.fixture(scope="module")
def helm(tonnage: Installation, namespace: str) -> Helm:
    cluster = tonnage.cluster
    cluster.kubectl_run("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    return Helm(cluster, namespace, build_and_load(cluster, "operator"))


@pytest.fixture(scope="module")
def release(helm: Helm) -> Iterator[Helm]:
    """A second Tonnage, which serves its own namespace only; the suite's has the CRD."""
    helm("install", RELEASE, CHART, "--wait", "--timeout", "120s", values={})
    yield helm
    helm("uninstall", RELEASE, "--ignore-not-found", "--wait")


def key(helm: Helm) -> bytes:
    words = ("get", "secret", f"{RELEASE}-tonnage-ray-token-key", "-n", helm.namespace, "-o", "jsonpath={.data.key}")
    return base64.b64decode(helm.cluster.kubectl_run(*words))


@pytest.mark.parametrize("changes", [pytest.param(value, id=name) for name, value in OPTIONS.items()])
def test_an_api_server_takes_every_object_of_every_option(helm: Helm, changes: Json) -> None:
    objects = helm.rendered(changes)
    # Pod security judges pods, so the pods that the Deployment would make are tried too.
    [deployment] = [each for each in objects if each["kind"] == "Deployment"]
    pod = {"apiVersion": "v1", "kind": "Pod", **deployment["spec"]["template"]}
    pod["metadata"]["name"] = "tried"
    # Else the policies of deployments would keep the operator out.
    assert OPERATOR_LABELS.items() <= pod["metadata"]["labels"].items()
    # That one is looked up, and nothing of a dry run is there.
    del pod["spec"]["serviceAccountName"]
    for each in [*objects, pod]:
        where = () if "namespace" in each["metadata"] else ("-n", helm.namespace)
        # Forced: where it is there already, it belongs to the suite's release.
        words = ("apply", "--dry-run=server", "--server-side", "--force-conflicts", "-f", "-")
        helm.cluster.kubectl_run(*where, *words, stdin=json.dumps(each))


@pytest.mark.parametrize(("changes", "sentence"), [pytest.param(*value, id=name) for name, value in REFUSED.items()])
def test_what_makes_no_sense_is_refused_with_a_sentence(helm: Helm, changes: Json, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        helm("template", RELEASE, CHART, values=changes)


def test_crd_is_kept_only_if_asked(helm: Helm) -> None:
    def policy(changes: Json) -> str | None:
        [crd] = [each for each in helm.rendered(changes) if each["kind"] == "CustomResourceDefinition"]
        found: str | None = crd["metadata"].get("annotations", {}).get("helm.sh/resource-policy")
        return found

    assert policy({"crds": {"keep": True}}) == "keep"
    assert policy({"crds": {"keep": False}}) is None


def test_helm_test_passes_in_a_restricted_namespace(release: Helm) -> None:
    assert "Succeeded" in release("test", RELEASE)


def test_a_namespaced_role_is_enough(release: Helm) -> None:
    gpu = Deployment(release.cluster, release.namespace, "gpu")
    gpu.apply({"model": {"source": "hf://HuggingFaceTB/SmolLM2-135M-Instruct"}})
    message = gpu.wait_reason("Planned", "NoNodes")
    assert "has a GPU: add a node" in message
    # The suite's own operator, with more rights, may have been faster; what counts is that this one had no error.
    gpu.wait(lambda: visits(release, "success|requeue_after") > 0, "visit by the release's own operator", 60)
    gpu.delete()
    assert visits(release, "error") == 0


def visits(helm: Helm, results: str) -> float:
    """How many visits of the release's operator ended like that; `results` are names with | between them."""
    service = f"{RELEASE}-tonnage-metrics:8080"
    text = helm.cluster.kubectl_run(
        "get", "--raw", f"/api/v1/namespaces/{helm.namespace}/services/{service}/proxy/metrics"
    )
    pattern = rf'^controller_runtime_reconcile_total{{.*result="({results})".*}} (.*)$'
    return sum(float(value) for _, value in re.findall(pattern, text, re.MULTILINE))


def test_the_operator_may_not_read_secrets(release: Helm) -> None:
    account = f"system:serviceaccount:{release.namespace}:{RELEASE}-tonnage"
    with pytest.raises(CommandError, match="no"):
        release.cluster.kubectl_run("auth", "can-i", "get", "secrets", "--as", account, "-n", release.namespace)


def test_an_upgrade_keeps_the_key(release: Helm) -> None:
    before = key(release)
    release("upgrade", RELEASE, CHART, "--wait", "--timeout", "120s", values={"podLabels": {"changed": "yes"}})
    assert len(before) == 64
    assert before == key(release)


def test_uninstalling_leaves_nothing(release: Helm) -> None:
    release("uninstall", RELEASE, "--wait")
    release.cluster.kubectl_run("wait", "pods", "-n", release.namespace, "-l", SELECTOR, "--for=delete")
    left = release.cluster.kubectl_run("get", KINDS, "-A", "-l", SELECTOR, "-o", "name")
    assert left.split() == []
