"""What a visit reads of one deployment: its children, what Ray Serve and downloads say, and the nodes.

Children are listed afresh, never taken from watches: a watch may be late or cut, and a decision made on the past writes
the past. Pods are found by label, all else also by the owner's uid: children of a deleted deployment of the same name
are still there for a moment, and are not ours.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from tonnage.cluster.api import Kubernetes
from tonnage.cluster.errors import ClusterError, ForbiddenError
from tonnage.cluster.resources import CHILDREN, NODES, PODS, Resource
from tonnage.cluster.serve import Serve
from tonnage.contract.serve_document import EngineReport
from tonnage.desired.names import DEPLOYMENT_LABEL, Owner
from tonnage.facts.inventory import UNKNOWN_INVENTORY, Inventory, inventory, without_pods
from tonnage.observe.serve_status import ServeStatus, serve_status
from tonnage.observe.snapshot import Download, Snapshot, snapshot

Manifest = Mapping[str, Any]

# Nodes and pods are many and change slowly; deployments that start together share one list.
_NODES_SECONDS = 10.0


class Tokens:
    """Ray tokens: derived from a key that only the operator has, so that no Secret ever has to be read."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, owner: Owner) -> str:
        """The token of one deployment, 64 hex digits; another for a deployment that is created again."""
        return hmac.new(self._key, owner.uid.encode(), hashlib.sha256).hexdigest()


class Eyes:
    """Reads the cluster; writes nothing."""

    def __init__(self, kubernetes: Kubernetes, serve: Serve, tokens: Tokens) -> None:
        self._kubernetes = kubernetes
        self._serve = serve
        self._tokens = tokens
        self._inventory = UNKNOWN_INVENTORY
        self._inventory_until = 0.0

    async def children(self, owner: Owner) -> list[Manifest]:
        """All objects of this deployment that may be read. Raises ClusterError."""
        lists = await asyncio.gather(*(self._children_of_kind(owner, resource) for resource in CHILDREN))
        return [manifest for one in lists for manifest in one]

    async def snapshot(
        self, owner: Owner, objects: Sequence[Manifest], now: datetime, reported: str | None
    ) -> Snapshot:
        """What the children are up to; engines of the revision `reported` are not asked for their figures again.

        Never raises ClusterError: who does not answer is left out.
        """
        seen = snapshot(objects, now)
        heads = {one.name: one.head.ip for one in seen.revisions if one.head and one.head.ip and one.head.is_up}
        loading = {pod.name: pod.ip for one in seen.revisions for pod in one.live_pods if pod.ip and pod.is_downloading}
        started = {
            one.name: one.ready[0].ip
            for one in seen.revisions
            if one.ready and one.ready[0].ip and one.name != reported
        }
        serve, downloads, reports = await asyncio.gather(
            asyncio.gather(*(self._serve_status(owner, ip) for ip in heads.values())),
            asyncio.gather(*(self._download(ip) for ip in loading.values())),
            asyncio.gather(*(self._engine_report(ip) for ip in started.values())),
        )
        return seen.answered(
            {name: one for name, one in zip(heads, serve, strict=True) if one},
            {name: one for name, one in zip(loading, downloads, strict=True) if one},
            {name: one for name, one in zip(started, reports, strict=True) if one},
        )

    async def inventory(self, own: Sequence[Manifest]) -> Inventory:
        """The nodes, a few seconds old at most; unknown where the operator may not list them. Raises ClusterError.

        What the pods among the deployment's `own` objects have taken counts as free: a changed wish must not lose to
        itself what it has.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._inventory_until:
            nodes, pods = await self._listed(NODES), await self._listed(PODS)
            self._inventory = UNKNOWN_INVENTORY if nodes is None else inventory(nodes, pods)
            self._inventory_until = now + _NODES_SECONDS
        return without_pods(self._inventory, [manifest for manifest in own if manifest["kind"] == PODS.kind])

    async def _listed(self, resource: Resource) -> Sequence[Manifest] | None:
        """All of the cluster; None where the operator serves one namespace, or may not list nodes."""
        try:
            return await self._kubernetes.list(resource, None)
        except ForbiddenError:
            return None

    async def _children_of_kind(self, owner: Owner, resource: Resource) -> list[Manifest]:
        found = await self._kubernetes.list(resource, owner.namespace, {DEPLOYMENT_LABEL: owner.name})
        if resource is PODS:
            return list(found)
        return [manifest for manifest in found if owner.uid in _owner_uids(manifest)]

    async def _serve_status(self, owner: Owner, head_ip: str) -> ServeStatus | None:
        try:
            return serve_status(await self._serve.applications(head_ip, self._tokens.token(owner)))
        except ClusterError:
            return None

    async def _download(self, worker_ip: str) -> Download | None:
        progress = await self._serve.progress(worker_ip)
        if progress is None:
            return None
        return Download(int(progress.get("doneBytes", 0)), int(progress.get("totalBytes", 0)))

    async def _engine_report(self, worker_ip: str) -> EngineReport | None:
        try:
            return EngineReport.model_validate(await self._serve.engine_report(worker_ip))
        except ValidationError:
            # Nothing, or a runtime of another version.
            return None


def _owner_uids(manifest: Manifest) -> set[str]:
    return {owner["uid"] for owner in manifest["metadata"].get("ownerReferences") or ()}
