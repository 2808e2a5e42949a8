"""What the API server refuses before the operator sees it: each mistake gets one sentence that says what to change."""

import json
from typing import Any

import pytest

from e2e.cluster.commands import CommandError
from e2e.cluster.provider import Cluster
from e2e.kit.install import Installation

SOURCE = "hf://org/name"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def model(source: str = SOURCE, **fields: object) -> dict[str, Any]:
    return {"model": {"source": source} | fields}


def with_model(**fields: object) -> dict[str, Any]:
    return model() | fields


ACCEPTED = {
    "the ten lines of the README": ("chat", model()),
    "a name of 63 characters": ("a" + "b" * 61 + "c", model()),
    "a claim": ("chat", model("pvc://models/org/name_v1.5")),
    "the root of a claim": ("chat", model("pvc://models")),
    "a bucket": ("chat", model("s3://my-bucket/models/a")),
    "a bucket of one's own": ("chat", model("s3://mine", credentialsSecretRef={"name": "aws"})),
    "a tag": ("chat", model(revision="refs/pr/1")),
    "remote code at a commit": ("chat", model(trustRemoteCode="Allowed", revision=COMMIT)),
    "remote code from the author's own claim": ("chat", model("pvc://models", trustRemoteCode="Allowed")),
    "a request that fits": (
        "chat",
        with_model(serving={"contextLength": 100, "expectedRequest": {"inputTokens": 60, "outputTokens": 40}}),
    ),
    "autoscaling": ("chat", with_model(scaling={"maxReplicas": 4})),
    "zero replicas": ("chat", with_model(replicas=0)),
    "labels of one's own": ("chat", with_model(template={"labels": {"team.example/owner": "a", "cost": ""}})),
    "every namespace": ("chat", with_model(access={"allowedFrom": [{"namespaceLabels": {}}]})),
}

