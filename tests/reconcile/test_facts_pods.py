"""Models that only a pod may read: behind a token, or in a claim."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.simulation import Simulation
from tonnage.contract.model_facts import FactsFailure, FactsReport, ModelFacts
from tonnage.contract.reasons import Reason

Simulate = Callable[[Callable[[Simulation], Awaitable[Any]]], Any]
GATED = {
    "model": {
        "source": "hf://HuggingFaceTB/SmolLM2-135M-Instruct",
        "tokenSecretRef": {"name": "hub-token", "key": "token"},
    }
}


def facts_pods(simulation: Simulation) -> list[str]:
    return [name for name in simulation.children("Pod") if "-facts-" in name]


def report(facts: ModelFacts) -> str:
    return FactsReport(facts=facts).model_dump_json(by_alias=True, exclude_none=True)


def reasons(simulation: Simulation) -> set[str]:
    return {one["reason"] for one in simulation.status().get("conditions") or ()}


def test_a_model_behind_a_token_is_read_by_a_pod_that_is_gone_afterwards(
    simulate: Simulate, smollm2: ModelFacts
) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.world.facts_pod_says = report(smollm2)
        simulation.apply(GATED)
        await simulation.until(lambda: bool(facts_pods(simulation)))
        await simulation.until_ready()
        assert 0 == simulation.hub.reads
        assert [] == facts_pods(simulation)
        assert smollm2.commit == simulation.status()["model"]["commit"]

    simulate(scenario)


def test_a_failure_is_shown_and_tried_again_only_after_minutes(simulate: Simulate, smollm2: ModelFacts) -> None:
    async def scenario(simulation: Simulation) -> None:
        failure = FactsFailure(reason=Reason.GATED_MODEL, message="ask for access", is_permanent=True)
        simulation.world.facts_pod_says = FactsReport(failure=failure).model_dump_json(by_alias=True, exclude_none=True)
        simulation.apply(GATED)
        await simulation.until(lambda: "GatedModel" in reasons(simulation))
        first = facts_pods(simulation)
        created = simulation.api.of_kind("Pod")[0]["metadata"]["uid"]
        await asyncio.sleep(240)
        assert first == facts_pods(simulation)
        assert created == simulation.api.of_kind("Pod")[0]["metadata"]["uid"]
        simulation.world.facts_pod_says = report(smollm2)
        await simulation.until_ready(seconds=700)

    simulate(scenario)


def test_a_missing_secret_is_named_and_waited_for(simulate: Simulate, smollm2: ModelFacts) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.world.secrets_missing = {"hub-token"}
        simulation.world.facts_pod_says = report(smollm2)
        simulation.apply(GATED)
        assert 10 > await simulation.until(lambda: "SecretMissing" in reasons(simulation))
        messages = " ".join(one["message"] for one in simulation.status()["conditions"])
        assert "there is no Secret 'hub-token' with a key 'token' here" in messages
        simulation.world.secrets_missing = set()
        await simulation.until_ready()

    simulate(scenario)


BUCKET = {"model": {"source": "s3://models/small", "credentialsSecretRef": {"name": "aws"}}}


def test_a_bucket_is_read_by_a_pod_with_the_credentials_and_its_digest_is_pinned(
    simulate: Simulate, smollm2: ModelFacts
) -> None:
    async def scenario(simulation: Simulation) -> None:
        read = smollm2.model_copy(update={"source": "s3://models/small", "commit": "d" * 40})
        simulation.world.secrets_missing = {"aws"}
        simulation.world.facts_pod_says = report(read)
        simulation.apply(BUCKET)
        await simulation.until(lambda: "SecretMissing" in reasons(simulation))
        messages = " ".join(one["message"] for one in simulation.status()["conditions"])
        assert "no Secret 'aws' with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY here" in messages
        simulation.world.secrets_missing = set()
        await simulation.until_ready()
        assert (0, "d" * 40) == (simulation.hub.reads, simulation.status()["model"]["commit"])

    simulate(scenario)


def test_modelscope_is_read_by_the_operator_itself(simulate: Simulate) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply({"model": {"source": "modelscope://org/small"}})
        await simulation.until_ready()
        assert ([], 1) == (facts_pods(simulation), simulation.hub.reads)
        assert "master" == simulation.status()["model"]["requestedRevision"]

    simulate(scenario)


def test_a_pod_that_dies_without_a_word_is_replaced(simulate: Simulate, smollm2: ModelFacts) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.world.facts_pod_says = ""
        simulation.apply(GATED)
        await simulation.until(lambda: "ContainerFailed" in reasons(simulation))
        simulation.world.facts_pod_says = report(smollm2)
        await simulation.until_ready()

    simulate(scenario)


def test_a_spec_changed_while_its_facts_pod_runs_replaces_it(simulate: Simulate, smollm2: ModelFacts) -> None:
    async def scenario(simulation: Simulation) -> None:
        simulation.apply(GATED)
        await simulation.until(lambda: bool(facts_pods(simulation)))
        first = facts_pods(simulation)
        simulation.apply({"model": {**GATED["model"], "revision": "v2"}})
        await simulation.until(lambda: facts_pods(simulation) not in ([], first))
        await asyncio.sleep(5)
        assert 1 == len(facts_pods(simulation))

    simulate(scenario)


@pytest.mark.parametrize("kind", ["before", "after", "lost", "409", "500"])
def test_a_fault_at_any_write_is_survived(simulate: Simulate, smollm2: ModelFacts, kind: str) -> None:
    for at in range(6):

        async def scenario(simulation: Simulation, at: int = at) -> None:
            simulation.world.facts_pod_says = report(smollm2)
            simulation.arm(at, kind)
            simulation.apply(GATED)
            await simulation.until_ready()
            assert [] == facts_pods(simulation)

        simulate(scenario)
