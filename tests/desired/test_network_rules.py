"""Who may reach a deployment's pods, and what they may reach."""

from dataclasses import replace
from typing import Any

import pytest

from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.desired import Owner
from tonnage.desired.network import network_policy_rules
from tonnage.settings import Settings

OWNER = Owner("chat", "models", "uid-1")


def wish(source: str = "hf://org/model", allowed_from: list[dict[str, Any]] | None = None) -> ModelDeploymentSpec:
    return ModelDeploymentSpec.model_validate(
        {"model": {"source": source}, "access": {"allowedFrom": allowed_from or []}}
    )


def callers(spec: ModelDeploymentSpec, settings: Settings) -> Any:
    ingress: Any = network_policy_rules(OWNER, spec, settings)["ingress"]
    return next(rule["from"] for rule in ingress if rule.get("ports", [{}])[0].get("port") == 8000)


@pytest.mark.parametrize(
    ("allowed_from", "expected"),
    [
        pytest.param([], [{"podSelector": {}}], id="nobody named: the namespace"),
        pytest.param([{}], [{"podSelector": {}}], id="an empty peer: the namespace"),
        pytest.param(
            [{"podLabels": {"app": "web"}}],
            [{"podSelector": {"matchLabels": {"app": "web"}}}],
            id="pods of the namespace",
        ),
        pytest.param([{"namespaceLabels": {}}], [{"namespaceSelector": {}}], id="every namespace"),
        pytest.param(
            [{"namespaceLabels": {"team": "a"}, "podLabels": {"app": "web"}}],
            [{"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "web"}}}],
            id="some pods of some namespaces",
        ),
    ],
)
def test_the_endpoint_is_open_to_those_named(
    operator_settings: Settings, allowed_from: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    assert expected == callers(wish(allowed_from=allowed_from), operator_settings)


@pytest.mark.parametrize(
    ("source", "endpoint", "ports"),
    [
        pytest.param("hf://org/model", None, [53, 53, 443], id="the public hub"),
        pytest.param("hf://org/model", "https://hub.example:8443", [53, 53, 8443], id="a hub of one's own"),
        pytest.param("hf://org/model", "http://hub.hub.svc", [53, 53, None], id="a hub in the cluster"),
        pytest.param("modelscope://org/model", None, [53, 53, 443], id="the other public hub"),
        pytest.param("modelscope://org/model", "https://hub.example:8443", [53, 53, 8443], id="a mirror of it"),
        pytest.param("pvc://claim/model", None, [53, 53], id="a claim needs no network"),
        pytest.param("s3://bucket/model", "http://hub.hub.svc", [53, 53, 443], id="a public bucket"),
    ],
)
def test_egress_is_dns_and_the_models_source(
    operator_settings: Settings, source: str, endpoint: str | None, ports: list[int | None]
) -> None:
    settings = replace(operator_settings, hub_endpoint=endpoint, modelscope_endpoint=endpoint)
    egress: Any = network_policy_rules(OWNER, wish(source), settings)["egress"]
    beyond = [rule for rule in egress if len(rule["to"]) > 1]
    assert ports == [port["port"] for rule in beyond for port in rule.get("ports", [{"port": None}])]


def test_where_the_store_of_some_credentials_listens_is_not_known(operator_settings: Settings) -> None:
    model = {"source": "s3://bucket/model", "credentialsSecretRef": {"name": "aws"}}
    spec = ModelDeploymentSpec.model_validate({"model": model})
    egress: Any = network_policy_rules(OWNER, spec, operator_settings)["egress"]
    assert [False, True, False] == ["ports" in rule for rule in egress]


def test_the_clouds_metadata_address_is_never_open(operator_settings: Settings) -> None:
    egress: Any = network_policy_rules(OWNER, wish(), operator_settings)["egress"]
    blocks = [peer["ipBlock"] for rule in egress for peer in rule["to"] if "ipBlock" in peer]
    assert blocks
    assert all(block["except"] in (["169.254.169.254/32"], ["fd00:ec2::254/128"]) for block in blocks)
