"""The plan's GPUs are what the pods ask for, what Ray offers and what the engine is told."""

from typing import Any

import pytest

from tests.support.gpu_plan import gpu_plan, llama_facts
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.serve_document import ServeDocument
from tonnage.contract.spec import ModelDeploymentSpec, Toleration
from tonnage.contract.status import PlanStatus
from tonnage.desired import Owner, facts_pod, revision, revision_objects
from tonnage.desired.gpus import shared_memory, with_gpu_tolerations, worker_affinity
from tonnage.facts.inventory import UNKNOWN_INVENTORY
from tonnage.plan import plan
from tonnage.settings import Settings
from tonnage_runtime.application_options import deployment_options, engine_arguments
from tonnage_runtime.node import follower_options, worker_options

OWNER = Owner("chat", "models", "uid-1")
MIB, GIB = 2**20, 2**30
NVIDIA = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def pod_spec(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (manifest,) = [each for each in objects if each["kind"] == kind]
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def llama(smollm2: ModelFacts) -> ModelFacts:
    return llama_facts(smollm2)


@pytest.fixture
def gpu_spec() -> ModelDeploymentSpec:
    return ModelDeploymentSpec.model_validate({"model": {"source": "hf://org/model"}})


def on_l40s(facts: ModelFacts, count: int) -> tuple[ModelDeploymentSpec, PlanStatus]:
    spec = ModelDeploymentSpec.model_validate(
        {"model": {"source": facts.source}, "placement": {"candidates": [{"gpu": "NVIDIA-L40S", "count": count}]}}
    )
    planned = plan(spec, facts, UNKNOWN_INVENTORY)
    assert isinstance(planned, PlanStatus)
    return spec, planned


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_plan_pods_document_and_ray_agree_on_the_number(
    llama: ModelFacts, operator_settings: Settings, count: int
) -> None:
    spec, planned = on_l40s(llama, count)
    made = revision(OWNER, spec, llama, planned, operator_settings)
    objects = revision_objects(OWNER, spec, made, operator_settings, worker_replicas=1)
    (worker,) = pod_spec(objects, "Deployment")["containers"]
    document = ServeDocument.model_validate_json(objects[0]["data"]["serve.json"])
    arguments = engine_arguments(document)
    assert count == planned.gpus_per_replica
    asked = {worker["resources"][kind]["nvidia.com/gpu"] for kind in ("requests", "limits")}
    assert {str(count)} == asked
    assert count == arguments["tensor_parallel_size"] * arguments["pipeline_parallel_size"]
    assert count == sum(bundle["GPU"] for bundle in deployment_options(document)["placement_group_bundles"])
    assert f"--num-gpus={count}" in worker_options(document)


def test_the_pods_of_a_replica_on_several_nodes_have_its_gpus_together(
    llama: ModelFacts, operator_settings: Settings
) -> None:
    spec, planned = on_l40s(llama, 16)
    made = revision(OWNER, spec, llama, planned, operator_settings)
    objects = revision_objects(OWNER, spec, made, operator_settings, worker_replicas=3, follower_replicas=3)
    document = ServeDocument.model_validate_json(objects[0]["data"]["serve.json"])
    worker, follower = [each["spec"] for each in objects if each["kind"] == "Deployment"]
    asked = [
        each["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
        for each in (worker, follower)
    ]
    assert (2, 8, 2, ["8", "8"]) == (
        planned.pods_per_replica,
        planned.tensor_parallel,
        planned.pipeline_parallel,
        asked,
    )
    assert (3, 3) == (worker["replicas"], follower["replicas"])
    assert 16 == sum(bundle["GPU"] for bundle in deployment_options(document)["placement_group_bundles"])
    assert all("--num-gpus=8" in options for options in (worker_options(document), follower_options(document)))


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_the_planned_memory_of_a_pod_has_room_for_its_shared_memory(llama: ModelFacts, count: int) -> None:
    _, planned = on_l40s(llama, count)
    shared_bytes = int(shared_memory(planned).removesuffix("Mi")) * MIB
    # What the processes of a worker take beside it, measured on a CPU without weights.
    assert planned.pod_memory_bytes - shared_bytes >= 3.5 * GIB


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16])
def test_the_engines_queues_fit_shared_memory(count: int) -> None:
    shared_bytes = int(shared_memory(gpu_plan(gpus_per_replica=count)).removesuffix("Mi")) * MIB
    object_store_bytes = 80_000_000
    assert 10 * 16 * MIB + count * 10 * 24 * MIB + object_store_bytes <= shared_bytes


