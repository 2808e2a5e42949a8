"""What makes two revisions the same: their pods, as they would be rendered.

The digest covers what comes out of the templates, not what goes in: two specs that ask for the same pods are one
revision, and a release whose templates give other pods makes new ones, beside the old and not in their place.
"""

import hashlib
import json

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.serve_document import Device
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.desired.document import serve_document
from tonnage.desired.names import Owner
from tonnage.desired.objects import revision_objects
from tonnage.desired.revision import Revision
from tonnage.settings import Settings

_DIGITS = 8


def revision(
    owner: Owner, spec: ModelDeploymentSpec, facts: ModelFacts, plan: PlanStatus, settings: Settings
) -> Revision:
    """The revision that this spec, these facts and this plan ask for."""
    document = serve_document(owner, spec, facts, plan, settings)
    device_image = settings.cpu_image if plan.device is Device.CPU else settings.cuda_image
    nameless = Revision("", document, plan, spec.template.image or device_image)
    manifests = revision_objects(owner, spec, nameless, settings, worker_replicas=0)
    # Of a whole object the metadata say whose it is and who wrote it, which new pods do not need.
    bodies = [{key: part for key, part in manifest.items() if key != "metadata"} for manifest in manifests]
    name = hashlib.sha256(json.dumps(bodies, sort_keys=True).encode()).hexdigest()[:_DIGITS]
    return Revision(name, document.model_copy(update={"revision": name}), plan, nameless.image)
