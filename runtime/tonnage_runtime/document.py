"""Reading the serve document. A head or worker whose document is unusable must say so, not start with defaults."""

from pathlib import Path

from pydantic import ValidationError

from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage_runtime.failures import RuntimeFailure


def read_document(path: Path) -> ServeDocument:
    """The serve document at `path`. Raises RuntimeFailure."""
    try:
        return ServeDocument.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RuntimeFailure(Reason.CONTAINER_FAILED, f"the serve document {path} cannot be read: {error}") from error
    except ValidationError as error:
        raise RuntimeFailure(
            Reason.CONTAINER_FAILED,
            f"the serve document {path} is not one this image reads; image and operator must be of one version: "
            f"{error}",
        ) from error
