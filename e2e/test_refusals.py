"""Bad input, case by case: each ends in one clear sentence in a condition, with nothing left running.

What the API server itself refuses is in `test_crd`.
"""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.hub.s3 import KEY_ID
from e2e.kit.deployments import Deployment, Json
from e2e.kit.install import HUB_ENDPOINT, Installation

pytestmark = pytest.mark.timeout(300)
MODEL = "SmolLM2-135M-Instruct"
CPU: Json = {"placement": {"device": "Cpu"}}


@dataclass(frozen=True)
class Case:
    """A spec, and where which reason and words must show up."""

    model: Json
    condition: str
    reason: str
    words: tuple[str, ...]
    serving: Json | None = None

    @property
    def spec(self) -> Json:
        """The whole spec."""
        return {**CPU, "model": self.model, **({"serving": self.serving} if self.serving else {})}


CASES = {
    "no-such-model": Case(
        {"source": "hf://nobody/nothing"}, "Planned", "ModelNotFound", ("nobody/nothing", "tokenSecretRef")
    ),
    "no-such-revision": Case(
        {"source": f"hf://HuggingFaceTB/{MODEL}", "revision": "v9"}, "Planned", "RevisionNotFound", ("v9",)
    ),
    "private-without-token": Case(
        {"source": f"hf://private/{MODEL}"}, "Planned", "ModelNotFound", ("private", "tokenSecretRef")
    ),
    "gated-without-token": Case(
        {"source": f"hf://gated/{MODEL}"}, "Planned", "GatedModel", (f"gated/{MODEL}", "tokenSecretRef")
    ),
    "wrong-token": Case(
        {"source": f"hf://private/{MODEL}", "tokenSecretRef": {"name": "hub", "key": "wrong"}},
        "Planned", "AccessDenied", ("token",),
    ),
    "missing-secret": Case(
        {"source": f"hf://private/{MODEL}", "tokenSecretRef": {"name": "not-there", "key": "token"}},
        "Planned", "SecretMissing", ("not-there",),
    ),
    "missing-key": Case(
        {"source": f"hf://private/{MODEL}", "tokenSecretRef": {"name": "hub", "key": "not-there"}},
        "Planned", "SecretMissing", ("not-there",),
    ),
    "no-such-model-on-modelscope": Case(
        {"source": "modelscope://nobody/nothing"}, "Planned", "ModelNotFound", ("modelscope://nobody/nothing",)
    ),
    "wrong-credentials": Case(
        {"source": f"s3://models/HuggingFaceTB/{MODEL}", "credentialsSecretRef": {"name": "hub"}},
        "Planned", "AccessDenied", ("credentialsSecretRef", "SignatureDoesNotMatch"),
    ),
    "missing-credentials": Case(
        {"source": f"s3://models/HuggingFaceTB/{MODEL}", "credentialsSecretRef": {"name": "not-there"}},
        "Planned", "SecretMissing", ("not-there", "AWS_ACCESS_KEY_ID"),
    ),
    "missing-claim": Case({"source": "pvc://not-there/model"}, "Planned", "VolumeNotFound", ("not-there",)),
    "pickle-only": Case({"source": "hf://broken/pickle-only"}, "Planned", "UnsafeWeights", ("safetensors",)),
    "no-config": Case({"source": "hf://broken/no-config"}, "Planned", "UnusableConfig", ("config.json",)),
    "unknown-architecture": Case(
        {"source": "hf://broken/unknown-architecture"}, "Planned", "ArchitectureUnsupported", ("MamboForCausalLM",)
    ),
    "too-large": Case({"source": "hf://large/Llama-70B"}, "Planned", "InsufficientMemory", ("GiB",)),
    "context-beyond-model": Case(
        {"source": f"hf://HuggingFaceTB/{MODEL}"}, "Planned", "ContextTooLong", ("8,192",), {"contextLength": 100_000}
    ),
    "not-yet-supported": Case(
        {"source": f"hf://HuggingFaceTB/{MODEL}"},
        "Accepted", "NotYetSupported", ("spec.serving.precision",), {"precision": "Compact"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def token_secret(tonnage: Installation, namespace: str) -> None:
    keys = {
        "good": "hf_e2e_good",
        "wrong": "hf_e2e_wrong",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": "hf_e2e_wrong",
        "AWS_ENDPOINT_URL": HUB_ENDPOINT,
    }
    data = {key: base64.b64encode(value.encode()).decode() for key, value in keys.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub"}, "data": data}
    tonnage.cluster.kubectl_run("-n", namespace, "apply", "-f", "-", stdin=json.dumps(secret))


@pytest.fixture
def deployment(tonnage: Installation, namespace: str, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    name = request.node.callspec.id if hasattr(request.node, "callspec") else "it"
    made = Deployment(tonnage.cluster, namespace, name)
    yield made
    made.delete()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_bad_deployment_says_what_to_change(deployment: Deployment, case: Case) -> None:
    deployment.apply(case.spec)
    message = deployment.wait_reason(case.condition, case.reason, deadline_seconds=90)
    assert [] == [word for word in case.words if word not in message]
    assert "\n" not in message
    assert "Traceback" not in message
    assert "hf_e2e" not in json.dumps(deployment.get())
    assert deployment.condition("Ready")["status"] == "False"
    assert not deployment.pods("worker")


def test_a_context_longer_than_memory_names_the_numbers(deployment: Deployment) -> None:
    spec = {
        **CPU,
        "model": {"source": f"hf://HuggingFaceTB/{MODEL}"},
        "serving": {"contextLength": 8192},
        "template": {"resources": {"memory": "4608Mi"}},
    }
    deployment.apply(spec)
    deployment.wait(lambda: deployment.condition("Planned").get("status") == "False", "refusal", 60)
    assert deployment.condition("Planned")["reason"] in {"ContextTooLong", "InsufficientMemory"}
    assert "GiB" in deployment.condition("Planned")["message"]


def test_a_bad_spec_made_good_is_planned(deployment: Deployment) -> None:
    deployment.apply({**CPU, "model": {"source": "hf://nobody/nothing"}})
    deployment.wait_reason("Planned", "ModelNotFound")
    deployment.apply({**CPU, "model": {"source": f"hf://HuggingFaceTB/{MODEL}"}})
    deployment.wait_condition("Planned", deadline_seconds=30)


def test_a_hub_that_is_away_is_waited_for(tonnage: Installation, deployment: Deployment) -> None:
    tonnage.hub_away(seconds=60)
    deployment.apply({**CPU, "model": {"source": f"hf://HuggingFaceTB/{MODEL}"}})
    message = deployment.wait_reason("Planned", "HubUnreachable", deadline_seconds=40)
    assert "hub" in message
    deployment.wait_condition("Planned", deadline_seconds=120)


def test_a_full_disk_is_named(deployment: Deployment) -> None:
    deployment.apply(
        {**CPU, "model": {"source": f"hf://full/{MODEL}"}, "template": {"resources": {"ephemeralStorage": "1Gi"}}}
    )
    message = deployment.wait_reason("ModelLoaded", "DiskFull", deadline_seconds=200)
    assert "ephemeral" in message or "space" in message


def test_a_name_of_63_characters_works(tonnage: Installation, namespace: str) -> None:
    deployment = Deployment(tonnage.cluster, namespace, "n" * 63)
    deployment.apply({**CPU, "model": {"source": f"hf://HuggingFaceTB/{MODEL}"}})
    deployment.wait(lambda: bool(deployment.pods("worker")), "worker", 60)
    deployment.wait(lambda: bool(deployment.pods("head")), "head", 60)
    deployment.delete()
    deployment.wait(lambda: not deployment.leftovers(), "end of its objects", 240)


def test_deletion_before_readiness_leaves_nothing(deployment: Deployment) -> None:
    deployment.apply({**CPU, "model": {"source": f"hf://slow/{MODEL}"}})
    deployment.wait_reason("ModelLoaded", "Downloading", deadline_seconds=90)
    deployment.delete()
    deployment.wait(lambda: not deployment.leftovers(), "end of its objects", 240)


def test_a_spec_changed_while_its_pods_start_starts_only_the_last_one(deployment: Deployment) -> None:
    spec = {**CPU, "model": {"source": f"hf://slow/{MODEL}"}, "serving": {"contextLength": 1024}}
    deployment.apply(spec)
    deployment.wait(lambda: bool(deployment.pods("worker")), "first worker", 60)
    for context in (1536, 2048):
        deployment.apply({**spec, "serving": {"contextLength": context}})
        time.sleep(1)
    deployment.wait(lambda: deployment.status.get("plan", {}).get("contextLength") == 2048, "last plan", 30)
    deployment.wait(lambda: len(deployment.status.get("revisions", [])) == 1, "one revision", 90)
    deployment.wait(lambda: len(deployment.pods("worker")) == 1, "one worker", 120)
