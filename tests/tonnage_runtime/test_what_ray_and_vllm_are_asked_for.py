from tonnage.contract.serve_document import Device, ServeDocument
from tonnage_runtime.application_options import deployment_options, engine_arguments


def test_a_replica_takes_the_whole_worker(document: ServeDocument) -> None:
    options = deployment_options(document)
    assert [{"CPU": 1, "tonnage_replica": 1}] == options["placement_group_bundles"]
    assert "model" == options["name"]
    assert 50 == options["graceful_shutdown_timeout_s"]


def test_the_count_of_replicas_is_not_part_of_the_application(document: ServeDocument) -> None:
    assert not {"num_replicas", "autoscaling_config"} & deployment_options(document).keys()


def test_each_gpu_of_a_replica_has_a_bundle(document: ServeDocument) -> None:
    engine = document.engine.model_copy(update={"device": Device.GPU, "tensor_parallel": 2, "pipeline_parallel": 2})
    bundles = deployment_options(document.model_copy(update={"engine": engine}))["placement_group_bundles"]
    assert [1, 1, 1, 1] == [bundle["GPU"] for bundle in bundles]
    assert 1 == sum(bundle.get("tonnage_replica", 0) for bundle in bundles)


def test_the_engine_gets_the_plans_numbers(document: ServeDocument) -> None:
    arguments = engine_arguments(document)
    assert {"dtype": "float32", "max_model_len": 2048, "max_num_seqs": 8, "kv_cache_memory_bytes": 2**28}.items() <= (
        arguments.items()
    )
    assert "gpu_memory_utilization" not in arguments
    assert "quantization" not in arguments


def test_the_engine_never_loads_a_pickle(document: ServeDocument) -> None:
    assert "safetensors" == engine_arguments(document)["load_format"]


def test_arguments_that_the_planner_let_through_come_last(document: ServeDocument) -> None:
    engine = document.engine.model_copy(update={"extra": {"enable_prefix_caching": False, "max_num_seqs": 2}})
    arguments = engine_arguments(document.model_copy(update={"engine": engine}))
    assert (False, 2) == (arguments["enable_prefix_caching"], arguments["max_num_seqs"])
