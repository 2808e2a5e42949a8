"""A cluster in miniature, any order of wishes, crashes and progress: what must hold at every step, and at the end."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from tonnage.observe.rollout import (
    Action,
    ApplyRevision,
    DeleteRevision,
    DeleteWorkers,
    PutApplication,
    RemoveApplication,
    ScaleWorkers,
    actions,
    is_complete,
)
from tonnage.observe.serve_status import NOTHING_DEPLOYED, ServeStatus
from tonnage.observe.snapshot import ObservedRevision, Pod, Snapshot

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Life:
    """One revision in the miniature: pods are `s`tarting, `r`eady, or `d`raining (and reachable)."""

    born: int
    workers: int | None
    pods: list[str] = field(default_factory=list)
    is_head_up: bool = False
    wanted: int | None = None


class Cluster:
    def __init__(self) -> None:
        self.lives: dict[str, Life] = {}
        self.served: set[str] = set()
        self.clock = 0

    def snapshot(self) -> Snapshot:
        seen = [self.observed(name, life) for name, life in sorted(self.lives.items(), key=lambda one: one[1].born)]
        self.served |= {one.name for one in seen if one.endpoints}
        return Snapshot(NOW, tuple(seen))

    def observed(self, name: str, life: Life) -> ObservedRevision:
        serve = None
        if life.is_head_up:
            running = min(life.pods.count("r"), life.wanted or 0)
            serve = NOTHING_DEPLOYED if life.wanted is None else ServeStatus("RUNNING", "", life.wanted, running, 0.0)
        kinds = {"ConfigMap", "Service", "StatefulSet", *(["Deployment"] if life.workers is not None else [])}
        workers = tuple(self.pod(f"{name}-{index}", state) for index, state in enumerate(life.pods))
        head = self.pod(f"{name}-head", "r" if life.is_head_up else "s")
        return ObservedRevision(
            name, NOW, frozenset(kinds), life.workers, None, "image", None, head, workers, (), serve
        )

    def pod(self, name: str, state: str) -> Pod:
        return Pod(name, None, "Running", NOW, state != "s", state == "d", True, None, None, None, ())

    def do(self, action: Action) -> None:
        self.clock += 1
        match action:
            case ApplyRevision(name, workers, _):
                self.lives.setdefault(name, Life(self.clock, workers)).workers = workers
            case ScaleWorkers(name, replicas, _):
                self.lives[name].workers = replicas
            case PutApplication(name, replicas, _):
                self.lives[name].wanted = replicas
            case RemoveApplication(name, _):
                self.lives[name].wanted = None
            case DeleteWorkers(name, _):
                self.lives[name].workers = None
            case DeleteRevision(name, _):
                del self.lives[name]

    def step(self) -> None:
        """Controllers and kubelets do a part of their work."""
        for life in self.lives.values():
            life.pods = [state for state in life.pods if state != "d"]
            surplus = len(life.pods) - (life.workers or 0)
            for _ in range(surplus):
                # As a ReplicaSet does: what is not ready goes first.
                state = "s" if "s" in life.pods else "r"
                life.pods.remove(state)
                if state == "r":
                    life.pods.append("d")
            life.pods += ["s"] * -surplus
            if life.is_head_up and life.wanted is not None:
                self.place_replicas(life)
            life.is_head_up = True

    def place_replicas(self, life: Life) -> None:
        ready = life.pods.count("r")
        if ready > (life.wanted or 0):
            life.pods[life.pods.index("r")] = "s"
        elif ready < (life.wanted or 0) and "s" in life.pods:
            life.pods[life.pods.index("s")] = "r"

    def endpoints(self) -> int:
        return sum(state != "s" for life in self.lives.values() for state in life.pods)

    def ready(self, name: str) -> int:
        return self.lives[name].pods.count("r") if name in self.lives else 0


moves = st.lists(
    st.one_of(
        st.tuples(st.just("wish"), st.sampled_from("AABC"), st.integers(0, 3)),
        st.tuples(st.just("pass"), st.just(5), st.just(0)),
        st.tuples(st.just("pass"), st.integers(1, 2), st.just(0)),
        st.tuples(st.just("step"), st.just(0), st.just(0)),
        st.tuples(st.just("head dies"), st.sampled_from("ABC"), st.just(0)),
        st.tuples(st.just("worker dies"), st.sampled_from("ABC"), st.just(0)),
    ),
    min_size=10,
    max_size=40,
)


def decide(cluster: Cluster, wanted: str, replicas: int) -> tuple[Action, ...]:
    return actions(wanted, replicas, cluster.snapshot(), set(cluster.served))


def check_and_do(cluster: Cluster, action: Action, wanted: str, replicas: int) -> None:
    """No action may take the last revision that answers, unless the wanted one runs in full."""
    if isinstance(action, DeleteWorkers | DeleteRevision):
        assert action.revision != wanted
        removed = cluster.lives[action.revision]
        if any(state != "s" for state in removed.pods) and removed.workers is not None:
            successor = cluster.snapshot().revision(wanted)
            assert successor is not None
            assert is_complete(successor, replicas)
        if isinstance(action, DeleteRevision):
            assert all(state == "s" for state in removed.pods)
    cluster.do(action)


@settings(max_examples=200, deadline=None)
@given(moves)
def test_the_last_revision_that_answers_is_never_removed_and_all_converges(moves: list[tuple[str, str, int]]) -> None:
    cluster = Cluster()
    wanted, replicas = "A", 1
    for move, what, number in moves:
        match move:
            case "wish":
                wanted, replicas = what, number
            case "pass":
                # An operator that may die after any of its actions.
                for action in decide(cluster, wanted, replicas)[: int(what)]:
                    check_and_do(cluster, action, wanted, replicas)
            case "step":
                cluster.step()
            case "head dies" if what in cluster.lives:
                cluster.lives[what].is_head_up = False
            case "worker dies" if what in cluster.lives and cluster.lives[what].pods:
                cluster.lives[what].pods[0] = "s"
    for _ in range(60):
        for action in decide(cluster, wanted, replicas):
            check_and_do(cluster, action, wanted, replicas)
        cluster.step()
    assert [wanted] == list(cluster.lives)
    assert replicas == cluster.ready(wanted)
    (last,) = decide(cluster, wanted, replicas)
    assert isinstance(last, ApplyRevision)
    assert replicas == last.worker_replicas == cluster.lives[wanted].workers
