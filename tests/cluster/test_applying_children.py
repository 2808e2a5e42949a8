import copy
from typing import Any

import pytest

from tests.support.api_server import ApiServer, Manifest
from tonnage.cluster.api import Kubernetes
from tonnage.cluster.apply import Applier, NameTakenError
from tonnage.cluster.errors import ConflictError


def service(uid: str = "u1", **spec: Any) -> Manifest:
    owner = {
        "apiVersion": "tonnage.dev/v1alpha1",
        "kind": "ModelDeployment",
        "name": "a",
        "uid": uid,
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a", "namespace": "default", "labels": {"x": "y"}, "ownerReferences": [owner]},
        "spec": {"ports": [{"name": "http", "port": 8000}], **spec},
    }


class Case:
    def __init__(self) -> None:
        self.server = ApiServer()
        self.applier = Applier(Kubernetes(self.server))

    async def apply(self, manifest: Manifest, *, is_listed: bool = True) -> bool:
        live = self.server.get("Service", "a") if is_listed else None
        return await self.applier.apply(manifest, copy.deepcopy(live))

    @property
    def live(self) -> Manifest:
        live = self.server.get("Service", "a")
        assert live is not None
        return live


async def test_what_is_missing_is_created() -> None:
    case = Case()
    assert await case.apply(service())
    assert [("apply", "Service", "a")] == case.server.writes


async def test_what_is_as_it_should_be_is_not_written() -> None:
    case = Case()
    await case.apply(service())
    assert not await case.apply(service())


async def test_defaults_of_the_api_server_are_no_difference() -> None:
    case = Case()
    await case.apply(service())
    assert "clusterIP" in case.live["spec"]
    assert not await case.apply(service())


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"externalIPs": []}, id="an empty list is dropped"),
        pytest.param({"externalName": ""}, id="an empty text is dropped"),
        pytest.param({"weight": "2000m"}, id="a quantity is written shorter"),
    ],
)
async def test_the_api_servers_own_words_are_no_difference(spec: dict[str, Any]) -> None:
    case = Case()
    await case.apply(service(**spec))
    assert not await case.apply(service(**spec))


async def test_another_operator_process_writes_such_an_object_at_most_once() -> None:
    case = Case()
    await case.apply(service(weight="2000m"))
    case.applier = Applier(Kubernetes(case.server))
    assert [True, False] == [await case.apply(service(weight="2000m")) for _ in range(2)]


async def test_a_field_that_is_no_longer_wanted_is_removed() -> None:
    case = Case()
    await case.apply(service(externalName="x"))
    assert await case.apply(service())
    assert "externalName" not in case.live["spec"]


async def test_a_field_that_somebody_edited_comes_back() -> None:
    case = Case()
    await case.apply(service())
    case.server.edit(case.live, lambda one: one["spec"]["ports"][0].update(port=1))
    assert await case.apply(service())
    assert 8000 == case.live["spec"]["ports"][0]["port"]


async def test_a_field_that_somebody_added_stays_and_costs_no_write() -> None:
    case = Case()
    await case.apply(service())
    case.server.edit(
        case.live, lambda one: one["metadata"].update(annotations={**one["metadata"]["annotations"], "b": "c"})
    )
    assert not await case.apply(service())
    assert "c" == case.live["metadata"]["annotations"]["b"]


async def test_an_object_of_somebody_else_is_left_alone() -> None:
    case = Case()
    theirs = service()
    del theirs["metadata"]["ownerReferences"]
    case.server.create(theirs)
    with pytest.raises(NameTakenError, match="Service a exists and does not belong to this ModelDeployment"):
        await case.apply(service(), is_listed=False)


async def test_a_child_of_an_earlier_deployment_of_this_name_is_waited_for() -> None:
    case = Case()
    case.server.create(service(uid="earlier"))
    with pytest.raises(ConflictError, match="still being removed"):
        await case.apply(service(), is_listed=False)