def test_the_engine_is_told_a_share_of_the_gpu_and_no_bytes(
    gpu_spec: ModelDeploymentSpec, smollm2: ModelFacts, operator_settings: Settings
) -> None:
    planned = gpu_plan(quantization="fp8", kv_cache_dtype="fp8")
    arguments = engine_arguments(revision(OWNER, gpu_spec, smollm2, planned, operator_settings).document)
    assert {
        "dtype": "bfloat16",
        "quantization": "fp8",
        "kv_cache_dtype": "fp8",
        "gpu_memory_utilization": 0.92,
    }.items() <= arguments.items()
    assert not {"kv_cache_memory_bytes", "enforce_eager", "distributed_executor_backend"} & arguments.keys()


def test_only_the_worker_itself_has_gpus(
    gpu_spec: ModelDeploymentSpec, smollm2: ModelFacts, operator_settings: Settings
) -> None:
    made = revision(OWNER, gpu_spec, smollm2, gpu_plan(), operator_settings)
    objects = revision_objects(OWNER, gpu_spec, made, operator_settings, worker_replicas=1)
    head, worker = pod_spec(objects, "StatefulSet"), pod_spec(objects, "Deployment")
    facts = facts_pod(OWNER, gpu_spec, operator_settings)["spec"]
    others = [*head["containers"], *worker["initContainers"], *facts["containers"]]
    assert all("nvidia.com/gpu" not in one["resources"]["limits"] for one in others)


def test_all_pods_of_the_revision_run_the_devices_image(
    gpu_spec: ModelDeploymentSpec, smollm2: ModelFacts, operator_settings: Settings
) -> None:
    made = revision(OWNER, gpu_spec, smollm2, gpu_plan(), operator_settings)
    objects = revision_objects(OWNER, gpu_spec, made, operator_settings, worker_replicas=1)
    specs = [pod_spec(objects, "StatefulSet"), pod_spec(objects, "Deployment")]
    images = {one["image"] for spec in specs for one in (*spec["containers"], *spec.get("initContainers", ()))}
    assert {operator_settings.cuda_image} == images


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([], [NVIDIA], id="nothing given"),
        pytest.param([{"key": "nvidia.com/gpu", "operator": "Exists"}], [], id="the key, every effect"),
        pytest.param([NVIDIA], [], id="the same"),
        pytest.param([{"operator": "Exists"}], [], id="every taint"),
        pytest.param(
            [{"key": "nvidia.com/gpu", "operator": "Equal", "value": "present"}], [NVIDIA], id="one value only"
        ),
        pytest.param(
            [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute"}], [NVIDIA], id="another effect"
        ),
        pytest.param([{"key": "dedicated", "operator": "Exists"}], [NVIDIA], id="another key"),
    ],
)
def test_the_taint_of_gpus_is_tolerated_once(given: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    tolerations = [Toleration.model_validate(one) for one in given]
    assert [*given, *expected] == with_gpu_tolerations(tolerations, ["nvidia.com/mig-1g.5gb"])


@pytest.mark.parametrize(
    ("resource", "labels"),
    [
        pytest.param("nvidia.com/gpu", ["nvidia.com/gpu.product"], id="whole"),
        pytest.param("nvidia.com/mig-1g.5gb", ["nvidia.com/mig-1g.5gb.product"], id="slices"),
        pytest.param(
            "amd.com/gpu", ["amd.com/gpu.product-name", "beta.amd.com/gpu.product-name"], id="either labeller"
        ),
    ],
)
def test_workers_go_to_nodes_that_say_they_have_the_product(resource: str, labels: list[str]) -> None:
    affinity: Any = worker_affinity(gpu_plan(gpu_resource=resource, gpu_products=["A", "B"]))
    terms = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    expected = [{"matchExpressions": [{"key": label, "operator": "In", "values": ["A", "B"]}]} for label in labels]
    assert expected == terms


def test_workers_go_anywhere_where_no_product_is_named() -> None:
    assert worker_affinity(gpu_plan(gpu_products=[])) is None