NAME = "metadata.name must be a Service's name"
HUB = "must be org/name after the scheme"
REFUSED = {
    "a name with a dot": ("a.b", model(), NAME),
    "a name with a digit first": ("1a", model(), NAME),
    "a name of 64 characters": ("a" * 64, model(), "metadata.name: Too long"),
    "no model": ("chat", {}, "spec.model: Required value"),
    "no source": ("chat", {"model": {}}, "spec.model.source: Required value"),
    "an unknown scheme": ("chat", model("gs://bucket/a"), "must start with hf://, modelscope://, s3:// or pvc://"),
    "no scheme": ("chat", model("Qwen/Qwen2.5-7B-Instruct"), "for example hf://Qwen/Qwen2.5-7B-Instruct"),
    "userinfo": ("chat", model("hf://me:secret@org/name"), "credentials belong in spec.model.tokenSecretRef"),
    "a revision in the source": ("chat", model("hf://org/name@v1"), "a revision in spec.model.revision"),
    "dots in a hub's name": ("chat", model("hf://../name"), "must not contain '..'"),
    "dots in a claim": ("chat", model("pvc://claim/../etc"), "must not contain '..'"),
    "a hub's name of one part": ("chat", model("hf://name"), HUB),
    "a hub's name of three parts": ("chat", model("hf://org/name/file"), HUB),
    "a dash first": ("chat", model("hf://-org/name"), HUB),
    "not ASCII": ("chat", model("hf://org/näme"), HUB),
    "a query": ("chat", model("hf://org/name?x"), HUB),
    "a claim in capitals": ("chat", model("pvc://Claim/a"), "must be the name of a PersistentVolumeClaim"),
    "a slash at the end": ("chat", model("pvc://claim/a/"), "without a '/' at the end"),
    "a hidden folder": ("chat", model("pvc://claim/.cache"), "must be the name of a PersistentVolumeClaim"),
    "a bucket of two letters": ("chat", model("s3://ab/c"), "must be bucket/prefix after s3://"),
    "dots in a revision": ("chat", model(revision="a/../b"), "spec.model.revision"),
    "a revision of a claim": ("chat", model("pvc://claim", revision="main"), "revision is for hf:// and modelscope://"),
    "a token for a claim": (
        "chat",
        model("pvc://claim", tokenSecretRef={"name": "a", "key": "b"}),
        "tokenSecretRef is for hf:// and modelscope:// sources",
    ),
    "a token for a bucket": (
        "chat",
        model("s3://bucket/a", tokenSecretRef={"name": "a", "key": "b"}),
        "a bucket has credentialsSecretRef",
    ),
    "credentials for a hub": ("chat", model(credentialsSecretRef={"name": "a"}), "credentialsSecretRef is for s3://"),
    "remote code from a branch": (
        "chat",
        model(trustRemoteCode="Allowed", revision="main"),
        "trustRemoteCode Allowed needs revision to be a full commit (40 hex digits)",
    ),
    "remote code from the default branch": ("chat", model(trustRemoteCode="Allowed"), "needs revision to be a full"),
    "an adapter's bad source": (
        "chat",
        model(adapters=[{"name": "a", "source": "gs://x"}]),
        "spec.model.adapters[0].source",
    ),
    "a minimum above the context": (
        "chat",
        with_model(serving={"contextLength": 100, "minContextLength": 200}),
        "minContextLength must not be greater than contextLength",
    ),
    "a request longer than the context": (
        "chat",
        with_model(serving={"contextLength": 100, "expectedRequest": {"inputTokens": 60, "outputTokens": 41}}),
        "expectedRequest must fit into contextLength",
    ),
    "fewer at most than at least": (
        "chat",
        with_model(scaling={"minReplicas": 3, "maxReplicas": 2}),
        "minReplicas must not be greater than maxReplicas",
    ),
    "to zero, but at least one": (
        "chat",
        with_model(scaling={"maxReplicas": 2, "scaleToZeroAfter": "5m"}),
        "scaleToZeroAfter needs minReplicas: 0",
    ),
    "a number and a range of replicas": (
        "chat",
        with_model(replicas=2, scaling={"maxReplicas": 2}),
        "replicas is the fixed number: leave it out",
    ),
    "negative replicas": ("chat", with_model(replicas=-1), "spec.replicas"),
    "a device that there is not": ("chat", with_model(placement={"device": "Tpu"}), 'supported values: "Gpu", "Cpu"'),
    "a misspelt field": ("chat", with_model(servng={}), 'unknown field "spec.servng"'),
    "a peer that is nobody in particular": (
        "chat",
        with_model(access={"allowedFrom": [{}]}),
        "must have namespaceLabels or podLabels",
    ),
    "an environment variable of the plan": (
        "chat",
        with_model(template={"env": [{"name": "VLLM_USE_V1", "value": "0"}]}),
        "must not be one of RAY_*, VLLM_*, TONNAGE_*, HOME, POD_IP, a hub's token or endpoint",
    ),
    "an environment variable twice": (
        "chat",
        with_model(template={"env": [{"name": "A", "value": "0"}, {"name": "A", "value": "1"}]}),
        "Duplicate value",
    ),
    "a label that is none": (
        "chat",
        with_model(template={"labels": {"a b": "c"}}),
        "keys must be label keys",
    ),
    "a label of Tonnage's": (
        "chat",
        with_model(template={"labels": {"tonnage.dev/deployment": "other"}}),
        "must not use app.kubernetes.io/ and tonnage.dev/",
    ),
    "a node label's key that is none": (
        "chat",
        with_model(placement={"nodeSelector": {"a/b/c": "d"}}),
        "spec.placement.nodeSelector: Invalid value: keys must be label keys",
    ),
    "a peer's label that is none": (
        "chat",
        with_model(access={"allowedFrom": [{"podLabels": {"-": "d"}}]}),
        "keys must be label keys",
    ),
    "a node label that is none": (
        "chat",
        with_model(placement={"nodeSelector": {"a": "b c"}}),
        "spec.placement.nodeSelector.a",
    ),
    "a memory that is none": (
        "chat",
        with_model(template={"resources": {"memory": "16 GB"}}),
        "spec.template.resources.memory",
    ),
}


@pytest.fixture(scope="module")
def api(tonnage: Installation) -> Cluster:
    """A cluster that has the CRD."""
    return tonnage.cluster


def create(api: Cluster, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """What the API server would store. Raises CommandError with its answer."""
    manifest = {
        "apiVersion": "tonnage.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }
    words = ("create", "--dry-run=server", "--output=json", "-f", "-")
    created: dict[str, Any] = json.loads(api.kubectl_run(*words, stdin=json.dumps(manifest)))
    return created


@pytest.mark.parametrize(("name", "spec"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_spec_that_makes_sense_is_accepted(api: Cluster, name: str, spec: dict[str, Any]) -> None:
    assert name == create(api, name, spec)["metadata"]["name"]


@pytest.mark.parametrize(("name", "spec", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mistake_is_refused_with_what_to_change(api: Cluster, name: str, spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        create(api, name, spec)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("source", ["gs://bucket/a", "hf://name", "hf://../name", "hf://a@b", "pvc://A", "s3://ab/c"])
def test_one_mistake_in_a_source_gets_one_sentence(api: Cluster, source: str) -> None:
    with pytest.raises(CommandError) as caught:
        create(api, "chat", model(source))
    assert 1 == str(caught.value).count("spec.model.source")


def test_defaults_are_in_the_object_where_anybody_can_see_them(api: Cluster) -> None:
    expected = {
        "model": {"source": SOURCE, "trustRemoteCode": "Never"},
        "serving": {"precision": "Lossless"},
        "placement": {"device": "Gpu"},
        "replicas": 1,
        "rollout": {"strategy": "Auto", "stallAfter": "30m", "revisionHistory": 2},
    }
    assert expected == create(api, "chat", model())["spec"]
