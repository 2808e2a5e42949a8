"""An API server in memory that refuses what a real one refuses. A `Transport`, so that the real door stands before it.

It keeps objects as JSON, applies with field ownership of one manager, bumps generation and resourceVersion only on a
change, stores values in its own words (empty fields dropped, quantities canonical, defaults filled in), keeps status
apart, and answers 403 to every read of a Secret. What is left out: other managers' ownership, schemas, admission.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tonnage.cluster.errors import UnreachableError
from tonnage.cluster.resources import CHILDREN, EVENTS, MODEL_DEPLOYMENTS, NODES, SECRETS, Resource
from tonnage.cluster.transport import Answer, Request

Manifest = dict[str, Any]
Identity = tuple[str, str, str]

RESOURCES = (*CHILDREN, SECRETS, NODES, MODEL_DEPLOYMENTS, EVENTS)
UNREADABLE = {"Secret"}
IMMUTABLE = {
    "StatefulSet": (("spec", "selector"), ("spec", "serviceName"), ("spec", "podManagementPolicy")),
    "Deployment": (("spec", "selector"),),
    "Pod": (("spec", "containers"), ("spec", "volumes")),
}
LONGEST_NAME = {"Service": 63, "StatefulSet": 52}
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def copied(value: Any) -> Any:
    """A copy of what is JSON, faster than `deepcopy`."""
    return json.loads(json.dumps(value))


@dataclass
class Fault:
    """What happens to the write with this number, counted from 0."""

    at: int
    # before: nothing is done; after: it is done and the operator dies; lost: it is done and nobody hears;
    # a number: that HTTP status.
    kind: str


class Crash(BaseException):
    """The operator's process has died at this point."""


