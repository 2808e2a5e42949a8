"""Where a model is, as a person writes it: `hf://org/name`, `modelscope://...`, `s3://bucket/prefix`, `pvc://claim/path`.

A source goes into paths, addresses and arguments, so what is let through is a closed list of shapes. The CRD's CEL
rules refuse the same things earlier, when the object is written; both exist because the CLI and the facts pod have no
API server in front of them.
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from tonnage.contract.model_source import Scheme
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError

# ASCII on purpose: `\w` would let through letters that only look like another organisation's.
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_CLAIM = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PATH_PART = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A model's place; `str()` gives back what was written."""

    scheme: Scheme
    # The repository `org/name` of a hub, the bucket, or the PersistentVolumeClaim.
    name: str
    # The folder below a bucket or claim, without slashes at its ends; empty means the root. Always empty for a hub.
    path: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.name}" + (f"/{self.path}" if self.path else "")

    @property
    def is_hub(self) -> bool:
        """Whether revisions of it can be asked for by branch, tag or commit."""
        return self.scheme in (Scheme.HF, Scheme.MODELSCOPE)

    @property
    def default_revision(self) -> str:
        """The branch that is meant when nobody names a revision."""
        return "master" if self.scheme is Scheme.MODELSCOPE else "main"


def parse_source(text: str) -> Source:
    """The source that `text` names. Raises FactsError(InvalidSpec), permanent."""
    scheme_text, separator, rest = text.partition("://")
    if not separator or scheme_text not in list(Scheme):
        _refuse(text, "it must start with hf://, modelscope://, s3:// or pvc://")
    # Before the shapes: these two are attempts at something else, and deserve their own sentence.
    if "@" in rest:
        _refuse(
            text,
            "'@' is not allowed: credentials belong in spec.model.tokenSecretRef or credentialsSecretRef, "
            "a revision in spec.model.revision",
            shown=False,
        )
    if ".." in rest:
        _refuse(text, "'..' is not allowed")
    scheme = Scheme(scheme_text)
    if scheme in (Scheme.HF, Scheme.MODELSCOPE):
        if not _REPOSITORY.fullmatch(rest):
            _refuse(text, f"after {scheme}:// it must be org/name, of letters, digits, '-', '_' and '.'")
        return Source(scheme, rest)
    name, slash, path = rest.partition("/")
    pattern, noun = (_CLAIM, "claim") if scheme is Scheme.PVC else (_BUCKET, "bucket")
    if not pattern.fullmatch(name):
        _refuse(text, f"after {scheme}:// it must name a {noun}, of lower-case letters, digits, '-' and '.'")
    # No slash at the end either: two ways to write one place would be two places to whoever compares them.
    if slash and not all(_PATH_PART.fullmatch(part) for part in path.split("/")):
        _refuse(text, "its path must be of folder names with letters, digits, '-', '_' and '.'")
    return Source(scheme, name, path)


def _refuse(text: str, why: str, *, shown: bool = True) -> NoReturn:
    # What stands before an '@' may be a password, and the message ends in status and events.
    written = f"source '{text}'" if shown else "source"
    raise FactsError(Reason.INVALID_SPEC, f"spec.model.{written} cannot be used: {why}", is_permanent=True)
