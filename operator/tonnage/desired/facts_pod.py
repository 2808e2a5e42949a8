"""The pod that reads a model's facts where the operator may not look: with the author's Secret, or in a claim.

Its name covers everything that the facts depend on, so that a changed wish is another pod and never an old answer.
"""

import hashlib
import json
from typing import Any

from tonnage.contract.model_source import Scheme
from tonnage.contract.serve_document import Device
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.desired import names
from tonnage.desired.document import model_folder
from tonnage.desired.environment import rendered
from tonnage.desired.names import FACTS, Owner
from tonnage.desired.pods import model_access, placement
from tonnage.facts.gpu_labels import AMD_RESOURCE, NVIDIA_RESOURCE
from tonnage.facts.source import parse_source
from tonnage.settings import Settings

_DIGITS = 8
_REPORT = "/dev/termination-log"


def facts_pod(owner: Owner, spec: ModelDeploymentSpec, settings: Settings) -> dict[str, Any]:
    """The pod; its termination message is a FactsReport."""
    source = parse_source(spec.model.source)
    folder = model_folder(spec.model.source)
    endpoint = settings.endpoint(source.scheme)
    arguments = [
        "facts",
        *("--source", spec.model.source),
        *("--revision", spec.model.revision or source.default_revision),
        *("--folder", folder),
        *("--output", _REPORT),
        *(("--endpoint", endpoint) if endpoint else ()),
    ]
    # There is no plan yet: the nodes that the author allows may have GPUs of either.
    gpu_resources = () if spec.placement.device is Device.CPU else (NVIDIA_RESOURCE, AMD_RESOURCE)
    values: dict[str, object] = {
        **placement(spec, settings, gpu_resources),
        "image": settings.operator_image,
        "arguments": arguments,
        "access": model_access(spec),
        "claim": source.name if source.scheme is Scheme.PVC else None,
    }
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:_DIGITS]
    return rendered(
        "facts-pod",
        name=names.facts_pod_name(owner, digest),
        namespace=owner.namespace,
        labels=names.object_labels(owner, FACTS, None),
        owner_references=names.owner_references(owner),
        **values,
    )
