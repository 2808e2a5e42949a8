"""The body of `PUT /api/serve/applications/`, the same for every revision but for the number of replicas.

Counts are outside the application's arguments: Serve takes changed arguments for changed code and restarts everything.
"""

from typing import Any

from tonnage.contract.serve_document import (
    APPLICATION_NAME,
    DOCUMENT_PATH,
    IMPORT_PATH,
    SERVE_PORT,
    ApplicationArguments,
)


def application(replicas: int) -> dict[str, Any]:
    """What Ray Serve should run: so many copies of the model. Serve's word for none is a capacity of 0 %."""
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": "0.0.0.0", "port": SERVE_PORT},  # noqa: S104 # a pod's address is given by its network
        "target_capacity": 100 if replicas else 0,
        "applications": [
            {
                "name": APPLICATION_NAME,
                "route_prefix": "/",
                "import_path": IMPORT_PATH,
                "args": ApplicationArguments(document=DOCUMENT_PATH).to_json_object(),
                "deployments": [{"name": APPLICATION_NAME, "num_replicas": max(1, replicas)}],
            }
        ],
    }


def no_application() -> dict[str, Any]:
    """Nothing at all: what makes Serve forget a start that it has given up."""
    return {**application(0), "applications": []}
