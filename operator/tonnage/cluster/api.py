"""The one door to the Kubernetes API: a few verbs on plain JSON objects, each with a time limit and a typed error.

All writes are here, so what counts and limits them is here too. Writing is server-side apply with one field manager and
force: fields that others set beside ours stay theirs, and ours come back when somebody edits them. `delete` of what is
gone already is a success; `apply` has no precondition unless the manifest carries a uid or resourceVersion.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tonnage.cluster.errors import NotFoundError, error_of
from tonnage.cluster.resources import DEPLOYMENTS, EVENTS, MODEL_DEPLOYMENTS, Resource, resource_of
from tonnage.cluster.transport import Answer, Request, Transport

Manifest = dict[str, Any]

FIELD_MANAGER = "tonnage"
_PAGE_SIZE = "500"


class Kubernetes:
    """The API server as the operator sees it. All methods raise ClusterError."""

    def __init__(self, transport: Transport, on_write: Callable[[str, str], None] = lambda _verb, _kind: None) -> None:
        """`on_write` is told the verb and the kind of every write that was sent."""
        self._transport = transport
        self._on_write = on_write

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        """The object, or None where there is none."""
        try:
            return await self._object(Request("GET", resource.path(namespace, name)))
        except NotFoundError:
            return None

    async def list(
        self, resource: Resource, namespace: str | None, labels: Mapping[str, str] | None = None
    ) -> Sequence[Manifest]:
        """All objects with `labels`, in one namespace or in all."""
        query = {"limit": _PAGE_SIZE}
        if labels:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        objects: list[Manifest] = []
        while True:
            page = await self._object(Request("GET", resource.path(namespace), query))
            # Items of a list come without what every one of them shares.
            shared = {"apiVersion": resource.api_version, "kind": resource.kind}
            objects.extend({**shared, **item} for item in page.get("items") or ())
            next_page = page["metadata"].get("continue")
            if not next_page:
                return objects
            query = {**query, "continue": next_page}

    async def apply(self, manifest: Manifest) -> Manifest:
        """Make the object as `manifest` says, create it where it is missing; returns it as it is now."""
        metadata = manifest["metadata"]
        path = resource_of(manifest).path(metadata.get("namespace"), metadata["name"])
        return await self._write("apply", manifest["kind"], _apply_request(path, manifest))

    async def apply_status(self, namespace: str, name: str, uid: str, status: Mapping[str, Any]) -> Manifest:
        """Make the whole status of the ModelDeployment of that uid as given; ConflictError if it is another by now."""
        manifest = {
            "apiVersion": MODEL_DEPLOYMENTS.api_version,
            "kind": MODEL_DEPLOYMENTS.kind,
            "metadata": {"namespace": namespace, "name": name, "uid": uid},
            "status": status,
        }
        path = MODEL_DEPLOYMENTS.path(namespace, name, "status")
        return await self._write("apply", f"{MODEL_DEPLOYMENTS.kind}/status", _apply_request(path, manifest))

    async def scale(self, deployment: Mapping[str, Any], replicas: int) -> None:
        """Set spec.replicas of an apps/v1 Deployment and nothing else of it."""
        metadata = deployment["metadata"]
        request = Request(
            "PATCH",
            DEPLOYMENTS.path(metadata["namespace"], metadata["name"]),
            query={"fieldManager": FIELD_MANAGER},
            headers={"Content-Type": "application/merge-patch+json"},
            body={"metadata": {"uid": metadata["uid"]}, "spec": {"replicas": replicas}},
        )
        await self._write("scale", DEPLOYMENTS.kind, request)

    async def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete this very object (by its uid) and, in the background, what it owns."""
        metadata = manifest["metadata"]
        options: Manifest = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if "uid" in metadata:
            options["preconditions"] = {"uid": metadata["uid"]}
        path = resource_of(manifest).path(metadata.get("namespace"), metadata["name"])
        try:
            await self._write("delete", manifest["kind"], Request("DELETE", path, body=options))
        except NotFoundError:
            return

    async def create_event(self, manifest: Manifest) -> None:
        """Create an event of events.k8s.io/v1."""
        path = EVENTS.path(manifest["metadata"]["namespace"])
        await self._write("create", "Event", Request("POST", path, body=manifest))

    async def _write(self, verb: str, kind: str, request: Request) -> Manifest:
        self._on_write(verb, kind)
        return await self._object(request)

    async def _object(self, request: Request) -> Manifest:
        answer: Answer = await self._transport.send(request)
        if not answer.is_success or not isinstance(answer.body, dict):
            raise error_of(answer.status, answer.body, answer.headers, str(request))
        return answer.body


def _apply_request(path: str, manifest: Mapping[str, Any]) -> Request:
    return Request(
        "PATCH",
        path,
        query={"fieldManager": FIELD_MANAGER, "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        body=manifest,
    )
