"""Every kind of object that the operator touches, and its address in the API; the chart's roles are this with verbs.

No discovery: what the operator may touch is fixed, and a start must not depend on a healthy API group of somebody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tonnage.contract.status import API_VERSION, KIND, PLURAL


@dataclass(frozen=True)
class Resource:
    """One kind of object."""

    api_version: str
    kind: str
    plural: str
    is_namespaced: bool = True

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of the collection, of one object, or of a subresource of it; no namespace means all of them."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        where = f"/namespaces/{namespace}" if self.is_namespaced and namespace else ""
        return root + where + f"/{self.plural}" + "".join(f"/{part}" for part in (name, subresource) if part)


MODEL_DEPLOYMENTS = Resource(API_VERSION, KIND, PLURAL)
PODS = Resource("v1", "Pod", "pods")
NODES = Resource("v1", "Node", "nodes", is_namespaced=False)
EVENTS = Resource("events.k8s.io/v1", "Event", "events")
# May be created and patched, never read: that right would open every Secret of the namespace.
SECRETS = Resource("v1", "Secret", "secrets")
DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")
STATEFUL_SETS = Resource("apps/v1", "StatefulSet", "statefulsets")

# What a deployment owns and the operator reads back, listed on each visit and watched. In the order of removal: what
# runs goes before what it needs.
CHILDREN = (
    DEPLOYMENTS,
    STATEFUL_SETS,
    PODS,
    Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Resource("v1", "Service", "services"),
    Resource("v1", "ConfigMap", "configmaps"),
    Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Resource("v1", "ServiceAccount", "serviceaccounts"),
)

_BY_KIND = {(resource.api_version, resource.kind): resource for resource in (*CHILDREN, SECRETS, MODEL_DEPLOYMENTS)}


def resource_of(manifest: Mapping[str, Any]) -> Resource:
    """The kind of `manifest`; a KeyError is a mistake of this program."""
    return _BY_KIND[manifest["apiVersion"], manifest["kind"]]
