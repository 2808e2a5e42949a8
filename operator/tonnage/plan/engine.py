"""What the pinned engine costs and assumes, per version; every constant has its source beside it.

A reader would get wrong that these are bytes of a whole pod, not of a process: processes share pages, so that the sum
of their resident sizes is more than the pod is charged for.
"""

from dataclasses import dataclass

MIB = 2**20
GIB = 2**30

ENGINE_VERSION = "0.29.0"


@dataclass(frozen=True)
class CpuEngine:
    """vLLM's CPU build under Ray Serve, one replica in one pod."""

    # All processes of a worker pod before any weight: engine worker, engine core, LLM replica, HAProxy, `ray start`.
    processes_bytes: int
    # /dev/shm, where Ray's object store lives; it is charged to the pod.
    shared_memory_bytes: int
    # Tokens in one block of KV cache.
    block_tokens: int
    latent_block_tokens: int
    # The engine keeps one block for itself, so one more must be there than the sequences need.
    reserved_blocks: int
    # Above this the engine's own default stops: more KV cache than this is taken only for a single sequence.
    default_kv_cache_bytes: int
    max_num_batched_tokens: int
    max_num_seqs: int


CPU_ENGINES = {
    "0.29.0": CpuEngine(
        # Measured with a two-layer model on 2 cores: 3.5 GiB resident in a worker pod of ray 2.60.0.
        processes_bytes=3584 * MIB,
        # The runtime's --object-store-memory.
        shared_memory_bytes=128 * MIB,
        # vllm/platforms/cpu.py, check_and_update_config: 128, and 16 for its latent attention kernel.
        block_tokens=128,
        latent_block_tokens=16,
        # vllm/v1/core/block_pool.py: the null block.
        reserved_blocks=1,
        # What the engine's CPU documentation gives as the default space for KV cache.
        default_kv_cache_bytes=4 * GIB,
        # vllm/engine/arg_utils.py: the OpenAI server's default on CPU.
        max_num_batched_tokens=2048,
        # The engine's default is 128. A CPU is bound by arithmetic long before: more sequences only share it.
        max_num_seqs=32,
    ),
}
CPU_ENGINE = CPU_ENGINES[ENGINE_VERSION]
