"""Plans for GPUs on fake nodes: what status says, what pods ask for and what the serve document says are one thing.

Nothing is computed here: pods on fake nodes only look running. See the README for what has been run on what.
"""

import json
from collections.abc import Iterator

import pytest

from e2e.cluster import Cluster
from e2e.cluster.fake_gpus import RESOURCE, FakeGpus, add_fake_nodes, remove_fake_nodes
from e2e.kit.deployments import Deployment, Json
from e2e.kit.install import Installation

FLEET = (("NVIDIA-L4", 4), ("NVIDIA-A100-SXM4-80GB", 4), ("NVIDIA-H100-80GB-HBM3", 8))
NODES_OF_EACH = 6
MODELS = {
    "llama": "meta-llama/Llama-3.1-8B-Instruct",
    "mistral": "mistralai/Mistral-7B-Instruct-v0.3",
    "mixtral": "mistralai/Mixtral-8x22B-Instruct-v0.1",
    "qwen-dense": "Qwen/Qwen2.5-7B-Instruct",
    "qwen-mixture": "Qwen/Qwen3-30B-A3B-Instruct-2507",
    "qwen-hybrid": "Qwen/Qwen3-Next-80B-A3B-Thinking",
    "deepseek-latent": "deepseek-ai/DeepSeek-V2-Lite-Chat",
    "gemma-sliding": "google/gemma-2-9b",
    "gpt-oss": "openai/gpt-oss-120b",
    "olmo": "allenai/OLMo-2-1124-7B",
}
TOO_LARGE = "deepseek-ai/DeepSeek-R1"

# What keeps fake nodes alive is built once, when they are first wanted.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def fleet(tonnage: Installation, namespace: str) -> Iterator[Cluster]:
    """Nodes of three kinds of GPUs."""
    for product, count in FLEET:
        add_fake_nodes(tonnage.cluster, FakeGpus.of(product, count), NODES_OF_EACH)
    yield tonnage.cluster
    # Pods of a node that is gone would be there for minutes.
    tonnage.cluster.kubectl_run("-n", namespace, "delete", "mdep", "--all", deadline_seconds=120)
    workers = ("pods", "-l", "app.kubernetes.io/component in (worker,follower)", "--for=delete", "--timeout=100s")
    tonnage.cluster.kubectl_run("-n", namespace, "wait", *workers, deadline_seconds=110)
    remove_fake_nodes(tonnage.cluster)


@pytest.fixture(scope="module")
def deployments(fleet: Cluster, namespace: str) -> dict[str, Deployment]:
    """One of each model, all at once."""
    found = {name: Deployment(fleet, namespace, name) for name in MODELS}
    for name, deployment in found.items():
        deployment.apply({"model": {"source": f"hf://{MODELS[name]}"}})
    return found


@pytest.mark.parametrize("name", MODELS)
def test_plan_pods_and_serve_document_agree(deployments: dict[str, Deployment], name: str) -> None:
    deployment = deployments[name]
    deployment.wait_condition("Planned")
    plan = deployment.status["plan"]
    deployment.wait(lambda: bool(placed(deployment)), "worker on a node", 120)
    [worker] = placed(deployment)
    [container] = worker["spec"]["containers"]
    assert str(plan["gpusPerReplica"]) == container["resources"]["limits"][RESOURCE]
    assert plan["gpusPerReplica"] == plan["tensorParallel"] * plan["pipelineParallel"]
    assert node_product(deployment, worker) in plan["gpuProducts"]
    assert plan["podMemoryBytes"] <= int(container["resources"]["limits"]["memory"])
    engine = serve_document(deployment)["engine"]
    assert {
        key: plan[key] for key in ("tensorParallel", "pipelineParallel", "contextLength", "maxNumSeqs", "dtype")
    } == {key: engine[key] for key in ("tensorParallel", "pipelineParallel", "contextLength", "maxNumSeqs", "dtype")}
    memory = plan["memory"]
    assert memory["budgetBytes"] == sum(size for part, size in memory.items() if part != "budgetBytes")
    assert plan["kvCacheTokens"] >= plan["contextLength"]


def placed(deployment: Deployment, component: str = "worker") -> list[Json]:
    """Its pods of this kind that have a node."""
    return [pod for pod in deployment.pods(component) if pod["spec"].get("nodeName")]


def node_product(deployment: Deployment, pod: Json) -> str:
    label = "nvidia\\.com/gpu\\.product"
    node = pod["spec"]["nodeName"]
    return deployment.cluster.kubectl_run("get", "node", node, "-o", f"jsonpath={{.metadata.labels.{label}}}")


