from tonnage.contract.serve_document import Device, ServeDocument
from tonnage_runtime.environment import head_environment, worker_environment


def test_the_head_keeps_its_state_on_the_disk_and_does_not_drain(document: ServeDocument) -> None:
    environment = head_environment(document, {})
    assert "rocksdb" == environment["RAY_gcs_storage"]
    assert "/data/gcs" == environment["RAY_gcs_storage_path"]
    assert "0" == environment["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"]


def test_a_worker_drains_as_long_as_the_document_says(document: ServeDocument) -> None:
    assert "50" == worker_environment(document, {}, cores=2)["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"]


def test_proxies_answer_for_longer_than_a_worker_without_replica_stays_an_endpoint(document: ServeDocument) -> None:
    assert 50 + 5 < int(head_environment(document, {})["RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S"])


def test_a_worker_outlives_a_head_that_is_away_for_minutes(document: ServeDocument) -> None:
    assert "600" == worker_environment(document, {}, cores=2)["RAY_gcs_rpc_server_reconnect_timeout_s"]


def test_nobody_turns_token_authentication_off(document: ServeDocument) -> None:
    hostile = {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN_PATH": "/mine"}
    for environment in (head_environment(document, hostile), worker_environment(document, hostile, cores=2)):
        assert "token" == environment["RAY_AUTH_MODE"]
        assert "/etc/tonnage-ray/token" == environment["RAY_AUTH_TOKEN_PATH"]


def test_a_worker_calls_nobody_outside(document: ServeDocument) -> None:
    environment = worker_environment(document, {}, cores=2)
    assert {"1"} == {environment[name] for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS")}


def test_a_cpu_worker_needs_no_compiler_and_uses_its_share_of_the_cores(document: ServeDocument) -> None:
    environment = worker_environment(document, {}, cores=2)
    assert "1" == environment["TORCH_COMPILE_DISABLE"]
    assert "nobind" == environment["VLLM_CPU_OMP_THREADS_BIND"]
    assert "2" == environment["OMP_NUM_THREADS"]
    engine = document.engine.model_copy(update={"cpu_threads": 1})
    assert "1" == worker_environment(document.model_copy(update={"engine": engine}), {}, cores=2)["OMP_NUM_THREADS"]


def test_a_gpu_worker_may_compile(document: ServeDocument) -> None:
    engine = document.engine.model_copy(update={"device": Device.GPU})
    environment = worker_environment(document.model_copy(update={"engine": engine}), {}, cores=2)
    assert "TORCH_COMPILE_DISABLE" not in environment
    assert "OMP_NUM_THREADS" not in environment


def test_a_gpu_worker_samples_without_a_compiler_for_cuda(document: ServeDocument) -> None:
    engine = document.engine.model_copy(update={"device": Device.GPU})
    environment = worker_environment(document.model_copy(update={"engine": engine}), {}, cores=2)
    assert "0" == environment["VLLM_USE_FLASHINFER_SAMPLER"]


def test_development_endpoints_stay_shut(document: ServeDocument) -> None:
    assert "VLLM_SERVER_DEV_MODE" not in worker_environment(document, {"VLLM_SERVER_DEV_MODE": "1"}, cores=2)


def test_the_pods_own_variables_are_handed_on(document: ServeDocument) -> None:
    assert "/home/tonnage" == worker_environment(document, {"HOME": "/home/tonnage"}, cores=2)["HOME"]


def test_proxy_threads_follow_the_cores_up_to_four(document: ServeDocument) -> None:
    threads = [worker_environment(document, {}, cores)["RAY_SERVE_HAPROXY_NBTHREAD"] for cores in (1, 2, 64)]
    assert ["1", "2", "4"] == threads
