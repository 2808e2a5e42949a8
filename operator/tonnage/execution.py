"""Does what a rollout decided, one action after the other, and logs each one that changed something.

Every action is repeatable: it may have happened already, wholly or by half, when the operator last died. Objects that
are as they should be are not written.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tonnage.cluster.api import Kubernetes
from tonnage.cluster.apply import Applier
from tonnage.cluster.errors import RetryableError
from tonnage.cluster.serve import Serve
from tonnage.desired import Revision, application, no_application, ray_token_secret, revision_objects, shared_objects
from tonnage.desired.names import COMPONENT_LABEL, FOLLOWER, REVISION_LABEL, WORKER
from tonnage.observation import Tokens
from tonnage.observe.rollout import (
    Action,
    ApplyRevision,
    DeleteRevision,
    DeleteWorkers,
    PutApplication,
    RemoveApplication,
    ScaleFollowers,
    ScaleWorkers,
)
from tonnage.observe.snapshot import Pod, Snapshot
from tonnage.settings import Settings
from tonnage.target import Target

logger = logging.getLogger(__name__)
Manifest = Mapping[str, Any]

# A pod that has not started after so long may be missing the token's Secret, which the operator cannot look for.
_SLOW_START = timedelta(seconds=20)
_SECRET_AGAIN_SECONDS = 60.0
_WAITS_FOR_VOLUMES = (None, "ContainerCreating", "PodInitializing")


@dataclass(frozen=True)
class Scene:
    """What actions are done upon."""

    target: Target
    wanted: Revision
    objects: Sequence[Manifest]
    seen: Snapshot


class Hands:
    """Writes to the cluster; decides nothing."""

    def __init__(self, kubernetes: Kubernetes, serve: Serve, tokens: Tokens, settings: Settings) -> None:
        self._kubernetes = kubernetes
        self._applier = Applier(kubernetes)
        self._serve = serve
        self._tokens = tokens
        self._settings = settings
        # When the token's Secret was last applied, by the deployment's uid.
        self._secrets: dict[str, float] = {}

    def forget(self, uid: str) -> None:
        """The deployment is gone."""
        self._secrets.pop(uid, None)

    async def share(self, scene: Scene) -> bool:
        """Make what all revisions share be as it should; whether that took a write. Raises ClusterError."""
        owner, spec = scene.target.owner, scene.target.spec
        manifests = shared_objects(owner, spec, self._settings)
        has_written = await self._apply_all(scene, manifests, "shared by all revisions")
        now = asyncio.get_running_loop().time()
        applied_at = self._secrets.get(owner.uid)
        is_missed = applied_at is not None and now - applied_at > _SECRET_AGAIN_SECONDS and _is_start_slow(scene.seen)
        if applied_at is not None and not is_missed:
            return has_written
        await self._applier.apply(ray_token_secret(owner, self._tokens.token(owner)), None)
        self._secrets[owner.uid] = now
        return True

    async def act(self, action: Action, scene: Scene) -> bool:
        """Do one action; whether that took a write. Raises ClusterError."""
        match action:
            case ApplyRevision():
                manifests = revision_objects(
                    scene.target.owner,
                    scene.target.spec,
                    scene.wanted,
                    self._settings,
                    action.worker_replicas,
                    action.follower_replicas,
                )
                return await self._apply_all(scene, manifests, action.reason)
            case ScaleWorkers() | ScaleFollowers():
                component = WORKER if isinstance(action, ScaleWorkers) else FOLLOWER
                for deployment in _deployments(scene.objects, action.revision, component):
                    _log(scene, f"scale {_name(deployment)} to {action.replicas}", action.reason)
                    await self._kubernetes.scale(deployment, action.replicas)
                return True
            case DeleteWorkers():
                workers = _deployments(scene.objects, action.revision, WORKER)
                return await self._delete_all(scene, workers, action.reason)
            case DeleteRevision():
                return await self._delete_all(scene, _of_revision(scene.objects, action.revision), action.reason)
            case PutApplication():
                _log(scene, f"tell Serve of {action.revision} to run {action.replicas} replicas", action.reason)
                return await self._deploy(scene, action.revision, application(action.replicas))
            case RemoveApplication():
                _log(scene, f"tell Serve of {action.revision} to forget the application", action.reason)
                return await self._deploy(scene, action.revision, no_application())

    async def _apply_all(self, scene: Scene, manifests: Sequence[dict[str, Any]], reason: str) -> bool:
        live = {(manifest["kind"], _name(manifest)): manifest for manifest in scene.objects}
        has_written = False
        for manifest in manifests:
            if await self._applier.apply(manifest, live.get((manifest["kind"], _name(manifest)))):
                _log(scene, f"apply {manifest['kind']} {_name(manifest)}", reason)
                has_written = True
        return has_written

    async def _delete_all(self, scene: Scene, manifests: Sequence[Manifest], reason: str) -> bool:
        for manifest in manifests:
            _log(scene, f"delete {manifest['kind']} {_name(manifest)}", reason)
            await self._kubernetes.delete(manifest)
        return bool(manifests)

    async def _deploy(self, scene: Scene, revision: str, body: dict[str, Any]) -> bool:
        head = next((one.head for one in scene.seen.revisions if one.name == revision), None)
        if head is None or head.ip is None:
            return False
        try:
            await self._serve.deploy(head.ip, self._tokens.token(scene.target.owner), body)
        except RetryableError as error:
            # A head that starts or has just died is ordinary life: the next visit looks again.
            logger.info("%s/%s: Serve did not take it: %s", *_where(scene), error)
            return False
        return True


def _is_start_slow(seen: Snapshot) -> bool:
    pods = (pod for revision in seen.revisions for pod in (revision.head, *revision.live_pods) if pod)
    return any(pod.is_scheduled and not _has_started(pod) and (seen.now - pod.created_at) > _SLOW_START for pod in pods)


def _has_started(pod: Pod) -> bool:
    """Whether a container has ever run, or something else than a volume is known to keep them from it."""
    return any(
        container.is_running or container.exit_code is not None or container.waiting_reason not in _WAITS_FOR_VOLUMES
        for container in pod.containers
    )


def _deployments(objects: Sequence[Manifest], revision: str, component: str) -> list[Manifest]:
    return [
        manifest
        for manifest in _of_revision(objects, revision)
        if manifest["kind"] == "Deployment" and manifest["metadata"]["labels"].get(COMPONENT_LABEL) == component
    ]


def _of_revision(objects: Sequence[Manifest], revision: str) -> list[Manifest]:
    """The revision's own objects, in their order of removal, without pods and without what is going already."""
    return [
        manifest
        for manifest in objects
        if manifest["metadata"]["labels"].get(REVISION_LABEL) == revision
        and manifest["kind"] != "Pod"
        and "deletionTimestamp" not in manifest["metadata"]
    ]


def _log(scene: Scene, what: str, why: str) -> None:
    logger.info("%s/%s: %s: %s", *_where(scene), what, why)


def _where(scene: Scene) -> tuple[str, str]:
    return scene.target.owner.namespace, scene.target.owner.name


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])
