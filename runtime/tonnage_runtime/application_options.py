"""What Ray Serve and vLLM are asked for, from the serve document: pure, so that it can be tested without them."""

from typing import Any

from tonnage.contract.serve_document import APPLICATION_NAME, Device, EngineSettings, ServeDocument, Task

# Every worker has one of these and every replica takes one: one replica per worker.
REPLICA_RESOURCE = "tonnage_replica"
# Of a replica on several nodes: what each of its GPUs is asked for together with, so that they are all of one worker's
# and of whole followers, never of another replica's worker.
WORKER_GPU_RESOURCE = "tonnage_worker_gpu"
FOLLOWER_GPU_RESOURCE = "tonnage_follower_gpu"

HEALTH_CHECK_PERIOD_SECONDS = 5
HEALTH_CHECK_TIMEOUT_SECONDS = 30
# A start that fails three times fails for a reason that a fourth does not mend; the operator reads it from Serve.
START_TRIES = 3


def deployment_options(document: ServeDocument) -> dict[str, Any]:
    """The options of the only deployment of the application; its count comes with each PUT."""
    limits = document.limits
    return {
        "name": APPLICATION_NAME,
        "max_ongoing_requests": limits.max_ongoing_requests,
        "health_check_period_s": HEALTH_CHECK_PERIOD_SECONDS,
        "health_check_timeout_s": HEALTH_CHECK_TIMEOUT_SECONDS,
        "graceful_shutdown_timeout_s": limits.drain_seconds,
        "max_constructor_retry_count": START_TRIES,
        "ray_actor_options": {"num_cpus": 1, "resources": {REPLICA_RESOURCE: 1}},
        "placement_group_bundles": _bundles(document.engine),
        # All in one pod; or in as few as can be, which are those of one size that there are.
        "placement_group_strategy": "STRICT_PACK" if document.engine.pods == 1 else "PACK",
    }


def _bundles(engine: EngineSettings) -> list[dict[str, float]]:
    """One for the replica, and one for the engine's process on each GPU, of which the first is the replica's."""
    replica: dict[str, float] = {"CPU": 1, REPLICA_RESOURCE: 1}
    if engine.gpus == 0:
        return [replica]
    # vLLM refuses a bundle with more than one (v1/executor/ray_utils.py, initialize_ray_cluster), and gives the bundles
    # of one node ranks that follow one another, the replica's node first (get_bundles_sorted_by_node): as each pod has
    # whole pipeline stages, tensor parallelism never leaves a pod.
    if engine.pods == 1:
        own, others = {"GPU": 1.0}, {}
    else:
        own, others = {"GPU": 1.0, WORKER_GPU_RESOURCE: 1.0}, {"GPU": 1.0, FOLLOWER_GPU_RESOURCE: 1.0}
    per_pod = engine.gpus_per_pod
    return [replica | own, *[own] * (per_pod - 1), *[others] * (per_pod * (engine.pods - 1))]


def engine_arguments(document: ServeDocument) -> dict[str, Any]:
    """VLLM's engine arguments. What is None is left to vLLM."""
    engine = document.engine
    arguments = {
        # What is put in the place of a decoder's head follows from this and from the architecture's name
        # (vLLM config/model.py, _get_default_convert_type).
        "runner": "generate" if engine.task is Task.GENERATE else "pooling",
        "hf_overrides": engine.config_overrides or None,
        "dtype": engine.dtype,
        "quantization": engine.quantization,
        "kv_cache_dtype": engine.kv_cache_dtype,
        "max_model_len": engine.context_length,
        "max_num_seqs": engine.max_num_seqs,
        "max_num_batched_tokens": engine.max_num_batched_tokens,
        "tensor_parallel_size": engine.tensor_parallel,
        "pipeline_parallel_size": engine.pipeline_parallel,
        "kv_cache_memory_bytes": engine.kv_cache_bytes,
        "gpu_memory_utilization": engine.gpu_memory_utilization,
        "trust_remote_code": engine.trust_remote_code,
        # Never a pickle, whatever lies in the folder.
        "load_format": "safetensors",
        # Compiled graphs need a compiler; on a GPU they are what makes it fast.
        "enforce_eager": True if engine.device is Device.CPU else None,
        **engine.extra,
    }
    return {name: value for name, value in arguments.items() if value is not None}
