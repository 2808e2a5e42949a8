"""The Serve application: `build` is the import path in the operator's PUT, and runs on the head.

The head must stay small and must not need the model, so nothing here imports vLLM or `ray.serve.llm`: the replica
does, when it starts on its worker. There is no request router either: HAProxy balances over the replicas itself.
"""

from pathlib import Path
from typing import Any

from ray import serve

from tonnage.contract.serve_document import ApplicationArguments
from tonnage_runtime.application_options import deployment_options
from tonnage_runtime.document import read_document
from tonnage_runtime.replica import Replica


def build(args: dict[str, Any]) -> serve.Application:
    """The application for the `args` of the PUT (ApplicationArguments)."""
    arguments = ApplicationArguments.model_validate(args)
    options = deployment_options(read_document(Path(arguments.document)))
    return serve.deployment(serve.ingress()(Replica), **options).bind(arguments.document)
