"""plan -> the objects that should exist. One Jinja2 template per kind of object; nothing here talks to anything.

Reading order: `names`, `revision`, `environment`, `objects` with `templates/`, `application`.
"""

from tonnage.desired.application import application
from tonnage.desired.names import Owner
from tonnage.desired.objects import facts_pod, ray_token_secret, revision_objects, shared_objects
from tonnage.desired.revision import Revision, revision

__all__ = [
    "Owner",
    "Revision",
    "application",
    "facts_pod",
    "ray_token_secret",
    "revision",
    "revision_objects",
    "shared_objects",
]
