"""Who may talk to the pods of a deployment's revisions, and whom they may talk to.

A NetworkPolicy knows addresses, not names: "the hub" can only be "any address on the hub's port". The cloud's metadata
address, which hands out the node's credentials, is left out everywhere.
"""

from typing import Any
from urllib.parse import urlsplit

from tonnage.contract.model_source import Scheme
from tonnage.contract.serve_document import DASHBOARD_PORT, METRICS_PORT, REPORT_PORT, SERVE_PORT
from tonnage.contract.spec import ModelDeploymentSpec, Peer
from tonnage.desired.names import DEPLOYMENT_LABEL, REVISION_LABEL, Owner
from tonnage.facts.source import parse_source
from tonnage.settings import Settings

# As the chart labels the operator's pod.
OPERATOR_LABELS = {"app.kubernetes.io/name": "tonnage", "app.kubernetes.io/component": "operator"}
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_ANY_POD: dict[str, Any] = {"namespaceSelector": {}}
_ANYWHERE = [
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}},
    {"ipBlock": {"cidr": "::/0", "except": ["fd00:ec2::254/128"]}},
    # Some networks do not count pods among addresses.
    _ANY_POD,
]
_DNS_PORT = 53
_HTTPS_PORT = 443


def network_policy_rules(owner: Owner, spec: ModelDeploymentSpec, settings: Settings) -> dict[str, object]:
    """The values of the template: `pods`, `ingress` and `egress`."""
    own_pods = {DEPLOYMENT_LABEL: owner.name}
    own = {"podSelector": {"matchLabels": own_pods}}
    operator = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: settings.namespace}},
        "podSelector": {"matchLabels": OPERATOR_LABELS},
    }
    ingress = [
        {"from": _callers(spec), "ports": _ports(SERVE_PORT)},
        {"from": [_ANY_POD], "ports": _ports(METRICS_PORT)},
        {"from": [operator], "ports": _ports(DASHBOARD_PORT, REPORT_PORT)},
        # Ray chooses most of its ports as it goes.
        {"from": [own]},
    ]
    egress: list[dict[str, Any]] = [
        {"to": [own]},
        {"to": _ANYWHERE, "ports": [*_ports(_DNS_PORT), *_ports(_DNS_PORT, protocol="UDP")]},
    ]
    source = parse_source(spec.model.source)
    if source.is_hub:
        egress.append({"to": _ANYWHERE, **_hub_ports(settings.endpoint(source.scheme))})
    elif source.scheme is Scheme.S3:
        egress.append({"to": _ANYWHERE, **_store_ports(spec)})
    # Not facts pods: a policy that was made for one source would keep them from the next, and is only changed once they
    # have read it.
    pods = {"matchLabels": own_pods, "matchExpressions": [{"key": REVISION_LABEL, "operator": "Exists"}]}
    return {"pods": pods, "ingress": ingress, "egress": egress}


def _callers(spec: ModelDeploymentSpec) -> list[dict[str, Any]]:
    """Who may call the endpoint; where nobody is named, the pods of the deployment's namespace."""
    return [_peer(peer) for peer in spec.access.allowed_from] or [{"podSelector": {}}]


def _peer(peer: Peer) -> dict[str, Any]:
    selectors = {"namespaceSelector": peer.namespace_labels, "podSelector": peer.pod_labels}
    chosen = {
        name: {"matchLabels": labels} if labels else {} for name, labels in selectors.items() if labels is not None
    }
    return chosen or {"podSelector": {}}


def _hub_ports(endpoint: str | None) -> dict[str, Any]:
    # Behind a Service's port is a pod's, and policies see only that: a hub of one's own may listen anywhere.
    if endpoint is not None and urlsplit(endpoint).scheme != "https":
        return {}
    port = urlsplit(endpoint or "").port or _HTTPS_PORT
    return {"ports": _ports(port)}


def _store_ports(spec: ModelDeploymentSpec) -> dict[str, Any]:
    # Where a store of one's own listens is among its credentials, which the operator does not read.
    return {} if spec.model.credentials_secret_ref else {"ports": _ports(_HTTPS_PORT)}


def _ports(*ports: int, protocol: str = "TCP") -> list[dict[str, Any]]:
    return [{"protocol": protocol, "port": port} for port in ports]
