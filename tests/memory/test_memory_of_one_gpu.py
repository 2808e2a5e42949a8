"""The memory of one GPU, part by part, against what start-up logs of vLLM say. Figures are of H100s unless named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tonnage.facts.shape import Shape, shape
from tonnage.memory import Setup, estimate
from tonnage.memory.activations import activation_bytes
from tonnage.memory.cache import layer_caches
from tonnage.memory.devices import device
from tonnage.memory.overhead import graph_bytes, non_torch_bytes
from tonnage.memory.pool import Pool, pool
from tonnage.memory.setup import Run, run
from tonnage.memory.versions import version
from tonnage.memory.weights import stage_layers, weights_bytes

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"
GIB = 2**30
H100 = Setup(gpu="NVIDIA H100 80GB HBM3", memory_bytes=int(79.19 * GIB), engine_version="0.19.0", max_model_len=8192)


def described(name: str) -> Shape:
    return shape(json.loads((CONFIGS / f"{name}.json").read_text()))


def prepared(name: str, **changes: Any) -> Run:
    return run(replace(H100, **changes), described(name))


def its_pool(found: Run) -> Pool:
    result = pool(found)
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("name", "changes", "gib"),
    [
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {}, 14.99, id="with its table of rotations"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"dtype": "float32"}, 29.98, id="float32"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"quantization": "fp8"}, 8.49, id="quantized at load"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"tensor_parallel": 2}, 7.51, id="two ranks"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"tensor_parallel": 4}, 3.77, id="four ranks"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"pipeline_parallel": 4}, 4.26, id="first of four stages"),
        pytest.param("Qwen__Qwen2-VL-2B-Instruct", {}, 4.15, id="with a vision tower"),
        pytest.param("Qwen__Qwen2.5-7B-Instruct", {}, 14.25, id="rests of blocks"),
        pytest.param("google__gemma-3-27b-it", {}, 51.45, id="a long table of rotations"),
        pytest.param("deepseek-ai__DeepSeek-V2-Lite-Chat", {}, 29.43, id="latent"),
        pytest.param("Qwen__Qwen3-30B-A3B-Instruct-2507", {}, 56.93, id="mixture"),
        pytest.param("Qwen__Qwen3-235B-A22B-FP8", {"tensor_parallel": 8}, 27.67, id="fp8 checkpoint"),
        pytest.param("Qwen__Qwen3.5-27B", {"tensor_parallel": 4}, 13.01, id="hybrid"),
        pytest.param("openai__gpt-oss-120b", {"engine_version": "0.14.1"}, 64.38, id="mxfp4, padded"),
        pytest.param(
            "openai__gpt-oss-120b",
            {"gpu": "A100", "memory_bytes": int(79.25 * GIB), "tensor_parallel": 4},
            17.22,
            id="mxfp4, padded for Marlin",
        ),
    ],
)
def test_weights_are_those_of_the_log(name: str, changes: dict[str, Any], gib: float) -> None:
    assert gib == pytest.approx(weights_bytes(prepared(name, **changes)) / GIB, rel=0.005)


@pytest.mark.parametrize(
    ("layers", "stages", "sizes"),
    [
        pytest.param(32, 4, [8, 8, 8, 8], id="even"),
        pytest.param(61, 2, [31, 30], id="one left over"),
        pytest.param(62, 4, [15, 16, 16, 15], id="the rest in the middle"),
        pytest.param(63, 4, [16, 16, 16, 15], id="never the last"),
    ],
)
def test_layers_are_spread_over_stages_as_the_engine_does(layers: int, stages: int, sizes: list[int]) -> None:
    assert sizes == [end - begin for begin, end in stage_layers(layers, stages)]


@pytest.mark.parametrize(
    ("name", "changes", "gib"),
    [
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {}, 1.89, id="sampler"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"dtype": "float32"}, 2.21, id="sampler, float32"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"pipeline_parallel": 2}, 1.10, id="a stage without sampler"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"tensor_parallel": 4}, 1.89, id="logits are of all ranks"),
        pytest.param("codellama__CodeLlama-7b-hf", {}, 0.77, id="forward pass"),
        pytest.param("google__gemma-7b", {}, 3.63, id="large vocabulary"),
        pytest.param("google__gemma-3-27b-it", {}, 3.99, id="with images"),
        pytest.param("deepseek-ai__DeepSeek-V2-Lite-Chat", {}, 1.93, id="with buffers of experts"),
        pytest.param("Qwen__Qwen3-14B", {"engine_version": "0.16.0"}, 5.64, id="sampler that sorts"),
        pytest.param(
            "Qwen__Qwen2.5-7B-Instruct",
            {"gpu": "NVIDIA A10G", "memory_bytes": int(21.99 * GIB), "max_model_len": 6600, "engine_version": "0.8.1"},
            1.43,
            id="V0 on a small GPU",
        ),
        pytest.param(
            "Qwen__Qwen2-VL-2B-Instruct",
            {"gpu": "RTX 4080", "memory_bytes": int(15.99 * GIB), "max_model_len": 4096, "engine_version": "0.10.2"},
            2.36,
            id="an image larger than everything else",
        ),
    ],
)
def test_activations_are_those_of_the_log(name: str, changes: dict[str, Any], gib: float) -> None:
    assert gib == pytest.approx(activation_bytes(prepared(name, **changes)) / GIB, abs=0.035)


@pytest.mark.parametrize(
    ("changes", "gib"),
    [
        pytest.param({}, 0.25, id="one rank"),
        pytest.param({"engine_version": "0.16.0"}, 0.13, id="one rank, older"),
        pytest.param({"tensor_parallel": 2}, 2.07, id="two ranks with a switch"),
        pytest.param({"tensor_parallel": 4}, 2.13, id="four ranks with a switch"),
        pytest.param({"gpu": "A100", "memory_bytes": int(39.38 * GIB), "tensor_parallel": 4}, 0.40, id="no switch"),
        pytest.param({"pipeline_parallel": 2}, 0.07, id="a stage without sampler"),
    ],
)
def test_other_memory_is_that_of_the_log(changes: dict[str, Any], gib: float) -> None:
    found = prepared("meta-llama__Llama-3.1-8B-Instruct", **changes)
    assert gib == pytest.approx(non_torch_bytes(found) / GIB, abs=0.05)


@pytest.mark.parametrize(
    ("name", "changes", "cache_gib", "tokens"),
    [
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {}, 58.11, 476_016, id="full"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"kv_cache_dtype": "fp8"}, 58.11, 952_032, id="8 bits"),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", {"tensor_parallel": 2}, 63.76, 1_044_688, id="heads by rank"),
        pytest.param("deepseek-ai__DeepSeek-V2-Lite-Chat", {"tensor_parallel": 2}, 56.45, 1_948_752, id="latent"),
        pytest.param("google__gemma-3-27b-it", {}, 19.53, 36_560, id="windows, by blocks"),
        pytest.param("Qwen__Qwen3.5-27B", {"tensor_parallel": 4}, 7.0, 114_464, id="states, by blocks"),
        pytest.param(
            "Qwen__Qwen3.5-27B",
            {"tensor_parallel": 2, "max_model_len": 65536, "engine_version": "0.27.1"},
            44.73,
            1_407_894,
            id="states, by concurrency",
        ),
        pytest.param(
            "nvidia__Gemma-4-26B-A4B-NVFP4",
            {
                "gpu": "NVIDIA GB10",
                "memory_bytes": int(119.7 * GIB),
                "kv_cache_dtype": "bfloat16",
                "max_model_len": 262_144,
                "max_num_seqs": 32,
                "engine_version": "0.25.1",
            },
            84.68,
            3_912_140,
            id="windows, by concurrency, pages of two sizes",
        ),
    ],
)
def test_tokens_are_those_of_the_log(name: str, changes: dict[str, Any], cache_gib: float, tokens: int) -> None:
    found = prepared(name, **changes)
    result = its_pool(found)
    assert tokens == pytest.approx(result.tokens(found, result.blocks(int(cache_gib * GIB))), rel=0.002)


# Confirmed by the engine's own functions (tests/oracles/test_kv_cache_pools.py): blocks in 20 GiB, and the bytes that
# one sequence of 32,768 tokens needs.
@pytest.mark.parametrize(
    ("name", "ranks", "blocks", "needed_bytes"),
    [
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", 1, 10_240, 4_294_967_296, id="grouped query"),
        pytest.param("google__gemma-2b", 4, 72_817, 603_979_776, id="multi query, replicated"),
        pytest.param("mistralai__Mistral-7B-v0.1", 1, 10_240, 2_686_451_712, id="sliding window everywhere"),
        pytest.param("google__gemma-3-27b-it", 1, 16_384, 11_248_599_040, id="sliding and full"),
        pytest.param("openai__gpt-oss-120b", 2, 72_817, 908_623_872, id="sliding and full, as many"),
        pytest.param("XiaomiMiMo__MiMo-V2-Flash", 4, 116_508, 1_140_756_480, id="keys wider than values"),
        pytest.param("RedHatAI__Llama-4-Scout-17B-16E-Instruct-FP8-dynamic", 4, 109_226, 1_308_622_848, id="chunked"),
        pytest.param("deepseek-ai__DeepSeek-V2-Lite", 2, 43_151, 1_019_215_872, id="latent"),
        pytest.param("Qwen__Qwen3.5-27B", 2, 835, 1_233_125_376, id="gated delta"),
        pytest.param("nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 1, 1_667, 309_067_776, id="Mamba 2"),
    ],
)
def test_the_pool_is_the_engines(name: str, ranks: int, blocks: int, needed_bytes: int) -> None:
    found = prepared(name, tensor_parallel=ranks, max_model_len=32768, engine_version="0.29.0")
    result = its_pool(found)
    assert (blocks, needed_bytes) == (result.blocks(20 * GIB), result.needed_bytes(found))


def test_an_encoder_keeps_nothing() -> None:
    bert = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "vocab_size": 30522,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
    }
    model = shape(bert)
    result = estimate(replace(H100, max_model_len=512), model)
    # BERT base without its pooler.
    assert model.parameters == 108_891_648
    assert (result.kv_cache_tokens, result.starts) == (0, True)
    assert layer_caches(run(H100, model)) == ()


@pytest.mark.parametrize(
    ("gpu", "gib", "changes", "batch"),
    [
        pytest.param("NVIDIA H100 80GB HBM3", 79.19, {}, (8192, 1024), id="large"),
        pytest.param("NVIDIA A100-SXM4-80GB", 79.25, {}, (2048, 256), id="A100"),
        pytest.param("A100-80GB 3g.40gb", 72.0, {}, (2048, 256), id="A100, in words of the plan"),
        pytest.param("NVIDIA A800-SXM4-80GB", 79.25, {}, (8192, 1024), id="A800, no A100 by its name"),
        pytest.param(None, 44.42, {}, (2048, 256), id="small"),
        pytest.param("NVIDIA B200", 178.4, {"engine_version": "0.29.0"}, (16384, 1024), id="largest"),
        pytest.param("NVIDIA B200", 178.4, {"engine_version": "0.19.0"}, (8192, 1024), id="largest, before"),
        pytest.param("NVIDIA GB10", 119.7, {"engine_version": "0.29.0"}, (2048, 256), id="memory that is not told"),
        pytest.param("NVIDIA L4", 22.0, {"max_num_seqs": 2, "max_model_len": 512}, (1024, 2), id="short and few"),
        pytest.param("NVIDIA L4", 22.0, {"engine_version": "0.6.4"}, (8192, 256), id="V0: a whole prompt"),
        pytest.param("A10", 22.0, {"engine_version": "0.6.4", "max_model_len": 65536}, (512, 256), id="V0: pieces"),
        pytest.param("A10", 22.0, {"engine_version": "0.6.5", "max_model_len": 65536}, (2048, 256), id="longer pieces"),
        pytest.param("A10", 22.0, {"engine_version": "0.5.1", "max_model_len": 65536}, (65536, 256), id="never cut"),
        pytest.param("MI300X", 192.0, {"engine_version": "0.8.5", "max_model_len": 65536}, (65536, 256), id="AMD"),
        pytest.param("Tesla T4", 14.56, {"engine_version": "0.9.2"}, (8192, 256), id="V0 still on old GPUs"),
        pytest.param("NVIDIA H20", 95.0, {"engine_version": "0.8.4"}, (2048, 256), id="large by name only"),
        pytest.param("A100-SXM4-80GB", 79.25, {"engine_version": "0.8.5"}, (8192, 1024), id="large by memory"),
        pytest.param("A800-SXM4-80GB", 79.15, {}, (8192, 1024), id="not an A100 by name"),
    ],
)
def test_batches_are_the_engines_default(
    gpu: str | None, gib: float, changes: dict[str, Any], batch: tuple[int, int]
) -> None:
    found = prepared("meta-llama__Llama-3.1-8B-Instruct", gpu=gpu, memory_bytes=int(gib * GIB), **changes)
    assert batch == (found.max_num_batched_tokens, found.max_num_seqs)


@pytest.mark.parametrize(
    ("version", "bytes_of_a_token"),
    [
        pytest.param("0.6.6", 2 * 16 * 256 * 2, id="keys and values of all heads"),
        pytest.param("0.7.1", 576 * 2, id="latent"),
        pytest.param("0.7.3", 5 * 256, id="aligned"),
        pytest.param("0.19.0", 576 * 2, id="latent again"),
    ],
)
def test_latent_caches_are_as_wide_as_the_version_makes_them(version: str, bytes_of_a_token: int) -> None:
    found = prepared("deepseek-ai__DeepSeek-V2-Lite-Chat", engine_version=version)
    assert {bytes_of_a_token * 16} == {cache.page_bytes for cache in layer_caches(found)}


@pytest.mark.parametrize(("kind", "bytes_of_a_token"), [("auto", 78 * 576 * 2), ("fp8", 78 * 656)])
def test_layers_that_take_the_index_of_another_are_as_sparse_as_that(kind: str, bytes_of_a_token: int) -> None:
    caches = layer_caches(prepared("zai-org__GLM-5.2", engine_version="0.29.0", kv_cache_dtype=kind))
    # A key of 128 bytes and its scale, in 21 of 78 layers.
    assert bytes_of_a_token + 21 * 132 == sum(cache.page_bytes // cache.block_tokens for cache in caches)


def test_latent_projections_were_multiplied_at_load() -> None:
    # Eight ranks of three stages, 0.7.4.dev382 (vm-240): 25.0166 GiB.
    eight = {"engine_version": "0.7.3", "tensor_parallel": 8, "pipeline_parallel": 3}
    assert pytest.approx(25.0166, rel=0.002) == weights_bytes(prepared("deepseek-ai__DeepSeek-R1", **eight)) / GIB


def test_the_last_stage_had_the_rest_of_the_layers() -> None:
    assert [begin for begin, _ in stage_layers(61, 3, rest_is_last=True)] == [0, 20, 40]


def test_v0_gave_cross_attention_pages() -> None:
    assert len(layer_caches(prepared("meta-llama__Llama-3.2-11B-Vision-Instruct", engine_version="0.7.0"))) == 40


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("0.19.0", (19, 0), id="release"),
        pytest.param("0.6.4.post1", (6, 4), id="post release"),
        pytest.param("0.8.0rc3.dev5+g5eeabc2a", (8, 0), id="candidate"),
        pytest.param("0.8.5.dev22+g1575c1701", (8, 4), id="soon after a release"),
        pytest.param("0.7.4.dev382+g5ce6dedf4", (7, 4), id="long after a release"),
        pytest.param("v0.9", (9, 0), id="without a patch"),
        pytest.param("dev", (16, 0), id="unknown"),
        pytest.param(None, (16, 0), id="not given"),
    ],
)
def test_versions_are_read(text: str | None, number: tuple[int, int]) -> None:
    assert number == version(text)


@pytest.mark.parametrize(
    ("name", "gib", "multiprocessors"),
    [
        pytest.param("NVIDIA H100 80GB HBM3", 79.19, 132, id="as the driver"),
        pytest.param("NVIDIA-H100-80GB-HBM3", 79.19, 132, id="as a node label"),
        pytest.param("H100 PCIe", 79.1, 114, id="the longest name"),
        pytest.param("A100-SXM4-40GB", 39.4, 108, id="by memory too"),
        pytest.param("2x Tesla T4 (Kaggle)", 14.56, 40, id="within other words"),
        pytest.param("RTX4090", 23.5, 128, id="without a separator"),
        pytest.param("NVIDIA A10G", 21.99, 80, id="not the A10"),
        pytest.param("GB200", 184.3, 152, id="not the B200"),
        pytest.param("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", 4.75, 108, id="slice"),
        pytest.param("AMD Instinct MI300A", 127.9, 228, id="AMD"),
        pytest.param(None, 44.42, 142, id="by memory alone"),
        pytest.param("Some GPU", 44.42, 142, id="by memory, with an unknown name"),
        pytest.param(None, 60.0, 108, id="unknown memory"),
    ],
)
def test_gpus_are_recognised(name: str | None, gib: float, multiprocessors: int) -> None:
    assert multiprocessors == device(name, gib).multiprocessors


@pytest.mark.parametrize(
    ("name", "capability", "is_amd"),
    [
        pytest.param("2x NVIDIA GeForce RTX 2060", (7, 5), False, id="Turing"),
        pytest.param("Tesla P40", (6, 0), False, id="Pascal"),
        pytest.param("NVIDIA RTX 5880 Ada", (8, 9), False, id="Ada"),
        pytest.param("AMD Instinct MI308X", (9, 4), True, id="AMD"),
    ],
)
def test_gpus_without_a_row_are_of_their_generation(name: str, capability: tuple[int, int], is_amd: bool) -> None:
    found = device(name, 20.0)
    assert (capability, is_amd) == (found.compute_capability, found.is_amd)


def test_a_gpu_that_no_name_tells_is_what_its_label_says() -> None:
    assert (8, 9) == device("NVIDIA-B999", 96.0, (8, 9)).compute_capability
    assert (9, 0) == device("H100", 79.19, (8, 9)).compute_capability


def test_graphs_are_as_many_as_batch_sizes() -> None:
    many = prepared("meta-llama__Llama-3.1-8B-Instruct")
    few = prepared("meta-llama__Llama-3.1-8B-Instruct", max_num_seqs=32)
    eager = prepared("meta-llama__Llama-3.1-8B-Instruct", enforce_eager=True)
    assert graph_bytes(many, 32) > 4 * graph_bytes(few, 32) > graph_bytes(eager, 32) == 0


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        pytest.param(
            "meta-llama__Llama-3.3-70B-Instruct",
            {},
            "weights 131.4 GiB do not fit 78.7 GiB of free memory",
            id="weights",
        ),
        pytest.param(
            "meta-llama__Llama-3.1-8B-Instruct",
            {"utilization": 0.2},
            "nothing is left for the KV cache: weights 15.0 GiB, activations 1.9 GiB, other 0.25 GiB and graphs "
            "0.00 GiB take the budget 79.2 GiB x 0.2 = 15.8 GiB",
            id="no cache",
        ),
        pytest.param(
            "meta-llama__Llama-3.1-8B-Instruct",
            {"utilization": 0.3, "max_model_len": 131_072},
            "one sequence of 131,072 tokens needs 16.0 GiB of KV cache, 6.6 GiB are left of the budget "
            "79.2 GiB x 0.3 = 23.8 GiB after",
            id="context",
        ),
        pytest.param(
            "meta-llama__Llama-3.1-8B-Instruct",
            {"utilization": 0.999},
            "the budget 79.2 GiB x 0.999 = 79.1 GiB is more than the 78.7 GiB that are free when the engine starts",
            id="utilization",
        ),
        pytest.param(
            "meta-llama__Llama-3.2-11B-Vision-Instruct",
            {"gpu": "A10", "memory_bytes": int(22.09 * GIB), "tensor_parallel": 2, "engine_version": "0.6.1"},
            "do not fit 22.0 GiB of free memory",
            id="an image for each of 256 sequences",
        ),
    ],
)
def test_a_start_that_fails_says_why_in_numbers(name: str, changes: dict[str, Any], words: str) -> None:
    result = estimate(replace(H100, **changes), described(name))
    assert not result.starts
    assert words in result.reason


def test_of_a_pipeline_the_stage_with_the_fewest_blocks_decides() -> None:
    # The log: 66.54 GiB on the first stage, and tokens for the last, whose sampler takes more.
    result = estimate(replace(H100, pipeline_parallel=2, utilization=0.95), described("meta-llama__Llama-3.1-8B"))
    assert result.kv_cache_bytes / GIB == pytest.approx(66.54, abs=0.1)
    assert result.kv_cache_tokens == pytest.approx(1_075_312, rel=0.002)
