"""Ray Serve's answer, as Ray 2.60 gives it."""

from typing import Any

import pytest

from tonnage.desired import application, no_application
from tonnage.observe.serve_status import NOTHING_DEPLOYED, ServeStatus, serve_status


def answer(
    put: dict[str, Any], *states: str, status: str = "RUNNING", messages: tuple[str, str] = ("", "")
) -> dict[str, Any]:
    """What `GET` answers after a PUT of this body, with replicas in these states."""
    return {
        "controller_info": {},
        "proxies": {},
        "target_capacity": put["target_capacity"],
        "applications": {
            one["name"]: {
                "name": one["name"],
                "status": status,
                "message": messages[1],
                "last_deployed_time_s": 1700000000.5,
                "deployed_app_config": one,
                "deployments": {
                    "model": {
                        "name": "model",
                        "status": "HEALTHY",
                        "message": messages[0],
                        "replicas": [{"replica_id": str(index), "state": state} for index, state in enumerate(states)],
                    }
                },
            }
            for one in put["applications"]
        },
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({}, NOTHING_DEPLOYED, id="no Serve yet"),
        pytest.param({"applications": {}}, NOTHING_DEPLOYED, id="no application"),
        pytest.param(answer(no_application()), NOTHING_DEPLOYED, id="a removed application"),
        pytest.param(
            answer(application(2), "RUNNING", "STARTING"),
            ServeStatus("RUNNING", "", 2, 1, 1700000000.5),
            id="one of two runs",
        ),
        pytest.param(
            answer(application(2), "PENDING_MIGRATION", "RECOVERING", "STOPPING"),
            ServeStatus("RUNNING", "", 2, 2, 1700000000.5),
            id="moving and recovering replicas answer, stopping ones do not",
        ),
        pytest.param(
            answer(application(0), "STOPPING"), ServeStatus("RUNNING", "", 0, 0, 1700000000.5), id="scaled to zero"
        ),
        pytest.param(
            answer(application(1), status="DEPLOY_FAILED", messages=("the cause", "the consequence")),
            ServeStatus("DEPLOY_FAILED", "the cause\nthe consequence", 1, 0, 1700000000.5),
            id="the deployment's words come before the application's",
        ),
        pytest.param(
            {"applications": {"model": {"status": "DEPLOYING"}}},
            ServeStatus("DEPLOYING", "", 0, 0, None),
            id="an answer that lacks most of it",
        ),
    ],
)
def test_serve_status(said: dict[str, Any], expected: ServeStatus) -> None:
    assert expected == serve_status(said)
