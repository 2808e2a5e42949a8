"""A plan for GPUs as the planner gives it, with round numbers: what the planner would choose is not at stake."""

import json
from pathlib import Path
from typing import Any

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.serve_document import Device
from tonnage.contract.status import MemoryPlan, PlanStatus
from tonnage.facts.packed import packed

GIB = 2**30
LLAMA = Path(__file__).parents[1] / "data" / "model_configs" / "meta-llama__Meta-Llama-3.1-8B.json"


def llama_facts(facts: ModelFacts) -> ModelFacts:
    """`facts` with the config of Llama-3.1-8B: a model that fits many GPUs, for the planner itself."""
    return facts.model_copy(update={"config": packed(json.loads(LLAMA.read_text())), "weights_bytes": 16 * GIB})


def gpu_plan(**fields: Any) -> PlanStatus:
    """One L4 in bfloat16, but for `fields`."""
    defaults: dict[str, Any] = {
        "device": Device.GPU,
        "gpu": "L4",
        "gpu_resource": "nvidia.com/gpu",
        "gpu_products": ["NVIDIA-L4"],
        "gpu_memory_percent": 92,
        "gpus_per_replica": 1,
        "tensor_parallel": 1,
        "pipeline_parallel": 1,
        "dtype": "bfloat16",
        "kv_cache_dtype": "auto",
        "context_length": 8192,
        "max_num_seqs": 256,
        "max_num_batched_tokens": 2048,
        "target_ongoing_requests": 100,
        "max_ongoing_requests": 512,
        "start_deadline_seconds": 1020,
        "kv_cache_bytes_per_token": 131072,
        "kv_cache_tokens": 32768,
        "concurrency": "4.0",
        "memory": MemoryPlan(
            budget_bytes=22 * GIB,
            weights_bytes=15 * GIB,
            kv_cache_bytes=4 * GIB,
            activations_bytes=GIB,
            graphs_bytes=0,
            overhead_bytes=0,
            headroom_bytes=2 * GIB,
        ),
        "pod_memory_bytes": 9 * GIB,
        "pod_cpu": "3",
    }
    return PlanStatus(**defaults | fields)