def serve_document(deployment: Deployment) -> Json:
    """What the pods of its only revision read."""
    name = f"{deployment.name}-{deployment.status['currentRevision']}"
    text = deployment.kubectl("get", "configmap", name, "-o", "jsonpath={.data.serve\\.json}")
    found: Json = json.loads(text)
    return found


def test_a_model_that_fits_nowhere_is_told_what_would_hold_it_and_planned_once_that_comes(
    fleet: Cluster, namespace: str
) -> None:
    large = Deployment(fleet, namespace, "large")
    # On several nodes it would fit.
    large.apply({"model": {"source": f"hf://{TOO_LARGE}"}, "serving": {"pipelineParallel": 1}})
    message = large.wait_reason("Planned", "InsufficientMemory")
    assert "8 x H100, the most that there is: weights" in message
    assert "would serve a context of" in message
    add_fake_nodes(fleet, FakeGpus.of("NVIDIA-H200", 8))
    large.wait_condition("Planned", deadline_seconds=90)
    assert ("H200", 8) == (large.status["plan"]["gpu"], large.status["plan"]["gpusPerReplica"])


def test_a_model_that_only_several_nodes_hold_is_divided_among_them(fleet: Cluster, namespace: str) -> None:
    wide = Deployment(fleet, namespace, "wide")
    # A node has eight of these, and two replicas need four nodes that nobody else wants.
    add_fake_nodes(fleet, FakeGpus.of("NVIDIA-A10", 8), 4)
    candidates = [{"gpu": "NVIDIA-A10", "count": 16}]
    wide.apply({"model": {"source": f"hf://{MODELS['mixtral']}"}, "placement": {"candidates": candidates}})
    wide.wait_condition("Planned")
    plan = wide.status["plan"]
    assert (16, 2) == (plan["gpusPerReplica"], plan["podsPerReplica"])
    assert (8, 2) == (plan["tensorParallel"], plan["pipelineParallel"])
    wide.wait(lambda: bool(placed(wide) and placed(wide, "follower")), "worker and follower on nodes", 120)
    wide.kubectl("scale", "mdep", wide.name, "--replicas=2")
    wide.wait(lambda: len(placed(wide)) == len(placed(wide, "follower")) == 2, "two pods of each kind on nodes", 120)
    pods = [*placed(wide), *placed(wide, "follower")]
    assert len({pod["spec"]["nodeName"] for pod in pods}) == len(pods)
    assert {"8"} == {pod["spec"]["containers"][0]["resources"]["limits"][RESOURCE] for pod in pods}
    engine = serve_document(wide)["engine"]
    assert (8, 2, 2) == (engine["tensorParallel"], engine["pipelineParallel"], engine["pods"])


def test_preferred_gpus_that_do_not_come_in_time_give_way_to_the_next(fleet: Cluster, namespace: str) -> None:
    late = Deployment(fleet, namespace, "late")
    late.apply(preferring("NVIDIA-B200", "10s"))
    message = late.wait_reason("Planned", "WaitingForGpus")
    assert "1 x B200 is waited for until" in message
    assert message.endswith("no node has B200; then 1 x L4 is taken")
    assert [] == late.pods("worker")
    late.wait_condition("Planned", deadline_seconds=30)
    assert ("L4", None) == (late.status["plan"]["gpu"], late.status.get("waiting"))
    late.wait(lambda: bool(placed(late)), "worker on a node", 120)


def test_preferred_gpus_that_come_in_time_are_taken(fleet: Cluster, namespace: str) -> None:
    patient = Deployment(fleet, namespace, "patient")
    patient.apply(preferring("NVIDIA-B200", "10m"))
    patient.wait_reason("Planned", "WaitingForGpus")
    add_fake_nodes(fleet, FakeGpus.of("NVIDIA-B200", 1))
    patient.wait_condition("Planned", deadline_seconds=60)
    assert "B200" == patient.status["plan"]["gpu"]
    patient.wait(lambda: bool(placed(patient)), "worker on a node", 120)
    [worker] = placed(patient)
    assert "NVIDIA-B200" == node_product(patient, worker)


def preferring(product: str, wait_for: str) -> Json:
    """One GPU of this kind, waited for so long, else an L4."""
    candidates = [{"gpu": product, "count": 1, "waitFor": wait_for}, {"gpu": "NVIDIA-L4", "count": 1}]
    return {"model": {"source": f"hf://{MODELS['qwen-dense']}"}, "placement": {"candidates": candidates}}
