"""Ray puts a replica that spans nodes where the plan says, and vLLM gives the ranks of a stage to the GPUs of one pod.

The nodes are real Ray nodes of one machine whose GPUs exist in name only, started with the resources that pods start
with, in an order that would tempt Ray to mix two replicas.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("vllm")

import ray
from ray.cluster_utils import Cluster
from ray.util.placement_group import PlacementGroup, placement_group, placement_group_table
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from vllm.v1.executor.ray_executor_v2 import RayWorkerProc

from tonnage.contract.serve_document import Device, EngineSettings, ServedModel, ServeDocument, ServingLimits
from tonnage.desired.pods import STAGE_CHECK
from tonnage_runtime.application_options import FOLLOWER_GPU_RESOURCE, deployment_options
from tonnage_runtime.node import follower_options, worker_options

PODS, TENSOR, REPLICAS = 3, 2, 2
SECONDS = 60


def document() -> ServeDocument:
    engine = EngineSettings(
        architecture="LlamaForCausalLM",
        device=Device.GPU,
        dtype="bfloat16",
        context_length=1,
        max_num_seqs=1,
        max_num_batched_tokens=1,
        tensor_parallel=TENSOR,
        pipeline_parallel=PODS,
        pods=PODS,
    )
    model = ServedModel(source="hf://a/b", commit="c", path="/models", served_name="x")
    limits = ServingLimits(max_ongoing_requests=1, start_deadline_seconds=1, drain_seconds=1)
    return ServeDocument(namespace="n", deployment="d", revision="r", model=model, engine=engine, limits=limits)


def node_resources(options: list[str]) -> dict[str, Any]:
    """The options of `ray start` as the test cluster wants them."""
    given = dict(option.removeprefix("--").split("=", 1) for option in options)
    return {
        "num_cpus": int(given["num-cpus"]),
        "num_gpus": int(given["num-gpus"]),
        "resources": json.loads(given["resources"]),
        "object_store_memory": 80_000_000,
    }


@pytest.fixture(scope="module")
def replicas() -> Iterator[list[PlacementGroup]]:
    """The placement groups of the replicas, each in place."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 80_000_000})
    follower, worker = node_resources(follower_options(document())), node_resources(worker_options(document()))
    for resources in (follower, worker, follower, follower, worker, follower):
        cluster.add_node(**resources)
    ray.init(address=cluster.address, log_to_driver=False)
    options = deployment_options(document())
    groups = [
        placement_group(options["placement_group_bundles"], options["placement_group_strategy"])
        for _ in range(REPLICAS)
    ]
    ray.get([group.ready() for group in groups], timeout=SECONDS)
    yield groups
    ray.shutdown()
    cluster.shutdown()


def nodes_of(group: PlacementGroup) -> list[str]:
    """The node of each bundle."""
    found = placement_group_table(group)["bundles_to_node_id"]
    return [found[index] for index in range(len(found))]


def test_each_pod_has_the_gpus_of_one_replica_only(replicas: list[PlacementGroup]) -> None:
    used = [nodes_of(group) for group in replicas]
    assert all([PODS * TENSOR, PODS] == [len(nodes), len(set(nodes))] for nodes in used)
    assert all({TENSOR} == {nodes.count(node) for node in nodes} for nodes in used)
    assert not set(used[0]) & set(used[1])
    followers = {node["NodeID"] for node in ray.nodes() if FOLLOWER_GPU_RESOURCE in node["Resources"]}
    assert all([False] * TENSOR + [True] * TENSOR * (PODS - 1) == [n in followers for n in nodes] for nodes in used)


@ray.remote
class Driver:
    """Stands where the replica does."""

    def ranks(self) -> tuple[str, list[str]]:
        """Its node, and the nodes of the engine's ranks in their order, by the engine's own function."""
        from vllm.platforms import current_platform  # noqa: PLC0415
        from vllm.v1.executor.ray_utils import get_bundles_sorted_by_node  # noqa: PLC0415

        type(current_platform).ray_device_key = "GPU"
        ranks = get_bundles_sorted_by_node(ray.util.get_current_placement_group())
        return ray.get_runtime_context().get_node_id(), [node for _, node, _ in ranks]


def in_bundle(group: PlacementGroup, index: int) -> PlacementGroupSchedulingStrategy:
    return PlacementGroupSchedulingStrategy(group, index, placement_group_capture_child_tasks=True)


def test_tensor_parallel_ranks_are_in_one_pod_and_the_first_stage_is_the_workers(
    replicas: list[PlacementGroup],
) -> None:
    for group in replicas:
        driver = Driver.options(num_cpus=1, scheduling_strategy=in_bundle(group, 0)).remote()
        own, ranks = ray.get(driver.ranks.remote(), timeout=SECONDS)
        stages = [set(ranks[first : first + TENSOR]) for first in range(0, len(ranks), TENSOR)]
        assert PODS == len(stages)
        assert {1} == {len(stage) for stage in stages}
        assert {own} == stages[0]
        ray.kill(driver)


def test_a_follower_is_ready_while_a_process_of_the_engine_runs_there(replicas: list[PlacementGroup]) -> None:
    class Stage:
        def run(self) -> None:
            time.sleep(600)

    # The engine's name for it is all that the check goes by.
    Stage.__name__ = Stage.__qualname__ = RayWorkerProc.__name__
    stage = ray.remote(Stage)
    assert 0 != subprocess.call(STAGE_CHECK)
    actor = stage.options(num_cpus=0, num_gpus=1, scheduling_strategy=in_bundle(replicas[0], TENSOR)).remote()
    actor.run.remote()
    assert eventually(lambda: 0 == subprocess.call(STAGE_CHECK))
    ray.kill(actor)
    assert eventually(lambda: 0 != subprocess.call(STAGE_CHECK))


def eventually(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + SECONDS
    while not is_so() and time.monotonic() < end:
        time.sleep(0.2)
    return is_so()
