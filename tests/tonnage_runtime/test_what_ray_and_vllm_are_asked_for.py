import pytest

from tonnage.contract.serve_document import Device, ServeDocument, Task
from tonnage_runtime.application_options import deployment_options, engine_arguments


def test_a_replica_takes_the_whole_worker(document: ServeDocument) -> None:
    options = deployment_options(document)
    assert [{"CPU": 1, "tonnage_replica": 1}] == options["placement_group_bundles"]
    assert "model" == options["name"]
    assert 50 == options["graceful_shutdown_timeout_s"]


def test_the_count_of_replicas_is_not_part_of_the_application(document: ServeDocument) -> None:
    assert not {"num_replicas", "autoscaling_config"} & deployment_options(document).keys()


def on_gpus(document: ServeDocument, **fields: object) -> ServeDocument:
    engine = {"device": Device.GPU, "kv_cache_bytes": None, "gpu_memory_utilization": 0.92, **fields}
    return document.model_copy(update={"engine": document.engine.model_copy(update=engine)})


def test_each_gpu_of_a_replica_has_a_bundle_in_the_same_pod(document: ServeDocument) -> None:
    options = deployment_options(on_gpus(document, tensor_parallel=2, pipeline_parallel=2))
    bundles = options["placement_group_bundles"]
    assert [1, 1, 1, 1] == [bundle["GPU"] for bundle in bundles]
    assert "STRICT_PACK" == options["placement_group_strategy"]


def test_the_gpus_of_a_replica_on_several_nodes_are_those_of_its_worker_and_of_followers(
    document: ServeDocument,
) -> None:
    options = deployment_options(on_gpus(document, tensor_parallel=2, pipeline_parallel=3, pods=3))
    bundles = options["placement_group_bundles"]
    assert "PACK" == options["placement_group_strategy"]
    assert [1] * 6 == [bundle["GPU"] for bundle in bundles]
    assert [1, 1, 0, 0, 0, 0] == [bundle.get("tonnage_worker_gpu", 0) for bundle in bundles]
    assert [0, 0, 1, 1, 1, 1] == [bundle.get("tonnage_follower_gpu", 0) for bundle in bundles]


def test_the_replica_is_in_the_first_bundle_and_takes_the_only_cpu(document: ServeDocument) -> None:
    first, *others = deployment_options(on_gpus(document, tensor_parallel=4))["placement_group_bundles"]
    assert {"CPU": 1, "tonnage_replica": 1, "GPU": 1} == first
    assert [{"GPU": 1}] * 3 == others


def test_the_replica_itself_takes_no_gpu_from_the_engine(document: ServeDocument) -> None:
    assert "num_gpus" not in deployment_options(on_gpus(document))["ray_actor_options"]


def test_an_engine_on_gpus_fills_its_share_and_captures_graphs(document: ServeDocument) -> None:
    arguments = engine_arguments(
        on_gpus(document, dtype="bfloat16", quantization="fp8", kv_cache_dtype="fp8", tensor_parallel=2)
    )
    assert {
        "dtype": "bfloat16",
        "quantization": "fp8",
        "kv_cache_dtype": "fp8",
        "tensor_parallel_size": 2,
        "gpu_memory_utilization": 0.92,
    }.items() <= arguments.items()
    # Which executor runs the engine is Ray's business: it refuses to be told.
    assert not {"enforce_eager", "kv_cache_memory_bytes", "distributed_executor_backend"} & arguments.keys()


def test_an_engine_on_a_cpu_captures_no_graphs(document: ServeDocument) -> None:
    assert engine_arguments(document)["enforce_eager"] is True


def test_the_engine_gets_the_plans_numbers(document: ServeDocument) -> None:
    arguments = engine_arguments(document)
    assert {"dtype": "float32", "max_model_len": 2048, "max_num_seqs": 8, "kv_cache_memory_bytes": 2**28}.items() <= (
        arguments.items()
    )
    assert "gpu_memory_utilization" not in arguments
    assert "quantization" not in arguments


@pytest.mark.parametrize(
    ("task", "runner"), [(Task.GENERATE, "generate"), (Task.EMBED, "pooling"), (Task.SCORE, "pooling")]
)
def test_the_engine_runs_for_the_task(document: ServeDocument, task: Task, runner: str) -> None:
    engine = document.engine.model_copy(update={"task": task})
    arguments = engine_arguments(document.model_copy(update={"engine": engine}))
    assert runner == arguments["runner"]
    assert "hf_overrides" not in arguments


def test_the_engine_reads_what_the_plan_says_otherwise_than_the_config(document: ServeDocument) -> None:
    overrides = {"classifier_from_token": ["no", "yes"]}
    engine = document.engine.model_copy(update={"task": Task.SCORE, "config_overrides": overrides})
    assert overrides == engine_arguments(document.model_copy(update={"engine": engine}))["hf_overrides"]


def test_a_model_that_keeps_no_kv_cache_is_given_none(document: ServeDocument) -> None:
    # Not left to vLLM, which would first claim most of the node's memory for it.
    engine = document.engine.model_copy(update={"task": Task.EMBED, "kv_cache_bytes": 0})
    assert 0 == engine_arguments(document.model_copy(update={"engine": engine}))["kv_cache_memory_bytes"]


def test_the_engine_never_loads_a_pickle(document: ServeDocument) -> None:
    assert "safetensors" == engine_arguments(document)["load_format"]


def test_arguments_that_the_planner_let_through_come_last(document: ServeDocument) -> None:
    engine = document.engine.model_copy(update={"extra": {"enable_prefix_caching": False, "max_num_seqs": 2}})
    arguments = engine_arguments(document.model_copy(update={"engine": engine}))
    assert (False, 2) == (arguments["enable_prefix_caching"], arguments["max_num_seqs"])
