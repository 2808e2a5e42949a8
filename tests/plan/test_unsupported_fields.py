"""A field that nothing acts on yet is named, with what to do instead."""

from typing import Any

import pytest

from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.plan import unsupported_fields


def wish(fields: dict[str, Any]) -> ModelDeploymentSpec:
    model = {"source": "hf://org/model", **fields.get("model", {})}
    placement = {"device": "Cpu", **fields.get("placement", {})}
    return ModelDeploymentSpec.model_validate({**fields, "model": model, "placement": placement})


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param(
            {"model": {"adapters": [{"name": "a", "source": "hf://o/a"}]}}, "spec.model.adapters", id="adapters"
        ),
        pytest.param({"serving": {"precision": "Balanced"}}, "spec.serving.precision", id="lower precision"),
        pytest.param({"serving": {"tensorParallel": 2}}, "spec.serving.tensorParallel", id="tensor parallel"),
        pytest.param({"serving": {"pipelineParallel": 2}}, "spec.serving.pipelineParallel", id="pipeline parallel"),
        pytest.param({"serving": {"engineArgs": {"seed": "1"}}}, "spec.serving.engineArgs", id="engine arguments"),
        pytest.param(
            {"placement": {"candidates": [{"gpu": "NVIDIA-L4", "count": 1}]}},
            "spec.placement.candidates",
            id="GPU types",
        ),
        pytest.param({"placement": {"queueName": "queue"}}, "spec.placement.queueName", id="queues"),
        pytest.param({"scaling": {"maxReplicas": 3}}, "spec.scaling", id="autoscaling"),
        pytest.param({"rollout": {"strategy": "Replace"}}, "spec.rollout.strategy", id="replacing in place"),
        pytest.param({"rollout": {"stallAfter": "5m"}}, "spec.rollout.stallAfter", id="rolling back"),
        pytest.param({"rollout": {"revisionHistory": 5}}, "spec.rollout.revisionHistory", id="history"),
        pytest.param({"access": {"apiKeysSecretRef": {"name": "keys"}}}, "spec.access.apiKeysSecretRef", id="API keys"),
    ],
)
def test_a_field_for_later_is_named(fields: dict[str, Any], path: str) -> None:
    named = unsupported_fields(wish(fields))
    assert [path] == [field for field, _ in named]
    assert all(advice for _, advice in named)


def test_what_is_acted_on_is_not_named() -> None:
    spec = wish(
        {
            "model": {"servedName": "chat", "revision": "v1", "tokenSecretRef": {"name": "hub", "key": "token"}},
            "serving": {"contextLength": 4096, "minContextLength": 1024, "tensorParallel": 1},
            "placement": {"nodeSelector": {"disk": "fast"}, "priorityClassName": "high"},
            "rollout": {"strategy": "Surge"},
            "access": {"allowedFrom": [{"podLabels": {"app": "web"}}]},
            "template": {"image": "mine:1", "env": [{"name": "LANG", "value": "C"}]},
        }
    )
    assert () == unsupported_fields(spec)
