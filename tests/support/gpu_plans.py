"""Models from the committed configs, and clusters of GPU nodes as they show themselves, for tests of plans for GPUs."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.facts.gpus import gpu
from tonnage.facts.inventory import Inventory, inventory
from tonnage.facts.packed import packed
from tonnage.facts.shape import shape

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def config_names() -> list[str]:
    return sorted(path.stem for path in CONFIGS.glob("*.json"))


def config(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONFIGS / f"{name}.json").read_text())
    return found


@cache
def facts_of(name: str) -> ModelFacts:
    """What the operator would know of a model with this config; sizes are counted from the config."""
    document = config(name)
    read = shape(document)
    return ModelFacts(
        source=f"hf://{name.replace('__', '/')}",
        requested_revision=COMMIT,
        commit=COMMIT,
        architecture=read.architecture,
        parameters=read.parameters,
        weights_bytes=2 * read.parameters,
        weights_dtype="bfloat16",
        download_bytes=2 * read.parameters,
        layers=len(read.layers),
        hidden_size=read.hidden_size,
        # Of the text decoder's shape only the config counts for GPUs.
        attention_heads=1,
        kv_heads=1,
        head_dim=1,
        vocabulary_size=read.vocabulary_size,
        attention=AttentionKind.UNKNOWN,
        max_context_length=read.max_context_length or 4096,
        config=packed(document),
    )


def gpu_node(product: str, count: int, **labels: str) -> dict[str, Any]:
    """A node as GPU feature discovery labels it; `product` by any name that the table knows, else as it is."""
    known = gpu(product)
    written = {"nvidia.com/gpu.product": product, "nvidia.com/gpu.count": str(count)}
    if known is not None:
        written |= {
            "nvidia.com/gpu.product": known.products[0],
            "nvidia.com/gpu.memory": str(known.driver_memory_mib),
        }
    return {
        "metadata": {"name": f"{product}-x{count}".lower(), "labels": {**written, **labels}},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
        "status": {
            "allocatable": {"cpu": "96", "memory": "1Ti", "nvidia.com/gpu": str(count)},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def cluster(*nodes: tuple[str, int]) -> Inventory:
    """Nodes by product and count of GPUs."""
    return inventory([gpu_node(product, count) for product, count in nodes])


def gpu_wish(**fields: Any) -> ModelDeploymentSpec:
    model = {"source": "hf://org/model", "revision": COMMIT, "trustRemoteCode": "Allowed", **fields.get("model", {})}
    return ModelDeploymentSpec.model_validate({**fields, "model": model})
