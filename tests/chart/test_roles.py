"""The chart's role is held against the operator's own list of what it touches: no right is missing, none is spare."""

import re
from pathlib import Path

import yaml

from tonnage.cluster import resources
from tonnage.cluster.resources import CHILDREN, EVENTS, MODEL_DEPLOYMENTS, SECRETS, Resource

TEMPLATE = Path(__file__).parents[2] / "charts" / "tonnage" / "templates" / "rbac.yaml"
READ = {"get", "list", "watch"}
APPLY = {"create", "patch"}


def granted() -> dict[tuple[str, str], set[str]]:
    """Verbs by API group and resource, from the rules that Role and ClusterRole share."""
    [rules] = re.findall(r'define "tonnage.rules" -}}\n(.*?)\{\{- end', TEMPLATE.read_text(), re.DOTALL)
    return {
        (group, resource): set(rule["verbs"])
        for rule in yaml.safe_load(rules)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def key(resource: Resource, subresource: str = "") -> tuple[str, str]:
    group, _, _version = resource.api_version.rpartition("/")
    return group, resource.plural + subresource


def test_role_grants_what_the_operator_does_and_nothing_else():
    needed = {
        key(MODEL_DEPLOYMENTS): READ,
        key(MODEL_DEPLOYMENTS, "/status"): {"patch"},
        key(MODEL_DEPLOYMENTS, "/finalizers"): {"update"},
        key(SECRETS): APPLY,
        key(EVENTS): {"create"},
        **{key(child): READ | APPLY | {"delete"} for child in CHILDREN},
    }
    assert needed == granted()


def test_secrets_are_written_and_never_read():
    assert granted()[key(SECRETS)] == APPLY


def test_no_rule_has_a_wildcard():
    assert "*" not in {word for (group, resource), verbs in granted().items() for word in (group, resource, *verbs)}


def test_nodes_are_the_only_kind_outside_a_namespace():
    known = [value for value in vars(resources).values() if isinstance(value, Resource)]
    assert [resource.plural for resource in known if not resource.is_namespaced] == ["nodes"]
