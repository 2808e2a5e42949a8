"""Learns the facts of a deployment's model, once: from status, from the hub, or through a facts pod.

What a reader would get wrong: facts in status win over everything. As long as the spec asks for the same source and
revision, nothing is looked up again, so a branch that moved or a hub that is away never moves running pods.

A facts pod that waits for a Secret or a claim is left waiting: the kubelet and the scheduler go on by themselves as
soon as it exists. A facts pod that failed is kept as the memory of its failure, and replaced when that is old.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from tonnage.cluster.api import Kubernetes
from tonnage.contract.model_facts import FactsReport, ModelFacts
from tonnage.contract.model_source import REQUIRED_CREDENTIALS
from tonnage.contract.reasons import Reason
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.desired import facts_pod
from tonnage.desired.names import COMPONENT_LABEL, FACTS, Owner
from tonnage.facts.errors import FactsError
from tonnage.facts.source import Source, parse_source
from tonnage.observe.pods import Pod, pod
from tonnage.settings import Settings

ReadFacts = Callable[[Source, str, str | None], Awaitable[ModelFacts]]
Manifest = Mapping[str, Any]

# How old a failed facts pod becomes before another one tries.
_RETRY_PERMANENT = timedelta(minutes=5)
_RETRY_TRANSIENT = timedelta(seconds=30)
# How long a facts pod may take, its image pull and the cluster's scale-up included, before people are told.
_DEADLINE = timedelta(minutes=5)
_SAID_LENGTH = 500


class Resolver:
    """Facts by whatever way a source needs."""

    def __init__(self, kubernetes: Kubernetes, read_facts: ReadFacts, settings: Settings) -> None:
        self._kubernetes = kubernetes
        self._read_facts = read_facts
        self._settings = settings

    async def facts(
        self,
        owner: Owner,
        spec: ModelDeploymentSpec,
        pinned: ModelFacts | None,
        objects: Sequence[Manifest],
        now: datetime,
    ) -> ModelFacts | None:
        """The facts, or None while a facts pod is at work. Raises FactsError and ClusterError."""
        source = parse_source(spec.model.source)
        requested = spec.model.revision or source.default_revision
        if pinned and (pinned.source, pinned.requested_revision) == (spec.model.source, requested):
            return pinned
        if source.is_hub and spec.model.token_secret_ref is None:
            return await self._read_facts(source, requested, self._settings.endpoint(source.scheme))
        wanted = facts_pod(owner, spec, self._settings)
        manifest = next((one for one in facts_pods(objects) if _name(one) == _name(wanted)), None)
        if manifest is None:
            await self._kubernetes.apply(wanted)
            return None
        seen = pod(manifest)
        try:
            return _reported(seen, spec, now)
        except FactsError as error:
            is_old = now - seen.created_at > (_RETRY_PERMANENT if error.is_permanent else _RETRY_TRANSIENT)
            if seen.is_over and is_old:
                await self._kubernetes.delete(manifest)
            raise

    def superfluous(
        self, owner: Owner, spec: ModelDeploymentSpec, objects: Sequence[Manifest], *, is_known: bool
    ) -> list[Manifest]:
        """Facts pods that nobody needs: all once the facts are recorded, those of an earlier spec before that."""
        found = list(facts_pods(objects))
        if is_known or not found:
            return found
        try:
            needed = _name(facts_pod(owner, spec, self._settings))
        except FactsError:
            # A source that cannot be read needs no pod.
            return found
        return [one for one in found if _name(one) != needed]


def facts_pods(objects: Sequence[Manifest]) -> Iterator[Manifest]:
    """The facts pods among a deployment's children that are not going already."""
    for manifest in objects:
        metadata = manifest["metadata"]
        is_facts_pod = manifest["kind"] == "Pod" and metadata["labels"].get(COMPONENT_LABEL) == FACTS
        if is_facts_pod and "deletionTimestamp" not in metadata:
            yield manifest


def _reported(seen: Pod, spec: ModelDeploymentSpec, now: datetime) -> ModelFacts | None:
    if not seen.is_over:
        _require_startable(seen, spec)
        if now - seen.created_at > _DEADLINE:
            raise FactsError(
                Reason.START_DEADLINE_EXCEEDED,
                f"the pod {seen.name}, which reads the model's facts, has not finished for "
                f"{_DEADLINE.seconds // 60} minutes: {_hindrance(seen) or 'see its log'}",
                is_permanent=False,
            )
        return None
    message = next((one.exit_message for one in seen.containers if one.exit_message), None)
    try:
        report = FactsReport.model_validate_json(message or "{}")
    except ValidationError:
        report = FactsReport()
    if report.facts:
        return report.facts
    if report.failure:
        raise FactsError(report.failure.reason, report.failure.message, is_permanent=report.failure.is_permanent)
    said = " ".join((message or seen.message or "it said nothing").split())[-_SAID_LENGTH:]
    raise FactsError(
        Reason.CONTAINER_FAILED,
        f"the pod {seen.name}, which reads the model's facts, failed: {said}",
        is_permanent=False,
    )


def _require_startable(seen: Pod, spec: ModelDeploymentSpec) -> None:
    wanted = _wanted_secret(spec)
    if wanted and any(one.waiting_reason == "CreateContainerConfigError" for one in seen.containers):
        raise FactsError(Reason.SECRET_MISSING, f"{wanted}: create it, or correct the reference", is_permanent=False)
    if seen.lacks_claim:
        claim = parse_source(spec.model.source).name
        raise FactsError(
            Reason.VOLUME_NOT_FOUND,
            f"spec.model.source: there is no PersistentVolumeClaim '{claim}' here: create it, or correct the source",
            is_permanent=False,
        )
    if any(one.lacks_image for one in seen.containers):
        raise FactsError(
            Reason.IMAGE_PULL,
            f"the pod {seen.name}, which reads the model's facts, cannot pull the operator's image: {_hindrance(seen)}",
            is_permanent=False,
        )


def _wanted_secret(spec: ModelDeploymentSpec) -> str | None:
    token, credentials = spec.model.token_secret_ref, spec.model.credentials_secret_ref
    if token:
        return f"spec.model.tokenSecretRef: there is no Secret '{token.name}' with a key '{token.key}' here"
    if credentials:
        keys = " and ".join(REQUIRED_CREDENTIALS)
        return f"spec.model.credentialsSecretRef: there is no Secret '{credentials.name}' with {keys} here"
    return None


def _hindrance(seen: Pod) -> str:
    """What keeps a pod from running, in the words of whoever keeps it."""
    said = (*(one.waiting_message for one in seen.containers), seen.unschedulable_message)
    return " ".join(text for text in said if text)[:_SAID_LENGTH]


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])
