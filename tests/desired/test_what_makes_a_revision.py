"""A revision's name is a digest of its pods: what changes it, and what must not."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.gpu_plan import gpu_plan, llama_facts
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.serve_document import Device, ServeDocument
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.desired import Owner, Revision, revision, revision_objects
from tonnage.facts.inventory import UNKNOWN_INVENTORY, inventory
from tonnage.plan import kept, plan
from tonnage.settings import Settings

OWNER = Owner("chat", "models", "uid-1")
# Two labels of one GPU.
PRODUCTS = ("AMD_Instinct_MI300X_OAM", "AMD_Instinct_MI300X_HF")


def gpu_node(product: str) -> dict[str, Any]:
    return {
        "metadata": {"name": product, "labels": {"amd.com/gpu.product-name": product}},
        "status": {
            "allocatable": {"cpu": "64", "memory": "512Gi", "amd.com/gpu": "8"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


@pytest.fixture
def made(smollm2: ModelFacts, operator_settings: Settings) -> Any:
    def make(
        fields: dict[str, Any],
        owner: Owner = OWNER,
        settings: Settings = operator_settings,
        facts: ModelFacts = smollm2,
    ) -> Revision:
        whole = {"model": {"source": facts.source}, **fields}
        spec = ModelDeploymentSpec.model_validate(
            {**whole, "placement": {"device": "Cpu", **whole.get("placement", {})}}
        )
        planned = plan(spec, facts, UNKNOWN_INVENTORY)
        assert isinstance(planned, PlanStatus)
        return revision(owner, spec, facts, planned, settings)

    return make


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"replicas": 5}, id="replicas"),
        pytest.param({"access": {"allowedFrom": [{"podLabels": {"app": "web"}}]}}, id="who may call"),
        pytest.param({"rollout": {"strategy": "Surge"}}, id="rollout strategy"),
        pytest.param({"serving": {"contextLength": 8192}}, id="the context that was planned anyway"),
        pytest.param({"scaling": {"maxReplicas": 5}}, id="bounds of autoscaling"),
        pytest.param({"scaling": {"maxReplicas": 5, "targetUtilization": 30}}, id="what autoscaling aims at"),
    ],
)
def test_what_needs_no_new_pods_is_the_same_revision(made: Any, fields: dict[str, Any]) -> None:
    assert made({}).name == made(fields).name


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"serving": {"contextLength": 4096}}, id="context"),
        pytest.param({"serving": {"expectedRequest": {"inputTokens": 900, "outputTokens": 90}}}, id="requests at once"),
        pytest.param({"placement": {"nodeSelector": {"disk": "fast"}}}, id="placement"),
        pytest.param({"template": {"image": "mine:1"}}, id="image"),
        pytest.param({"template": {"env": [{"name": "LANG", "value": "C"}]}}, id="environment"),
        pytest.param({"template": {"resources": {"cpu": "2"}}}, id="resources"),
        pytest.param({"template": {"labels": {"team": "search"}}}, id="labels of pods"),
    ],
)
def test_what_needs_new_pods_is_another_revision(made: Any, fields: dict[str, Any]) -> None:
    assert made({}).name != made(fields).name


def test_an_expected_request_that_changes_nothing_for_the_engine_is_the_same_revision(made: Any) -> None:
    # Both are more than the engine's own limit of requests at once.
    first, second = (
        made({"serving": {"expectedRequest": {"inputTokens": tokens, "outputTokens": 9}}}) for tokens in (9, 99)
    )
    assert first.plan.max_num_seqs == second.plan.max_num_seqs
    assert first.name == second.name


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"gpu_resource": "nvidia.com/mig-1g.5gb"}, id="resource"),
        pytest.param({"gpu_products": ["NVIDIA-L40S"]}, id="products"),
        pytest.param({"gpus_per_replica": 2, "tensor_parallel": 2}, id="tensor parallel"),
        pytest.param({"gpus_per_replica": 2, "pipeline_parallel": 2}, id="pipeline parallel"),
        pytest.param({"gpu_memory_percent": 90}, id="share of the memory"),
        pytest.param({"dtype": "float16"}, id="type"),
        pytest.param({"quantization": "fp8"}, id="quantization"),
        pytest.param({"kv_cache_dtype": "fp8"}, id="type of the KV cache"),
        pytest.param({"pod_memory_bytes": 2**34}, id="memory of the pod"),
        pytest.param({"device": Device.CPU}, id="device"),
    ],
)
def test_what_a_plan_changes_in_pods_is_another_revision(
    smollm2: ModelFacts, operator_settings: Settings, fields: dict[str, Any]
) -> None:
    spec = ModelDeploymentSpec.model_validate({"model": {"source": smollm2.source}})
    before, after = (
        revision(OWNER, spec, smollm2, planned, operator_settings) for planned in (gpu_plan(), gpu_plan(**fields))
    )
    assert before.name != after.name


def test_a_node_with_another_product_does_not_move_a_running_deployment(
    smollm2: ModelFacts, operator_settings: Settings
) -> None:
    # AMD's GPUs take an image of one's own.
    spec = ModelDeploymentSpec.model_validate({"model": {"source": smollm2.source}, "template": {"image": "rocm:1"}})
    facts = llama_facts(smollm2)
    one, both = (
        inventory([gpu_node(product) for product in PRODUCTS[:count]]) for count in range(1, len(PRODUCTS) + 1)
    )
    running, anew = plan(spec, facts, one), plan(spec, facts, both)
    same = kept(spec, facts, running if isinstance(running, PlanStatus) else None)
    names = [
        revision(OWNER, spec, facts, planned, operator_settings).name
        for planned in (running, same, anew)
        if isinstance(planned, PlanStatus)
    ]
    assert (names[0], True) == (names[1], names[0] != names[2])


def test_another_commit_is_another_revision(made: Any, smollm2: ModelFacts) -> None:
    assert made({}).name != made({}, facts=smollm2.model_copy(update={"commit": "f" * 40})).name


def test_the_deployments_uid_is_not_part_of_it(made: Any) -> None:
    assert made({}).name == made({}, owner=replace(OWNER, uid="uid-2")).name


def test_the_document_knows_its_revision_and_survives_its_trip(
    made: Any, cpu_spec: ModelDeploymentSpec, operator_settings: Settings
) -> None:
    one = made({})
    config_map = revision_objects(OWNER, cpu_spec, one, operator_settings, 1)[0]
    assert one.document == ServeDocument.model_validate_json(config_map["data"]["serve.json"])
    assert one.name == one.document.revision


def test_a_changed_replica_count_changes_one_field_of_one_object(
    made: Any, cpu_spec: ModelDeploymentSpec, operator_settings: Settings
) -> None:
    one = made({})
    before = revision_objects(OWNER, cpu_spec, one, operator_settings, 1)
    after = revision_objects(OWNER, cpu_spec, one, operator_settings, 3)
    after[-1]["spec"]["replicas"] = 1
    assert before == after
