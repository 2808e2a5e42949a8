"""The life of one deployment with a real model: each test is a promise, and each goes on where the last one ended."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from openai import OpenAI

from e2e.cluster import Cluster
from e2e.kit.deployments import Deployment, Json
from e2e.kit.figures import Figures
from e2e.kit.install import Installation
from e2e.kit.load import Load, steady_load
from e2e.kit.startup import startup

SPEC: Json = {
    "model": {"source": "hf://HuggingFaceTB/SmolLM2-135M-Instruct"},
    "serving": {"contextLength": 2048},
    "placement": {"device": "Cpu"},
    # Two replicas, or two revisions, share two cores.
    "template": {"resources": {"cpu": "250m"}},
}
QUESTION = "What is the capital of France?"
GIB = 1024**3

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def chat(tonnage: Installation, namespace: str) -> Deployment:
    return Deployment(tonnage.cluster, namespace, "chat")


@pytest.fixture
def load(chat: Deployment) -> Load:
    return Load(chat.endpoint, "chat")


@pytest.fixture
def light_load(load: Load) -> Load:
    """For tests in which another engine starts beside the one that answers, on the same two cores."""
    return replace(load, clients=1)


def client(deployment: Deployment) -> OpenAI:
    return OpenAI(base_url=deployment.endpoint, api_key="unused", timeout=60, max_retries=0)


def answer(deployment: Deployment, question: str = QUESTION) -> str:
    reply = client(deployment).chat.completions.create(
        model=deployment.name, messages=[{"role": "user", "content": question}], temperature=0, max_tokens=32
    )
    return reply.choices[0].message.content or ""


def test_quickstart_answers_with_the_real_model(tonnage: Installation, chat: Deployment, figures: Figures) -> None:
    applied = time.time()
    chat.apply(SPEC)
    chat.wait_condition("Ready", deadline_seconds=420)
    first = answer(chat)
    answered = time.time()
    start = startup(chat, tonnage, applied, answered)
    print(start)
    figures.add("apply → first answer, images present", answered - applied, "s", bar=60)
    figures.add("of it neither Ray's nor vLLM's", start.own_seconds, "s", bar=5)
    assert "Paris" in first
    assert "Paris" in "".join(stream(chat))


def stream(deployment: Deployment) -> Iterator[str]:
    parts = client(deployment).chat.completions.create(
        model=deployment.name,
        messages=[{"role": "user", "content": QUESTION}],
        temperature=0,
        max_tokens=32,
        stream=True,
    )
    for part in parts:
        yield part.choices[0].delta.content or ""


def test_status_shows_the_plan_in_bytes_and_every_condition(chat: Deployment) -> None:
    status = chat.status
    memory = status["plan"]["memory"]
    parts = [size for part, size in memory.items() if part != "budgetBytes"]
    assert memory["budgetBytes"] == sum(parts)
    # In float32, and the head once more: the CPU engine keeps a packed copy of it beside the tied embedding.
    assert status["model"]["parameters"] == 134_515_008
    assert memory["weightsBytes"] == 4 * (134_515_008 + 49_152 * 576)
    # 30 layers × 2 × 3 KV heads × 64 × 4 bytes.
    assert status["plan"]["kvCacheBytesPerToken"] == 46_080
    assert {"Accepted", "Planned", "Scheduled", "ModelLoaded", "Ready", "Progressing", "Degraded", "Stalled"} == {
        condition["type"] for condition in status["conditions"]
    }
    observed = status["observed"]
    assert observed["revision"] == status["currentRevision"]
    # The engine's own words for what was planned.
    assert abs(observed["kvCacheBytes"] - memory["kvCacheBytes"]) <= 0.01 * memory["kvCacheBytes"]
    assert status["observedGeneration"] == chat.get()["metadata"]["generation"]


def test_kubectl_get_tells_the_story_in_one_line(chat: Deployment) -> None:
    header, row = chat.kubectl("get", "mdep", "chat").splitlines()
    assert ["NAME", "MODEL", "READY"] == header.split()[:3]
    assert "hf://HuggingFaceTB/SmolLM2-135M-Instruct" in row


def test_head_and_operator_stay_small(chat: Deployment, tonnage: Installation, figures: Figures) -> None:
    head = memory_bytes(tonnage.cluster, chat.namespace, chat.pods("head")[0]["metadata"]["name"])
    worker = memory_bytes(tonnage.cluster, chat.namespace, chat.pods("worker")[0]["metadata"]["name"])
    operator = memory_bytes(tonnage.cluster, tonnage.namespace, tonnage.operator_pod())
    figures.add("head pod memory", head / GIB, "GiB", bar=1.2)
    figures.add("worker pod memory", worker / GIB, "GiB")
    figures.add("operator memory", operator / 1024**2, "MiB", bar=150)
    assert head <= 1.2 * GIB
    assert operator <= 150 * 1024**2


def memory_bytes(cluster: Cluster, namespace: str, pod: str) -> int:
    """The working set of a pod, which is what its limit is held against."""
    node = cluster.kubectl_run("-n", namespace, "get", "pod", pod, "-o", "jsonpath={.spec.nodeName}")
    summary = json.loads(cluster.kubectl_run("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    [found] = [row for row in summary["pods"] if row["podRef"] == row["podRef"] | {"name": pod, "namespace": namespace}]
    return int(found["memory"]["workingSetBytes"])


def test_a_quiet_minute_has_no_writes(tonnage: Installation, chat: Deployment, figures: Figures) -> None:
    settle(chat)
    before, counted_before = tonnage.api_writes(), tonnage.status_writes()
    time.sleep(60)
    writes, counted = tonnage.api_writes() - before, tonnage.status_writes() - counted_before
    figures.add("API writes in a quiet minute", writes, "", bar=0)
    assert (writes, counted) == (0, 0)
    # The API server's own count: it has seen this deployment's statuses, so it would have seen one more.
    assert counted_before > 0


def settle(deployment: Deployment) -> None:
    """Wait until nothing is under way."""
    deployment.wait_condition("Progressing", "False")
    time.sleep(5)


def test_scale_up_and_down_lose_no_request(
    tonnage: Installation, chat: Deployment, light_load: Load, figures: Figures
) -> None:
    settle(chat)
    before = tonnage.api_writes()
    with steady_load(light_load) as tally:
        chat.scale(2)
        chat.wait(lambda: chat.status["readyReplicas"] == 2, "second replica", 420)
        settle(chat)
        up = tonnage.api_writes() - before
        chat.scale(1)
        chat.wait(lambda: len(chat.pods("worker")) == 1, "end of the second worker", 240)
        settle(chat)
    figures.add("API writes of a scale up, status included", up, "", bar=3)
    figures.add("requests lost in a scale up and down", tally.failed, f"of {tally.sent}", bar=0)
    assert not tally.failures
    assert tally.sent > 10


def test_operator_killed_under_load_comes_back_and_loses_nothing(
    tonnage: Installation, chat: Deployment, load: Load, figures: Figures
) -> None:
    with steady_load(load) as tally:
        began = time.monotonic()
        tonnage.kill_operator()
        # A change made while it is away must be seen when it is back.
        chat.kubectl("delete", "service", "chat", "--wait=false")
        chat.wait(lambda: "chat" in chat.kubectl("get", "services", "-o", "name"), "the Service again", 60)
        figures.add("operator killed → reconciling again", time.monotonic() - began, "s")
    del tally  # the deleted Service took requests with it
    settle(chat)
    with steady_load(Load(chat.endpoint, "chat")) as tally:
        tonnage.kill_operator()
        settle(chat)
    assert not tally.failures


@pytest.mark.parametrize("how", ["killed", "deleted"])
def test_head_lost_under_load_loses_no_request(chat: Deployment, load: Load, figures: Figures, how: str) -> None:
    worker = chat.pods("worker")[0]["metadata"]["name"]
    head = chat.pods("head")[0]["metadata"]["name"]
    uid = chat.pods("head")[0]["metadata"]["uid"]
    with steady_load(load) as tally:
        time.sleep(3)
        force = ("--force", "--grace-period=0") if how == "killed" else ()
        chat.kubectl("delete", "pod", head, "--wait=false", *force)
        chat.wait(lambda: is_new_and_ready(chat, uid), "new head", 180)
        time.sleep(20)
    figures.add(f"requests lost with the head {how}", tally.failed, f"of {tally.sent}", bar=0)
    assert not tally.failures
    assert worker == chat.pods("worker")[0]["metadata"]["name"]


def is_new_and_ready(deployment: Deployment, old_uid: str) -> bool:
    """Whether another head pod than the old one is ready."""
    return any(
        pod["metadata"]["uid"] != old_uid
        and any(row["type"] == "Ready" and row["status"] == "True" for row in pod["status"].get("conditions", []))
        for pod in deployment.pods("head")
    )


def test_changed_spec_rolls_out_beside_the_old_one(chat: Deployment, light_load: Load, figures: Figures) -> None:
    settle(chat)
    old = chat.status["currentRevision"]
    began = time.monotonic()
    with steady_load(light_load) as tally:
        chat.apply({**SPEC, "serving": {"contextLength": 1024}})
        chat.wait(lambda: chat.status["currentRevision"] != old, "new revision", 420)
        chat.wait(lambda: len(chat.status["revisions"]) == 1, "end of the old revision", 240)
    figures.add("rollout to a new revision", time.monotonic() - began, "s")
    figures.add("requests lost in a rollout", tally.failed, f"of {tally.sent}", bar=0)
    assert chat.status["plan"]["contextLength"] == 1024
    assert not tally.failures


def test_delete_leaves_nothing(chat: Deployment) -> None:
    chat.delete()
    chat.wait(lambda: not chat.leftovers(), "end of its objects", 240)