@dataclass
class ApiServer:
    """See the module."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    objects: dict[Identity, Manifest] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=lambda: {"default": "Active"})
    # (verb, kind, name) of every write that was sent and succeeded, in order; events apart.
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    events: list[Manifest] = field(default_factory=list)
    fault: Fault | None = None
    attempts: int = 0
    is_away: bool = False
    # Kinds that may be listed in one namespace only, as by an operator that serves one.
    unlistable: set[str] = field(default_factory=set)
    watchers: list[Callable[[Manifest], None]] = field(default_factory=list)
    _applied: dict[tuple[Identity, str], Manifest] = field(default_factory=dict)
    _counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # Transport

    async def send(self, request: Request) -> Answer:
        """See Transport."""
        if self.is_away:
            raise UnreachableError(f"{request}: connection refused")
        if request.method == "GET":
            return self._answer(request)
        number, self.attempts = self.attempts, self.attempts + 1
        fault = self.fault if self.fault and self.fault.at == number else None
        if fault is None:
            return self._answer(request)
        if fault.kind == "before":
            raise Crash
        if fault.kind.isdecimal():
            headers = {"Retry-After": "1"} if fault.kind == "429" else {}
            return Answer(int(fault.kind), {"message": "injected"}, headers)
        answer = self._answer(request)
        if fault.kind == "after":
            raise Crash
        raise UnreachableError(f"{request}: timed out ({answer.status})")

    async def close(self) -> None:
        """See Transport."""

    # What people, controllers and the kubelet do

    def get(self, kind: str, name: str, namespace: str = "default") -> Manifest | None:
        """The object itself: what is changed in it must be told by `touch`."""
        return self.objects.get((kind, namespace, name))

    def of_kind(self, kind: str, namespace: str | None = None) -> list[Manifest]:
        """All objects of one kind, oldest first."""
        return [one for (k, ns, _), one in self.objects.items() if k == kind and namespace in (None, ns)]

    def create(self, manifest: Manifest) -> Manifest:
        """Create what is not there yet."""
        stored = _canonical(copied(manifest))
        metadata = stored["metadata"]
        number = next(self._counter)
        metadata.setdefault("labels", {})
        metadata |= {
            "uid": f"00000000-0000-4000-8000-{number:012d}",
            "resourceVersion": str(number),
            "generation": 1,
            "creationTimestamp": self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        _fill_in_defaults(stored)
        identity = (stored["kind"], metadata.get("namespace", ""), metadata["name"])
        self.objects[identity] = stored
        self._tell(stored)
        return stored

    def edit(self, manifest: Manifest, change: Callable[[Manifest], None]) -> None:
        """What `kubectl edit` and controllers do; a change of spec is a new generation."""
        before = copied(manifest)
        change(manifest)
        self._touch(before, manifest)

    def remove(self, manifest: Manifest) -> None:
        """The object, and what it owns, is gone."""
        metadata = manifest["metadata"]
        identity = (manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        if self.objects.pop(identity, None) is None:
            return
        for key in [key for key in self._applied if key[0] == identity]:
            del self._applied[key]
        self._tell(manifest)
        uid = metadata["uid"]
        for child in list(self.objects.values()):
            owners = child["metadata"].get("ownerReferences") or []
            if owners and all(owner["uid"] == uid for owner in owners):
                self.remove(child)

    # The API

    def _answer(self, request: Request) -> Answer:
        try:
            return Answer(200, self._served(request))
        except _RefusedError as refusal:
            return Answer(refusal.status, {"kind": "Status", "message": refusal.message, **refusal.details})

    def _served(self, request: Request) -> Manifest:
        resource, namespace, name, subresource = _route(request.address)
        if request.method == "GET":
            is_everywhere = resource.is_namespaced and namespace is None
            if resource.kind in UNREADABLE or (is_everywhere and resource.kind in self.unlistable):
                raise _RefusedError(403, f"cannot get resource {resource.plural}")
            if name is None:
                return self._list(resource, namespace, request.query)
            return copied(self._existing(resource, namespace, name))
        if resource is EVENTS:
            self.events.append(request.body)
            return copied(request.body)
        if name is None:
            raise _RefusedError(405, "method not allowed")
        verb = {"PATCH": "patch", "DELETE": "delete"}[request.method]
        if request.headers.get("Content-Type") == "application/apply-patch+yaml":
            verb = "apply"
            result = self._apply(resource, namespace, name, subresource, request.body)
        elif verb == "patch":
            result = self._merge(self._existing(resource, namespace, name), request.body)
        else:
            result = self._delete(self._existing(resource, namespace, name), request.body or {})
        self.writes.append((verb, resource.kind + (f"/{subresource}" if subresource else ""), name))
        return copied(result)

    def _list(self, resource: Resource, namespace: str | None, query: Any) -> Manifest:
        wanted = dict(part.split("=") for part in query.get("labelSelector", "").split(",") if part)
        items = [
            copied(one)
            for one in self.of_kind(resource.kind, namespace)
            if wanted.items() <= one["metadata"].get("labels", {}).items()
        ]
        for item in items:
            # As a real list does.
            del item["kind"], item["apiVersion"]
        return {"kind": f"{resource.kind}List", "metadata": {}, "items": items}

    def _existing(self, resource: Resource, namespace: str | None, name: str) -> Manifest:
        try:
            return self.objects[resource.kind, namespace or "", name]
        except KeyError:
            raise _RefusedError(404, f'{resource.plural} "{name}" not found') from None

    def _apply(
        self, resource: Resource, namespace: str | None, name: str, subresource: str | None, body: Manifest
    ) -> Manifest:
        identity = (resource.kind, namespace or "", name)
        live = self.objects.get(identity)
        wanted_uid = body["metadata"].get("uid")
        if wanted_uid and (live is None or live["metadata"]["uid"] != wanted_uid):
            if live is None:
                raise _RefusedError(404, f'{resource.plural} "{name}" not found')
            raise _RefusedError(409, "Precondition failed: UID in precondition")
        ours = {"status": body["status"]} if subresource else {k: v for k, v in body.items() if k != "status"}
        ours = _canonical(copied(ours))
        if live is None:
            if subresource:
                raise _RefusedError(404, f'{resource.plural} "{name}" not found')
            self._require_namespace(namespace)
            _validate(resource, body)
            self._applied[identity, ""] = ours
            return self.create(ours)
        _validate(resource, {**live, **body})
        before = copied(live)
        previous = self._applied.get((identity, subresource or ""), {})
        merged = _merged(previous, ours, copied(live))
        for path in IMMUTABLE.get(resource.kind, ()):
            if _at(before, path) != _at(merged, path):
                raise _RefusedError(422, f"{resource.kind} is invalid: {'.'.join(path)}: field is immutable")
        self._applied[identity, subresource or ""] = ours
        live.clear()
        live.update(merged)
        self._touch(before, live)
        return live

    def _merge(self, live: Manifest, body: Manifest) -> Manifest:
        uid = body.get("metadata", {}).get("uid")
        if uid and uid != live["metadata"]["uid"]:
            raise _RefusedError(409, "Precondition failed: UID in precondition")
        before = copied(live)
        live["spec"] |= body["spec"]
        self._touch(before, live)
        return live

    def _delete(self, live: Manifest, options: Manifest) -> Manifest:
        uid = options.get("preconditions", {}).get("uid")
        if uid and uid != live["metadata"]["uid"]:
            raise _RefusedError(409, "Precondition failed: UID in precondition")
        self.remove(live)
        return live

    def _require_namespace(self, namespace: str | None) -> None:
        if namespace not in self.namespaces:
            raise _RefusedError(404, f'namespaces "{namespace}" not found')
        if self.namespaces[namespace] == "Terminating":
            causes = [{"reason": "NamespaceTerminating"}]
            raise _RefusedError(403, "because it is being terminated", details={"details": {"causes": causes}})

    def _touch(self, before: Manifest, after: Manifest) -> None:
        if before == after:
            return
        metadata = after["metadata"]
        metadata["resourceVersion"] = str(next(self._counter))
        if before.get("spec") != after.get("spec"):
            metadata["generation"] += 1
        self._tell(after)

    def _tell(self, manifest: Manifest) -> None:
        for watcher in self.watchers:
            watcher(manifest)


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, details: Manifest | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details or {}


def _route(path: str) -> tuple[Resource, str | None, str | None, str | None]:
    parts = path.strip("/").split("/")
    api_version = "/".join(parts[1:2] if parts[0] == "api" else parts[1:3])
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = None
    if rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *_ = [*rest, None, None, None]
    for resource in RESOURCES:
        if (resource.api_version, resource.plural) == (api_version, plural):
            return resource, namespace, name, subresource
    raise _RefusedError(404, "the server could not find the requested resource")


def _validate(resource: Resource, body: Manifest) -> None:
    name = body["metadata"]["name"]
    if len(name) > LONGEST_NAME.get(resource.kind, 253) or not NAME.fullmatch(name):
        raise _RefusedError(422, f"{resource.kind} is invalid: metadata.name: {name!r}")
    template = (body.get("spec") or {}).get("template") or {}
    for labels in (body["metadata"].get("labels"), (template.get("metadata") or {}).get("labels")):
        for key, value in (labels or {}).items():
            if not isinstance(value, str) or not LABEL.fullmatch(value):
                raise _RefusedError(422, f"{resource.kind} is invalid: label {key}: {value!r}")
    for reference in body["metadata"].get("ownerReferences") or ():
        if not reference["uid"]:
            raise _RefusedError(422, "ownerReferences.uid: must not be empty")
    selector = ((body.get("spec") or {}).get("selector") or {}).get("matchLabels")
    if template and selector and not selector.items() <= template["metadata"]["labels"].items():
        raise _RefusedError(422, "`selector` does not match template `labels`")


def _merged(previous: Any, ours: Any, live: Any) -> Any:
    """Ours over the live; what we applied before and no longer do goes. Lists are one value."""
    if not isinstance(ours, dict) or not isinstance(live, dict):
        if isinstance(ours, list) and isinstance(live, list) and len(ours) == len(live):
            # Defaults inside list items stay.
            return [_merged({}, one, other) for one, other in zip(ours, live, strict=True)]
        return ours
    before = previous if isinstance(previous, dict) else {}
    for key in before.keys() - ours.keys():
        live.pop(key, None)
    for key, value in ours.items():
        live[key] = _merged(before.get(key), value, live[key]) if key in live else value
    return live


def _canonical(value: Any) -> Any:
    """As Go writes it: nothing empty, quantities in their shortest form."""
    if isinstance(value, dict):
        parts = {key: _canonical(one) for key, one in value.items()}
        # An emptyDir, an empty selector and the like mean something.
        return {key: one for key, one in parts.items() if one not in ("", None, []) or key == ""}
    if isinstance(value, list):
        return [_canonical(one) for one in value]
    if isinstance(value, str) and re.fullmatch(r"[0-9]+000m", value):
        return value.removesuffix("000m")
    if isinstance(value, str) and re.fullmatch(r"[0-9]+000000", value):
        return value.removesuffix("000000") + "M"
    return value


def _fill_in_defaults(stored: Manifest) -> None:
    spec = stored.get("spec")
    if stored["kind"] in ("Deployment", "StatefulSet"):
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("replicas", 1)
        for container in spec["template"]["spec"]["containers"]:
            container.setdefault("terminationMessagePath", "/dev/termination-log")
    if stored["kind"] == "Pod":
        stored.setdefault("status", {"phase": "Pending"})
    if stored["kind"] == "Service":
        spec.setdefault("sessionAffinity", "None")
        spec.setdefault("clusterIP", "10.96.0.7")
    if stored["kind"] == "Secret":
        stored["stringData"] = json.loads(json.dumps(stored.get("stringData", {})))


def _at(manifest: Manifest, path: tuple[str, ...]) -> Any:
    value: Any = manifest
    for part in path:
        value = (value or {}).get(part)
    return value
