"""Every object of every scenario, as YAML that people can read: `task golden` writes them anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.gpu_plan import gpu_plan
from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.serve_document import Task
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.desired import (
    Owner,
    application,
    facts_pod,
    ray_token_secret,
    revision,
    revision_objects,
    shared_objects,
)
from tonnage.facts.inventory import Inventory, Node
from tonnage.plan import plan
from tonnage.settings import Settings

GOLDEN = Path(__file__).with_name("golden")
NODES = Inventory((Node("node-1", 8000, 16 * 2**30, {"disk": "fast"}, (), True, None, 0, None),))
LONG_NAME = "a-name-of-sixty-three-characters-which-is-all-that-there-may-be"
HUB = "hf://HuggingFaceTB/SmolLM2-135M-Instruct"
EVERYTHING: dict[str, Any] = {
    "model": {
        "source": HUB,
        "revision": "v1.0",
        "servedName": "chat/large:1",
        "tokenSecretRef": {"name": "hub", "key": "token"},
    },
    "serving": {
        "contextLength": 4096,
        "minContextLength": 2048,
        "expectedRequest": {"inputTokens": 2000, "outputTokens": 500},
    },
    "placement": {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}],
        "priorityClassName": "serving",
    },
    "replicas": 3,
    "access": {
        "allowedFrom": [
            {"podLabels": {"app": "web"}},
            {"namespaceLabels": {"team": "search"}},
            {"namespaceLabels": {}, "podLabels": {"role": "gateway"}},
        ]
    },
    "template": {
        "image": "registry.example/mine:1",
        "imagePullSecrets": [{"name": "mine"}],
        "labels": {"team": "on", "cost": "0123"},
        "annotations": {"note": "two\nlines: {{ not a template }} \U0001f600\u2028"},
        "resources": {"cpu": "2", "memory": "12Gi", "ephemeralStorage": "20Gi"},
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "YES", "value": "no"}],
    },
}


def on_gpu(placement: dict[str, Any]) -> dict[str, Any]:
    return {"model": {"source": HUB}, "placement": {"device": "Gpu", **placement}}


FOUR_A100 = {
    "gpu": "A100-80GB",
    "gpu_products": ["NVIDIA-A100-SXM4-80GB"],
    "gpus_per_replica": 4,
    "tensor_parallel": 4,
    "quantization": "fp8",
    "kv_cache_dtype": "fp8",
    "pod_memory_bytes": 18 * 2**30,
    "pod_cpu": "6",
}
SIXTEEN_H100 = {
    "gpu": "H100",
    "gpu_products": ["NVIDIA-H100-80GB-HBM3"],
    "gpus_per_replica": 16,
    "pods_per_replica": 2,
    "tensor_parallel": 8,
    "pipeline_parallel": 2,
    "pod_memory_bytes": 30 * 2**30,
    "pod_cpu": "10",
}
MIG = {
    "gpu": "A100-SXM4-40GB-MIG-1g.5gb",
    "gpu_resource": "nvidia.com/mig-1g.5gb",
    "gpu_products": ["NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"],
}
AMD = {"gpu": "MI300X", "gpu_resource": "amd.com/gpu", "gpu_products": ["AMD_Instinct_MI300X_OAM"], "dtype": "float16"}

BERT = {"architecture": "BertModel", "task": Task.EMBED, "attention": AttentionKind.ENCODER_ONLY, "pooling": "CLS"}

SCENARIOS = {
    "minimal": ("chat", {"model": {"source": HUB}}),
    "claim": ("chat", {"model": {"source": "pvc://models/small/v1"}}),
    "token": ("chat", {"model": {"source": HUB, "tokenSecretRef": {"name": "hub", "key": "token"}}}),
    "modelscope": (
        "chat",
        {"model": {"source": "modelscope://Qwen/Qwen2.5-7B", "tokenSecretRef": {"name": "scope", "key": "token"}}},
    ),
    "bucket": ("chat", {"model": {"source": "s3://models/small/v1", "credentialsSecretRef": {"name": "aws"}}}),
    "long-name": (LONG_NAME, {"model": {"source": HUB}}),
    "embeddings": ("vectors", {"model": {"source": HUB}}),
    "name-on": ("on", {"model": {"source": HUB, "servedName": "0123"}}),
    "everything": ("chat", EVERYTHING),
    "gpu": ("chat", on_gpu({})),
    "gpu-tensor-parallel": (
        "chat",
        on_gpu(
            {
                "candidates": [{"gpu": "NVIDIA-A100-SXM4-80GB", "count": 4}],
                "nodeSelector": {"pool": "a100"},
                "tolerations": [
                    {"key": "dedicated", "operator": "Equal", "value": "models", "effect": "NoSchedule"},
                    {"key": "nvidia.com/gpu", "operator": "Exists"},
                ],
            }
        ),
    ),
    "gpu-two-nodes": ("chat", on_gpu({})),
    "gpu-mig": ("chat", on_gpu({})),
    "gpu-reranker": ("rank", {**on_gpu({}), "serving": {"task": "Score"}}),
    "gpu-amd": ("chat", {**on_gpu({}), "template": {"image": "registry.example/tonnage-runtime:0.1.0-rocm"}}),
}
# The others are planned for a CPU.
GPU_PLANS = {
    "gpu": gpu_plan(),
    "gpu-tensor-parallel": gpu_plan(**FOUR_A100),
    "gpu-two-nodes": gpu_plan(**SIXTEEN_H100),
    "gpu-mig": gpu_plan(**MIG),
    "gpu-amd": gpu_plan(**AMD),
    "gpu-reranker": gpu_plan(task=Task.SCORE),
}


@pytest.fixture(params=SCENARIOS.items(), ids=SCENARIOS)
def scenario(
    request: pytest.FixtureRequest, smollm2: ModelFacts, operator_settings: Settings
) -> tuple[str, list[dict[str, Any]]]:
    title, (name, fields) = request.param
    settings = operator_settings
    if title == "everything":
        settings = replace(
            settings,
            image_pull_secrets=("tonnage", "mine"),
            hub_endpoint="http://hub.hub.svc",
            modelscope_endpoint="http://scope.hub.svc",
            head_storage="1Gi",
            head_storage_class="standard",
        )
    spec = ModelDeploymentSpec.model_validate({**fields, "placement": {"device": "Cpu", **fields.get("placement", {})}})
    owner = Owner(name, "models", "11111111-2222-3333-4444-555555555555")
    facts = smollm2.model_copy(
        update={"source": spec.model.source, "requested_revision": spec.model.revision or "main"}
    )
    if title == "gpu-reranker":
        facts = facts.model_copy(update={"architecture": "Qwen3ForCausalLM"})
    if title == "embeddings":
        facts = facts.model_copy(update=BERT)
    planned = GPU_PLANS.get(title) or plan(spec, facts, NODES)
    assert isinstance(planned, PlanStatus)
    made = revision(owner, spec, facts, planned, settings)
    objects = [
        *shared_objects(owner, spec, settings),
        ray_token_secret(owner, "not-a-real-token"),
        *revision_objects(owner, spec, made, settings, worker_replicas=spec.replicas),
        facts_pod(owner, spec, settings),
    ]
    return title, objects


def test_objects_are_as_recorded(scenario: tuple[str, list[dict[str, Any]]], pytestconfig: pytest.Config) -> None:
    title, objects = scenario
    path = GOLDEN / f"{title}.yaml"
    text = yaml.safe_dump_all(objects, sort_keys=False, width=120, allow_unicode=True)
    if pytestconfig.getoption("golden_update"):
        path.write_text(text)
    assert path.read_text() == text


def test_the_application_is_as_recorded(pytestconfig: pytest.Config) -> None:
    path = GOLDEN / "application.yaml"
    text = yaml.safe_dump_all([application(2), application(0)], sort_keys=False)
    if pytestconfig.getoption("golden_update"):
        path.write_text(text)
    assert path.read_text() == text


def pod_specs(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        manifest["spec"] if manifest["kind"] == "Pod" else manifest["spec"]["template"]["spec"]
        for manifest in objects
        if manifest["kind"] in ("Pod", "StatefulSet", "Deployment")
    ]


def test_pods_meet_the_restricted_standard(scenario: tuple[str, list[dict[str, Any]]]) -> None:
    for spec in pod_specs(scenario[1]):
        assert (True, {"type": "RuntimeDefault"}) == (
            spec["securityContext"]["runAsNonRoot"],
            spec["securityContext"]["seccompProfile"],
        )
        assert not spec["automountServiceAccountToken"]
        assert not spec["enableServiceLinks"]
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            assert {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            } == container["securityContext"]
            assert "memory" in container["resources"]["limits"]
            assert "cpu" not in container["resources"]["limits"]


def test_every_mount_has_its_volume_and_every_volume_its_mount(scenario: tuple[str, list[dict[str, Any]]]) -> None:
    stateful = {
        claim["metadata"]["name"]
        for manifest in scenario[1]
        if manifest["kind"] == "StatefulSet"
        for claim in manifest["spec"].get("volumeClaimTemplates", ())
    }
    for spec in pod_specs(scenario[1]):
        containers = (*spec["containers"], *spec.get("initContainers", ()))
        mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
        assert mounted - stateful == {volume["name"] for volume in spec["volumes"]}


def test_names_and_labels_are_short_enough(scenario: tuple[str, list[dict[str, Any]]]) -> None:
    for manifest in scenario[1]:
        longest = 52 if manifest["kind"] == "StatefulSet" else 63
        assert len(manifest["metadata"]["name"]) <= longest
        assert all(len(value) <= 63 for value in manifest["metadata"]["labels"].values())


def test_every_object_belongs_to_its_deployment(scenario: tuple[str, list[dict[str, Any]]]) -> None:
    for manifest in scenario[1]:
        (reference,) = manifest["metadata"]["ownerReferences"]
        assert ("ModelDeployment", True) == (reference["kind"], reference["controller"])
        assert manifest["metadata"]["labels"]["tonnage.dev/deployment"] == reference["name"]


def test_workers_are_found_by_the_service_and_the_budget(scenario: tuple[str, list[dict[str, Any]]]) -> None:
    worker, *followers = [each for each in scenario[1] if each["kind"] == "Deployment"]
    [service] = [each for each in scenario[1] if each["kind"] == "Service" and each["spec"].get("clusterIP") != "None"]
    [budget] = [each for each in scenario[1] if each["kind"] == "PodDisruptionBudget"]
    for deployment in (worker, *followers):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        selector = budget["spec"]["selector"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        # An endpoint is who has a proxy.
        assert (deployment is worker) == (service["spec"]["selector"].items() <= labels.items())
        assert selector["matchLabels"].items() <= labels.items()
        assert all(labels[one["key"]] in one["values"] for one in selector["matchExpressions"])


def test_the_network_policy_is_for_heads_and_workers_and_leaves_facts_pods_alone(
    scenario: tuple[str, list[dict[str, Any]]],
) -> None:
    (policy,) = [each for each in scenario[1] if each["kind"] == "NetworkPolicy"]
    selector = policy["spec"]["podSelector"]
    assert [{"key": "tonnage.dev/revision", "operator": "Exists"}] == selector["matchExpressions"]
    pods = {
        each["kind"]: (each if each["kind"] == "Pod" else each["spec"]["template"])["metadata"]["labels"]
        for each in scenario[1]
        if each["kind"] in ("Pod", "StatefulSet", "Deployment")
    }
    assert {"Pod": False, "StatefulSet": True, "Deployment": True} == {
        kind: "tonnage.dev/revision" in labels for kind, labels in pods.items()
    }
    assert all(selector["matchLabels"].items() <= labels.items() for labels in pods.values())


def test_the_grace_period_outlasts_the_drain_and_the_endpoint(scenario: tuple[str, list[dict[str, Any]]]) -> None:
    worker, *followers = [each for each in scenario[1] if each["kind"] == "Deployment"]
    spec = worker["spec"]["template"]["spec"]
    probe = spec["containers"][0]["readinessProbe"]
    for follower in followers:
        pod = follower["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] == spec["terminationGracePeriodSeconds"]
    assert spec["terminationGracePeriodSeconds"] > probe["failureThreshold"] * probe["periodSeconds"]
