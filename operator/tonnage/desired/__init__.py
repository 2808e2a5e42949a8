"""plan -> the objects that should exist. One Jinja2 template per kind of object; nothing here talks to anything.

Reading order: `names`, `document`, `revision`, `environment`, `objects` and `pods` with `templates/`, `gpus`,
`identity`, `application`.
"""

from tonnage.desired.application import application, no_application
from tonnage.desired.facts_pod import facts_pod
from tonnage.desired.identity import revision
from tonnage.desired.names import Owner
from tonnage.desired.objects import ray_token_secret, revision_objects, shared_objects
from tonnage.desired.revision import Revision

__all__ = [
    "Owner",
    "Revision",
    "application",
    "facts_pod",
    "no_application",
    "ray_token_secret",
    "revision",
    "revision_objects",
    "shared_objects",
]
