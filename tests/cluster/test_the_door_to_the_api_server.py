import pytest

from tests.support.api_server import ApiServer, Fault, Manifest
from tonnage.cluster.api import Kubernetes
from tonnage.cluster.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NamespaceTerminatingError,
    NotFoundError,
    ServerFailureError,
    TooManyRequestsError,
    UnreachableError,
)
from tonnage.cluster.resources import MODEL_DEPLOYMENTS, NODES, PODS, SECRETS


def config_map(name: str = "a", namespace: str = "default", **labels: str) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v"}}


async def test_what_does_not_exist_is_none() -> None:
    assert await Kubernetes(ApiServer()).get(PODS, "default", "a") is None


async def test_a_list_is_of_one_namespace_and_label_and_its_items_say_what_they_are() -> None:
    server = ApiServer()
    for name, namespace, value in (("a", "default", "1"), ("b", "default", "2"), ("c", "other", "1")):
        server.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": namespace, "labels": {"x": value}},
            }
        )
    found = await Kubernetes(server).list(PODS, "default", {"x": "1"})
    assert [("v1", "Pod", "a")] == [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in found]


async def test_cluster_objects_have_no_namespace() -> None:
    server = ApiServer()
    server.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}})
    assert 1 == len(await Kubernetes(server).list(NODES, None))


async def test_deleting_what_is_gone_is_a_success() -> None:
    await Kubernetes(ApiServer()).delete(config_map())


async def test_an_object_of_the_same_name_but_another_uid_is_not_deleted() -> None:
    server = ApiServer()
    old = server.create(config_map())
    server.remove(old)
    server.create(config_map())
    with pytest.raises(ConflictError):
        await Kubernetes(server).delete(old)


async def test_the_status_of_a_deployment_that_was_created_again_is_not_written() -> None:
    server = ApiServer()
    manifest = {
        "apiVersion": MODEL_DEPLOYMENTS.api_version,
        "kind": MODEL_DEPLOYMENTS.kind,
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {},
    }
    server.create(manifest)
    with pytest.raises(ConflictError):
        await Kubernetes(server).apply_status("default", "a", "another-uid", {})


async def test_secrets_cannot_be_read() -> None:
    with pytest.raises(ForbiddenError):
        await Kubernetes(ApiServer()).list(SECRETS, "default")


async def test_nothing_is_created_in_a_namespace_that_goes() -> None:
    server = ApiServer(namespaces={"default": "Terminating"})
    with pytest.raises(NamespaceTerminatingError):
        await Kubernetes(server).apply(config_map())


async def test_nothing_is_created_in_a_namespace_that_is_not_there() -> None:
    with pytest.raises(NotFoundError):
        await Kubernetes(ApiServer()).apply(config_map(namespace="nowhere"))


async def test_an_unacceptable_object_is_named_in_the_error() -> None:
    with pytest.raises(InvalidError, match=r"PATCH /api/v1/namespaces/default/configmaps/a_b: .*metadata.name"):
        await Kubernetes(ApiServer()).apply(config_map("a_b"))


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        pytest.param("409", ConflictError, id="409"),
        pytest.param("429", TooManyRequestsError, id="429"),
        pytest.param("500", ServerFailureError, id="500"),
        pytest.param("422", InvalidError, id="422"),
        pytest.param("lost", UnreachableError, id="response lost"),
    ],
)
async def test_an_answer_becomes_its_error(kind: str, error: type[ClusterError]) -> None:
    server = ApiServer(fault=Fault(0, kind))
    with pytest.raises(error):
        await Kubernetes(server).apply(config_map())


async def test_a_busy_api_server_says_when_to_come_again() -> None:
    with pytest.raises(TooManyRequestsError) as caught:
        await Kubernetes(ApiServer(fault=Fault(0, "429"))).apply(config_map())
    assert 1.0 == caught.value.retry_after_seconds


async def test_every_write_is_counted_and_no_read() -> None:
    counted: list[tuple[str, str]] = []
    kubernetes = Kubernetes(ApiServer(), lambda verb, kind: counted.append((verb, kind)))
    await kubernetes.get(PODS, "default", "a")
    await kubernetes.apply(config_map())
    await kubernetes.delete(config_map())
    assert [("apply", "ConfigMap"), ("delete", "ConfigMap")] == counted
