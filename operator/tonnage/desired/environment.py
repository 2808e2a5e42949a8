"""Templates -> Kubernetes objects. Every value is written as JSON, and JSON is YAML.

So a name like `on` or `0123` stays text, and whole lists and maps can be dropped in. What a reader would get wrong:
quoting in a template is never needed, and would break. An undefined name is an error.
"""

import json
import re
from functools import lru_cache
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

# JSON escapes characters beyond 16 bits as pairs, and leaves line separators as they are; YAML reads neither back.
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
_as_json_text = json.JSONEncoder(ensure_ascii=False).encode


def as_yaml(value: object) -> str:
    """Any JSON-ready value as one line of YAML."""
    if isinstance(value, StrictUndefined):
        # It raises its own error, which names what is missing.
        return str(value)
    text = _as_json_text(value)
    return _NOT_PLAIN.sub(lambda match: f"\\U{ord(match[0]):08x}", text)


_ENVIRONMENT = Environment(
    loader=PackageLoader("tonnage.desired"),
    undefined=StrictUndefined,
    finalize=as_yaml,
    # What it would escape for is HTML.
    autoescape=False,  # noqa: S701
    trim_blocks=True,
    lstrip_blocks=True,
)
# One of them is called `namespace`, and would stand in for one that was forgotten.
_ENVIRONMENT.globals.clear()


def rendered(template: str, /, **values: object) -> dict[str, Any]:
    """The object that `templates/<template>.yaml.j2` describes with these values."""
    manifest: dict[str, Any] = json.loads(_as_json(_ENVIRONMENT.get_template(f"{template}.yaml.j2").render(values)))
    return manifest


@lru_cache(maxsize=512)
def _as_json(text: str) -> str:
    # Kept, because each visit renders a dozen objects that are the same as on the visit before, and YAML is slow to
    # read. As text, because what is kept must not be what a caller may change.
    return json.dumps(yaml.load(text, Loader=yaml.CSafeLoader))
