"""Every environment variable that Ray, Ray Serve and vLLM are started with, and why.

Ray's processes inherit it from `ray start`, so it is set once, before that. What a pod's author set wins only where
`setdefault` is said. Names are those of Ray 2.60 and vLLM 0.29; most are read once, at import.
"""

from collections.abc import Mapping

from tonnage.contract.serve_document import TOKEN_PATH, Device, ServeDocument

# A worker that lost its replica stays an endpoint until its readiness probe gives up, five seconds after its drain's
# length; its proxy must answer for longer than that. The default is 30 s. Serve's controller sends each proxy its code
# with the constants of its own process: what the head has counts, on every node.
_PROXY_AFTER_DRAIN_SECONDS = 20

GCS_FOLDER = "/data/gcs"
ENGINE_REPORT_LOGGING = "/tmp/tonnage-vllm-logging.json"  # noqa: S108 # the pod's own emptyDir

SERVE = {
    # HAProxy in front of the replicas' own ports: no Python on the path of a token.
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # What the line above is said to imply, but is computed before it.
    "RAY_SERVE_PROXY_USE_GRPC": "1",
    # What it turns off: without it `kubectl logs` shows nothing of a replica.
    "RAY_SERVE_LOG_TO_STDERR": "1",
    # A dead engine goes at once, without a drain that nobody answers.
    "RAY_SERVE_FORCE_STOP_UNHEALTHY_REPLICAS": "1",
    "RAY_SERVE_STOP_FAILED_ROLLING_UPDATES": "1",
}

RAY = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN_PATH": TOKEN_PATH,
    "RAY_USAGE_STATS_ENABLED": "0",
    # The default kills every worker 60 s after its head; a rescheduled head may take longer.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
    # A killed replica takes its engine's processes with it; else they live on and hold memory.
    "RAY_process_group_cleanup_enabled": "true",
    # Everything to the container's log instead of files that vanish with the pod, without the tables that Ray's own
    # processes print every minute.
    "RAY_LOG_TO_STDERR": "1",
    "RAY_BACKEND_LOG_LEVEL": "warning",
    "RAY_debug_dump_period_milliseconds": "0",
    # Ray runs its workers at niceness 15, for machines that also do other work.
    "RAY_worker_niceness": "0",
}

# The model is on the disk: nothing may call outside.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}

CPU = {
    # vLLM's CPU sampler would compile with g++ at the first request; the image has no compiler.
    "TORCHDYNAMO_DISABLE": "1",
    "TORCH_COMPILE_DISABLE": "1",
    # By default vLLM binds to the machine's first cores, whichever pod it is in: two replicas would share them.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}

GPU = {
    # The engine's processes on the GPUs, one alone too, are Ray actors (ray.serve.llm allows no other executor); this
    # is the newer way to run them.
    "VLLM_USE_RAY_V2_EXECUTOR_BACKEND": "1",
    # FlashInfer's sampler would be compiled with nvcc at the first request with top_p or top_k, which the first token
    # of a start does not have; the image has no nvcc. vLLM's own is in Triton.
    "VLLM_USE_FLASHINFER_SAMPLER": "0",
}


def head_environment(document: ServeDocument, base: Mapping[str, str]) -> dict[str, str]:
    """The head's environment: the cluster's state survives the pod, and nothing waits for it to drain."""
    return {
        **_common(base),
        "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": str(document.limits.drain_seconds + _PROXY_AFTER_DRAIN_SECONDS),
        "RAY_gcs_storage": "rocksdb",
        "RAY_gcs_storage_path": GCS_FOLDER,
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    }


def worker_environment(document: ServeDocument, base: Mapping[str, str], cores: int) -> dict[str, str]:
    """The environment of a worker and so of its replica and engine."""
    environment = {
        **_common(base),
        **OFFLINE,
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(document.limits.drain_seconds),
        "RAY_SERVE_HAPROXY_NBTHREAD": str(max(1, min(4, cores))),
        "RAYLLM_ENGINE_START_TIMEOUT_S": str(document.limits.start_deadline_seconds),
        "VLLM_LOGGING_CONFIG_PATH": ENGINE_REPORT_LOGGING,
    }
    # Development endpoints can stop the engine.
    environment.pop("VLLM_SERVER_DEV_MODE", None)
    if document.engine.device is Device.GPU:
        return {**environment, **GPU}
    return {**environment, **CPU, "OMP_NUM_THREADS": str(document.engine.cpu_threads or cores)}


def _common(base: Mapping[str, str]) -> dict[str, str]:
    return {**base, **RAY, **SERVE}
