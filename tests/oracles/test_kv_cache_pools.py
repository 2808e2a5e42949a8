"""vLLM's own grouping of KV caches gives the same blocks and tokens as ours, for each kind of attention."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("vllm")

import torch
from vllm.v1 import kv_cache_interface as specs
from vllm.v1.core import kv_cache_utils
from vllm.v1.kv_cache_layout import KVCacheLayout

from tonnage.facts.shape import Attention, AttentionKind, State, shape
from tonnage.memory import Setup
from tonnage.memory.cache import layer_caches
from tonnage.memory.pool import pool
from tonnage.memory.setup import Run, run

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"
GIB = 2**30
CACHE_BYTES = 20 * GIB
DTYPES = {1: torch.uint8, 2: torch.bfloat16}


def engine_config(prepared: Run) -> Any:
    return SimpleNamespace(
        scheduler_config=SimpleNamespace(disable_hybrid_kv_cache_manager=False),
        cache_config=SimpleNamespace(
            get_resolved_kv_cache_layout=lambda: KVCacheLayout.LBHNC,
            num_gpu_blocks_override=None,
            mamba_cache_mode="align",
            prefix_cache_retention_interval=None,
        ),
        parallel_config=SimpleNamespace(decode_context_parallel_size=1),
        model_config=SimpleNamespace(max_model_len=prepared.max_model_len),
        max_in_flight_tokens=prepared.max_num_batched_tokens * prepared.rules.batches_in_flight,
        speculative_config=None,
    )


def engine_spec(prepared: Run, mixer: Attention | State, block_tokens: int, page_bytes: int) -> Any:
    dtype = DTYPES[prepared.kv_element_bytes]
    if isinstance(mixer, State):
        return specs.MambaSpec(
            block_size=block_tokens,
            shapes=((1,),),
            dtypes=(torch.bfloat16,),
            page_size_padded=page_bytes,
            mamba_cache_mode="align",
        )
    heads = max(1, mixer.kv_heads // prepared.tensor_parallel)
    if mixer.kind is AttentionKind.LATENT:
        return specs.MLAAttentionSpec(
            block_size=block_tokens, num_kv_heads=1, head_size=mixer.key_dim, dtype=dtype, cache_dtype_str="auto"
        )
    common = {
        "block_size": block_tokens,
        "num_kv_heads": heads,
        "head_size": mixer.key_dim,
        "head_size_v": mixer.value_dim,
        "dtype": dtype,
    }
    if mixer.kind is AttentionKind.SLIDING:
        return specs.SlidingWindowSpec(**common, sliding_window=mixer.window)
    if mixer.kind is AttentionKind.CHUNKED:
        return specs.ChunkedLocalAttentionSpec(**common, attention_chunk_size=mixer.window)
    return specs.FullAttentionSpec(**common)


def index_spec(mixer: Attention, block_tokens: int) -> Any:
    # models/deepseek_v32/attention.py: an index key in 8 bits, and a scale in 32.
    size = mixer.indexer_dim + 4
    return specs.MLAAttentionSpec(block_size=block_tokens, num_kv_heads=1, head_size=size, dtype=torch.uint8)


def engine_specs(prepared: Run, mixers: list[Attention | State]) -> dict[str, Any]:
    """What each layer asks the engine for; our own caches, in the same order, give what is not in question here."""
    caches = iter(layer_caches(prepared))
    wanted = {}
    for index, mixer in enumerate(mixers):
        cache = next(caches)
        wanted[f"layer.{index}"] = engine_spec(prepared, mixer, cache.block_tokens, cache.page_bytes)
        if isinstance(mixer, Attention) and mixer.indexer_dim:
            wanted[f"layer.{index}.indexer"] = index_spec(mixer, next(caches).block_tokens)
    assert next(caches, None) is None
    return wanted


@pytest.mark.parametrize(
    ("name", "ranks"),
    [
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", 1, id="grouped query"),
        pytest.param("codellama__CodeLlama-7b-hf", 2, id="multi head"),
        pytest.param("google__gemma-2b", 4, id="multi query, replicated"),
        pytest.param("mistralai__Mistral-7B-v0.1", 1, id="sliding window everywhere"),
        pytest.param("google__gemma-3-27b-it", 1, id="sliding and full"),
        pytest.param("openai__gpt-oss-120b", 2, id="sliding and full, as many"),
        pytest.param("nvidia__Gemma-4-26B-A4B-NVFP4", 1, id="pages of two sizes"),
        pytest.param("XiaomiMiMo__MiMo-V2-Flash", 4, id="keys wider than values"),
        pytest.param("RedHatAI__Llama-4-Scout-17B-16E-Instruct-FP8-dynamic", 4, id="chunked"),
        pytest.param("deepseek-ai__DeepSeek-V2-Lite", 2, id="latent"),
        pytest.param("nvidia__DeepSeek-V3.2-NVFP4", 8, id="sparse"),
        pytest.param("zai-org__GLM-5.2", 16, id="sparse, with one index for four layers"),
        pytest.param("Qwen__Qwen3.5-27B", 2, id="gated delta"),
        pytest.param("nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 1, id="Mamba 2"),
    ],
)
def test_vllm_makes_the_same_pool(name: str, ranks: int) -> None:
    model = shape(json.loads((CONFIGS / f"{name}.json").read_text()))
    setup = Setup(
        gpu="H100", memory_bytes=80 * GIB, tensor_parallel=ranks, max_model_len=32768, engine_version="0.29.0"
    )
    prepared = run(setup, model)
    mixers = [layer.mixer for layer in model.layers if layer.mixer is not None]
    wanted = engine_specs(prepared, mixers)
    engine = engine_config(prepared)
    groups = kv_cache_utils.get_kv_cache_groups(engine, wanted)
    found = kv_cache_utils.get_kv_cache_config_from_groups(engine, groups, CACHE_BYTES)
    tokens, concurrency = kv_cache_utils.get_kv_cache_capacity(engine, found)
    needed = kv_cache_utils._max_memory_usage_bytes_from_groups(engine, groups)
    ours = pool(prepared)
    assert ours is not None
    blocks = ours.blocks(CACHE_BYTES)
    expected = (found.num_blocks, tokens, needed)
    assert expected == (blocks, ours.tokens(prepared, blocks), ours.needed_bytes(prepared))
    assert concurrency == pytest.approx(blocks / ours.blocks_per_sequence(prepared))
