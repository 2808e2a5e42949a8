"""What each condition says in the situations of a deployment's life, and the one word for `kubectl get`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.gpu_plan import gpu_plan
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import ConditionType, Reason
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import (
    ConditionStatus,
    ModelDeploymentStatus,
    PlanStatus,
    RevisionState,
    RevisionStatus,
    WaitingStatus,
)
from tonnage.desired import Owner
from tonnage.desired import revision as desired_revision
from tonnage.facts.errors import FactsError
from tonnage.facts.inventory import UNKNOWN_INVENTORY
from tonnage.observe.serve_status import NOTHING_DEPLOYED, ServeStatus
from tonnage.observe.snapshot import Download, ObservedRevision, Snapshot
from tonnage.observe.status import Decision, status
from tonnage.plan import Refusal, plan
from tonnage.settings import Settings

OWNER = Owner("chat", "models", "uid-1")
NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
NOTHING = ModelDeploymentStatus()
WAITING = WaitingStatus(gpus="1 x H100", since=NOW, until=NOW + timedelta(minutes=10), answers_digest="d")
Make = Callable[..., ObservedRevision]
Says = dict[str, tuple[str, str]]


def served(*names: str) -> ModelDeploymentStatus:
    """A status that remembers that these revisions were serving."""
    return ModelDeploymentStatus(
        revisions=[
            RevisionStatus(name=name, state=RevisionState.SERVING, commit="", image="", replicas=1, ready_replicas=1)
            for name in names
        ]
    )


def said(answer: ModelDeploymentStatus) -> Says:
    return {one.type.value: (one.status.value, one.reason) for one in answer.conditions}


class Look:
    """Asks for the status of one deployment, over and over."""

    def __init__(self, spec: ModelDeploymentSpec, planned: PlanStatus, facts: ModelFacts) -> None:
        self.spec = spec
        self.planned = Decision(facts=facts, plan=planned, revision="new")

    def __call__(
        self,
        *revisions: ObservedRevision,
        previous: ModelDeploymentStatus = NOTHING,
        decision: Decision | None = None,
        replicas: int = 1,
        now: datetime = NOW,
        downloads: dict[str, Download] | None = None,
    ) -> ModelDeploymentStatus:
        spec = self.spec.model_copy(update={"replicas": replicas})
        return status(previous, OWNER, 3, spec, decision or self.planned, Snapshot(now, revisions, downloads or {}))


@pytest.fixture
def look(cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts) -> Look:
    planned = plan(cpu_spec, smollm2, UNKNOWN_INVENTORY)
    assert isinstance(planned, PlanStatus)
    return Look(cpu_spec, planned, smollm2)


def test_all_conditions_are_there_on_the_first_visit(look: Look) -> None:
    answer = look(decision=Decision())
    assert list(ConditionType) == [one.type for one in answer.conditions]
    assert {
        "Accepted": ("True", "Accepted"),
        "Planned": ("Unknown", "Resolving"),
        "Scheduled": ("Unknown", "Waiting"),
        "ModelLoaded": ("Unknown", "Waiting"),
        "Ready": ("False", "NoReplicaReady"),
        "Progressing": ("True", "Resolving"),
        "Degraded": ("False", "Healthy"),
        "Stalled": ("False", "Healthy"),
    } == said(answer)
    assert answer.summary == "Resolving"
    assert 3 == answer.observed_generation


def test_names_for_others_are_always_there(look: Look) -> None:
    answer = look(decision=Decision())
    assert "http://chat.models.svc:8000/v1" == answer.endpoint
    assert "tonnage.dev/deployment=chat,app.kubernetes.io/component=worker" == answer.selector
    assert "0/1" == answer.ready_of_wanted


@pytest.mark.parametrize(
    ("decision", "expected", "summary"),
    [
        pytest.param(
            Decision(unsupported=(("spec.scaling", "remove it"),)),
            {"Accepted": ("False", "NotYetSupported"), "Stalled": ("True", "NotYetSupported")},
            "NotYetSupported",
            id="a field for later",
        ),
        pytest.param(
            Decision(facts_error=FactsError(Reason.INVALID_SPEC, "spec.model.source: no", is_permanent=True)),
            {"Accepted": ("False", "InvalidSpec"), "Stalled": ("True", "InvalidSpec")},
            "InvalidSpec",
            id="a source that is none",
        ),
        pytest.param(
            Decision(facts_error=FactsError(Reason.MODEL_NOT_FOUND, "no such model", is_permanent=True)),
            {
                "Accepted": ("True", "Accepted"),
                "Planned": ("False", "ModelNotFound"),
                "Stalled": ("True", "ModelNotFound"),
                "Progressing": ("False", "ModelNotFound"),
            },
            "ModelNotFound",
            id="no such model",
        ),
        pytest.param(
            Decision(facts_error=FactsError(Reason.HUB_UNREACHABLE, "no answer", is_permanent=False)),
            {
                "Planned": ("False", "HubUnreachable"),
                "Stalled": ("False", "Healthy"),
                "Progressing": ("True", "HubUnreachable"),
            },
            "HubUnreachable",
            id="a hub that is away is tried again",
        ),
        pytest.param(
            Decision(plan=Refusal(Reason.INSUFFICIENT_MEMORY, "too large")),
            {"Planned": ("False", "InsufficientMemory"), "Stalled": ("True", "InsufficientMemory")},
            "InsufficientMemory",
            id="a plan that cannot be",
        ),
        pytest.param(
            Decision(plan=Refusal(Reason.INVALID_SPEC, "HOME cannot be set")),
            {"Accepted": ("False", "InvalidSpec"), "Planned": ("False", "InvalidSpec")},
            "InvalidSpec",
            id="a wish that the planner finds at fault",
        ),
        pytest.param(
            Decision(plan=Refusal(Reason.NO_NODES, "none")),
            {"Planned": ("False", "NoNodes"), "Stalled": ("False", "Healthy"), "Progressing": ("True", "NoNodes")},
            "NoNodes",
            id="nodes may come",
        ),
        pytest.param(
            Decision(plan=Refusal(Reason.WAITING_FOR_GPUS, "1 x H100 is waited for", waiting=WAITING)),
            {
                "Accepted": ("True", "Accepted"),
                "Planned": ("False", "WaitingForGpus"),
                "Stalled": ("False", "Healthy"),
                "Progressing": ("True", "WaitingForGpus"),
            },
            "WaitingForGpus",
            id="preferred GPUs may come",
        ),
        pytest.param(
            Decision(is_paused=True),
            {"Accepted": ("True", "Paused"), "Progressing": ("False", "Paused")},
            "NoReplicaReady",
            id="paused",
        ),
    ],
)
def test_before_there_are_pods(look: Look, decision: Decision, expected: Says, summary: str) -> None:
    answer = look(decision=decision)
    assert expected == {kind: one for kind, one in said(answer).items() if kind in expected}
    assert summary == answer.summary


def test_a_refused_spec_does_not_deny_that_the_old_revision_answers(look: Look, revision: Make) -> None:
    running = look(revision("old", ready=1), decision=Decision(revision="old"))
    answer = look(
        revision("old", ready=1), previous=running, decision=Decision(unsupported=(("spec.scaling", "remove it"),))
    )
    assert ("True", "Ready") == said(answer)["Ready"]
    assert ("False", "NotYetSupported") == said(answer)["Accepted"]
    assert "old" == answer.current_revision


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"starting": 1, "head": None, "serve": None, "workers": ()}, Reason.STARTING, id="no pods yet"),
        pytest.param({"starting": 1, "serve": None}, Reason.STARTING, id="the head does not answer"),
        pytest.param({"starting": 1, "serve": NOTHING_DEPLOYED}, Reason.LOADING, id="the model is loaded"),
    ],
)
def test_a_start_tells_its_step(look: Look, revision: Make, fields: dict[str, Any], reason: Reason) -> None:
    answer = look(revision("new", **fields))
    assert ("False", reason) == said(answer)["ModelLoaded"]
    assert ("True", reason) == said(answer)["Progressing"]
    assert ("False", "NoReplicaReady") == said(answer)["Ready"]
    assert reason == answer.summary


@pytest.mark.parametrize(
    ("done", "words"),
    [
        pytest.param(0, "0 % of", id="begun"),
        pytest.param(499, "45 % of", id="in steps of five"),
        pytest.param(1000, "100 % of", id="done"),
    ],
)
def test_a_download_tells_how_far_it_is(look: Look, revision: Make, done: int, words: str) -> None:
    answer = look(revision("new", starting=1), downloads={"new-worker-0": Download(done, 1000)})
    (loaded,) = [one for one in answer.conditions if one.type is ConditionType.MODEL_LOADED]
    assert Reason.DOWNLOADING == loaded.reason
    assert loaded.message.startswith(words)


def test_ready_needs_a_ready_pod_and_a_replica_that_serve_knows(look: Look, revision: Make) -> None:
    pod_only = revision("new", ready=1, serve=ServeStatus("DEPLOYING", "", 1, 0, 1.0))
    replica_only = revision("new", starting=1, serve=ServeStatus("RUNNING", "", 1, 1, 1.0))
    both = revision("new", ready=1)
    assert ["False", "False", "True"] == [said(look(one))["Ready"][0] for one in (pod_only, replica_only, both)]


def test_a_silent_serve_cannot_make_ready_but_does_not_unmake_it(look: Look, revision: Make) -> None:
    silent = revision("new", ready=1, serve=None)
    assert "False" == said(look(silent))["Ready"][0]
    assert "True" == said(look(silent, previous=served("new")))["Ready"][0]


def test_a_settled_deployment_is_ready_and_nothing_else(look: Look, revision: Make) -> None:
    answer = look(revision("new", ready=2), replicas=2)
    assert {
        "Accepted": ("True", "Accepted"),
        "Planned": ("True", "Planned"),
        "Scheduled": ("True", "Scheduled"),
        "ModelLoaded": ("True", "Loaded"),
        "Ready": ("True", "Ready"),
        "Progressing": ("False", "Settled"),
        "Degraded": ("False", "Healthy"),
        "Stalled": ("False", "Healthy"),
    } == said(answer)
    assert ("Ready", 2, 2, "2/2") == (
        answer.summary,
        answer.replicas,
        answer.ready_replicas,
        answer.ready_of_wanted,
    )
    assert [("new", RevisionState.SERVING, 2)] == [(one.name, one.state, one.replicas) for one in answer.revisions]


def test_a_rollout_says_which_replaces_which(look: Look, revision: Make) -> None:
    answer = look(revision("old", ready=1), revision("new", starting=1), previous=served("old"))
    assert ("True", "RollingOut") == said(answer)["Progressing"]
    assert ("True", "Ready") == said(answer)["Ready"]
    assert ("False", "Healthy") == said(answer)["Degraded"]
    assert ["Serving", "Starting"] == [one.state for one in answer.revisions]
    assert ("old", "RollingOut") == (answer.current_revision, answer.summary)


def test_an_old_revision_retires_once_its_successor_runs_in_full(look: Look, revision: Make) -> None:
    answer = look(revision("old", ready=1), revision("new", ready=1), previous=served("old"))
    assert ["Retiring", "Serving"] == [one.state for one in answer.revisions]
    assert "new" == answer.current_revision


def test_scaling_up_is_progress_and_no_damage(look: Look, revision: Make) -> None:
    settled = look(revision("new", ready=1))
    asked = look(revision("new", ready=1), previous=settled, replicas=2)
    growing = look(revision("new", ready=1, starting=1), previous=asked, replicas=2)
    for answer in (asked, growing):
        assert ("True", "Scaling") == said(answer)["Progressing"]
        assert ("False", "Healthy") == said(answer)["Degraded"]
        assert ("True", "Ready") == said(answer)["Ready"]


def test_a_lost_replica_is_damage_until_it_is_back(look: Look, revision: Make) -> None:
    settled = look(revision("new", ready=2), replicas=2)
    lost = look(revision("new", ready=1, starting=1), previous=settled, replicas=2)
    still = look(revision("new", ready=1, starting=1), previous=lost, replicas=2)
    back = look(revision("new", ready=2), previous=still, replicas=2)
    assert [
        ("True", "ReplicasUnavailable"),
        ("True", "ReplicasUnavailable"),
        ("False", "Healthy"),
    ] == [said(answer)["Degraded"] for answer in (lost, still, back)]


def test_zero_replicas_are_no_failure(look: Look, revision: Make) -> None:
    answer = look(revision("new", serve=NOTHING_DEPLOYED), replicas=0)
    assert ("False", "ScaledToZero") == said(answer)["Ready"]
    assert ("False", "Settled") == said(answer)["Progressing"]
    assert "ScaledToZero" == answer.summary


def test_a_start_that_failed_says_why(look: Look, revision: Make) -> None:
    failed = ServeStatus("DEPLOY_FAILED", "ValueError: No available memory for the cache blocks.", 1, 0, 1.0)
    answer = look(revision("new", starting=1, serve=failed))
    assert ("False", "KvCacheTooSmall") == said(answer)["ModelLoaded"]
    assert ("True", "KvCacheTooSmall") == said(answer)["Degraded"]
    assert ("True", "KvCacheTooSmall") == said(answer)["Stalled"]
    assert "KvCacheTooSmall" == answer.summary


def test_a_failure_that_may_pass_is_degraded_and_goes_on(look: Look, revision: Make) -> None:
    failed = ServeStatus("DEPLOY_FAILED", "OSError: cannot connect", 1, 0, 1.0)
    answer = look(revision("new", starting=1, serve=failed))
    assert ("True", "EngineFailed") == said(answer)["Degraded"]
    assert ("False", "Healthy") == said(answer)["Stalled"]
    assert "True" == said(answer)["Progressing"][0]


def test_a_pod_without_a_node_is_not_scheduled(look: Look, revision: Make, pod: Callable[..., Any]) -> None:
    worker = pod("w", is_ready=False, is_scheduled=False, unschedulable_message="0/1 nodes are available:\n memory")
    answer = look(revision("new", worker_replicas=1, workers=(worker,)))
    assert ("False", "Unschedulable") == said(answer)["Scheduled"]
    (scheduled,) = [one for one in answer.conditions if one.type is ConditionType.SCHEDULED]
    assert "no node for w: 0/1 nodes are available: memory" == scheduled.message


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
            "no node for w with 4 x A100-80GB (nvidia.com/gpu): "
            "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
            id="all are taken",
        ),
        pytest.param(
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            "no node for w with 4 x A100-80GB (nvidia.com/gpu): "
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            id="there are none",
        ),
    ],
)
def test_a_pod_that_waits_for_gpus_says_for_which(
    smollm2: ModelFacts, revision: Make, pod: Callable[..., Any], words: str, expected: str
) -> None:
    spec = ModelDeploymentSpec.model_validate({"model": {"source": smollm2.source}})
    look = Look(spec, gpu_plan(gpu="A100-80GB", gpus_per_replica=4, tensor_parallel=4), smollm2)
    worker = pod("w", is_ready=False, is_scheduled=False, unschedulable_message=words)
    answer = look(revision("new", worker_replicas=1, workers=(worker,)))
    (scheduled,) = [one for one in answer.conditions if one.type is ConditionType.SCHEDULED]
    assert ("Unschedulable", expected) == (scheduled.reason, scheduled.message)


def test_a_head_that_waits_for_a_node_does_not_speak_of_gpus(
    smollm2: ModelFacts, revision: Make, pod: Callable[..., Any]
) -> None:
    spec = ModelDeploymentSpec.model_validate({"model": {"source": smollm2.source}})
    head = pod("h", is_ready=False, is_scheduled=False, unschedulable_message="0/1 nodes are available")
    answer = Look(spec, gpu_plan(), smollm2)(revision("new", head=head))
    (scheduled,) = [one for one in answer.conditions if one.type is ConditionType.SCHEDULED]
    assert "no node for h: 0/1 nodes are available" == scheduled.message


def test_a_start_beyond_its_deadline_is_told(
    look: Look, revision: Make, cpu_spec: ModelDeploymentSpec, smollm2: ModelFacts, operator_settings: Settings
) -> None:
    document = made_document(cpu_spec, smollm2, operator_settings)
    late = NOW + timedelta(seconds=document.limits.start_deadline_seconds)
    answer = look(revision("new", starting=1, document=document), now=late)
    assert ("True", "StartDeadlineExceeded") == said(answer)["Degraded"]
    assert "False" == said(look(revision("new", starting=1, document=document)))["Degraded"][0]


def made_document(spec: ModelDeploymentSpec, facts: ModelFacts, operator_settings: Settings) -> Any:
    planned = plan(spec, facts, UNKNOWN_INVENTORY)
    assert isinstance(planned, PlanStatus)
    return desired_revision(OWNER, spec, facts, planned, operator_settings).document


def test_an_answer_of_the_api_server_is_told(look: Look, revision: Make) -> None:
    decision = Decision(facts=look.planned.facts, plan=look.planned.plan, revision="new", api_error="quota exceeded")
    answer = look(revision("new", ready=1), decision=decision)
    assert ("True", "ApiError") == said(answer)["Degraded"]
    assert ("True", "Ready") == said(answer)["Ready"]


def test_a_condition_keeps_its_time_while_its_status_stays(look: Look, revision: Make) -> None:
    first = look(revision("new", starting=1))
    second = look(revision("new", ready=1), previous=first, now=NOW + timedelta(minutes=5))
    times = {one.type: one.last_transition_time for one in second.conditions}
    assert NOW + timedelta(minutes=5) == times[ConditionType.READY]
    assert NOW == times[ConditionType.PLANNED]


def test_a_second_look_at_the_same_things_changes_nothing(look: Look, revision: Make) -> None:
    for seen in (
        (revision("new", ready=1),),
        (revision("new", starting=1),),
        (revision("old", ready=1), revision("new", starting=1)),
        (),
    ):
        first = look(*seen, previous=served("old"))
        second = look(*seen, previous=first, now=NOW + timedelta(hours=1))
        assert second == look(*seen, previous=second, now=NOW + timedelta(hours=2))
        assert first.conditions == second.conditions


def test_times_are_whole_seconds(look: Look) -> None:
    answer = look(now=NOW.replace(microsecond=123456))
    assert {0} == {one.last_transition_time.microsecond for one in answer.conditions}


def test_what_a_visit_did_not_learn_is_kept(look: Look, revision: Make) -> None:
    first = look(revision("new", ready=1))
    away = Decision(facts_error=FactsError(Reason.HUB_UNREACHABLE, "no answer", is_permanent=False))
    second = look(revision("new", ready=1), previous=first, decision=away)
    assert (first.model, first.plan) == (second.model, second.plan)
    assert ConditionStatus.TRUE == next(one.status for one in second.conditions if one.type is ConditionType.READY)


def test_a_refusal_without_pods_shows_no_plan(look: Look) -> None:
    first = look()
    refused = look(previous=first, decision=Decision(plan=Refusal(Reason.INSUFFICIENT_MEMORY, "too large")))
    assert first.plan is not None
    assert refused.plan is None
