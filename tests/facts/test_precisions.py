"""What the pinned engine can do on a GPU, and the reasons it gives."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tonnage.facts import precisions
from tonnage.facts.architectures import engine
from tonnage.facts.gpus import Gpu, gpu
from tonnage.facts.precisions import (
    Answer,
    method_dtypes,
    supports_dtype,
    supports_engine,
    supports_kv_cache,
    supports_method,
    supports_scheme,
)

WRITTEN = json.loads(Path(precisions.__file__).with_name("engine_precisions.json").read_text())


def known(name: str) -> Gpu:
    found = gpu(name)
    assert found is not None
    return found


def test_names_and_precisions_are_of_one_engine() -> None:
    assert engine() == precisions.engine()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("V100-32", False, id="Volta is not compiled for"),
        pytest.param("T4", True, id="Turing"),
        pytest.param("B300", True, id="Blackwell"),
        pytest.param("MI300X", True, id="AMD"),
    ],
)
def test_where_the_engine_runs(name: str, expected: bool) -> None:
    assert expected == supports_engine(known(name)).is_supported


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        pytest.param("T4", "bfloat16", False, id="Turing has no bfloat16"),
        pytest.param("T4", "float16", True, id="Turing has float16"),
        pytest.param("A100-40", "bfloat16", True, id="Ampere has bfloat16"),
        pytest.param("MI210", "bfloat16", True, id="AMD has bfloat16"),
        pytest.param("H100", "float64", False, id="what the engine does not know"),
    ],
)
def test_which_types_a_gpu_computes_in(name: str, dtype: str, expected: bool) -> None:
    assert expected == supports_dtype(known(name), dtype).is_supported


@pytest.mark.parametrize(
    ("name", "method", "expected"),
    [
        pytest.param("T4", "awq", True, id="AWQ from 7.5"),
        pytest.param("V100-32", "awq", False, id="AWQ below 7.5"),
        pytest.param("V100-32", "gptq", True, id="GPTQ from 6.0"),
        pytest.param("T4", "fp8", True, id="FP8 weights from 7.5"),
        pytest.param("T4", "mxfp4", False, id="MXFP4 below 8.0"),
        pytest.param("A10", "gpt_oss_mxfp4", True, id="MXFP4 from 8.0"),
        pytest.param("T4", "modelopt", False, id="ModelOpt's FP8 below 8.0"),
        pytest.param("A100-80", "modelopt_fp4", True, id="NVFP4 weights from 7.5"),
        pytest.param("H100", "nvfp4_per_token", False, id="NVFP4 at load is Blackwell's"),
        pytest.param("B200", "nvfp4_per_token", True, id="NVFP4 at load on 10.0"),
        pytest.param("RTX-5090", "nvfp4_per_token", False, id="NVFP4 at load is not for 12.0"),
        pytest.param("H100", "bitsandbytes", False, id="bitsandbytes is gone"),
        pytest.param("H100", "gguf", False, id="GGUF is gone"),
        pytest.param("MI300X", "fp8", True, id="AMD's list"),
        pytest.param("MI300X", "moe_wna16", False, id="not on AMD's list"),
        pytest.param("MI355X", "fp8", True, id="AMD's other FP8"),
        pytest.param("R9700", "fp8_per_tensor", True, id="RDNA 4 has FP8"),
        pytest.param("MI210", "fp8", False, id="AMD without FP8 does not unpack it"),
        pytest.param("RX 7900 XTX", "fp8_per_channel", False, id="RDNA 3 neither"),
        pytest.param("MI210", "gptq", True, id="AMD without FP8 has 4 bits"),
    ],
)
def test_which_quantizations_a_gpu_loads(name: str, method: str, expected: bool) -> None:
    assert expected == supports_method(known(name), method).is_supported


@pytest.mark.parametrize(
    ("name", "scheme", "expected"),
    [
        pytest.param("T4", "WNA16", True, id="W4A16 from 7.5"),
        pytest.param("H100", "W8A8Fp8", True, id="FP8 from 8.9"),
        pytest.param("A100-80", "W8A8Fp8", True, id="FP8 below: weights only"),
        pytest.param("V100-32", "W8A8Fp8", False, id="FP8 below 7.5"),
        pytest.param("A100-80", "W4A8Fp8", False, id="Hopper's"),
        pytest.param("MI300X", "W8A8Fp8", True, id="AMD with FP8"),
        pytest.param("MI250X", "W8A8Fp8", False, id="AMD without FP8"),
        pytest.param("MI250X", "W8A16Fp8", False, id="AMD has no kernels for FP8 weights only"),
        pytest.param("H100", "W1A1", False, id="what the engine does not know"),
    ],
)
def test_which_schemes_of_compressed_tensors_a_gpu_loads(name: str, scheme: str, expected: bool) -> None:
    assert expected == supports_scheme(known(name), scheme).is_supported


@pytest.mark.parametrize(
    ("name", "dtype", "model", "expected"),
    [
        pytest.param("T4", "auto", {}, True, id="the model's own"),
        pytest.param("T4", "bfloat16", {}, False, id="bfloat16 below 8.0"),
        pytest.param("T4", "fp8", {"head_dim": 128}, False, id="FP8 below 8.0"),
        pytest.param("A100-80", "fp8", {"head_dim": 128}, True, id="FP8 from 8.0 by FlashInfer"),
        pytest.param("A100-80", "fp8_e5m2", {"head_dim": 64}, True, id="the other FP8 too"),
        pytest.param("A100-80", "fp8", {"head_dim": 80}, False, id="heads that FlashInfer does not know"),
        pytest.param("A100-80", "fp8", {}, False, id="heads not said"),
        pytest.param("A100-80", "fp8", {"head_dim": 64, "has_sinks": True}, False, id="sinks need the other backend"),
        pytest.param("A100-80", "fp8", {"head_dim": 64, "is_latent": True}, False, id="latent attention below 8.9"),
        pytest.param("L4", "fp8", {}, True, id="FP8 from 8.9 by any"),
        pytest.param("H100", "fp8", {"is_latent": True}, True, id="latent attention from 8.9"),
        pytest.param("H100", "fp8_e5m2", {"is_latent": True}, False, id="latent attention has one FP8"),
        pytest.param("H100", "nvfp4", {}, False, id="4 bits below 10.0"),
        pytest.param("B300", "nvfp4", {}, True, id="4 bits on 10.3"),
        pytest.param("RTX-5090", "nvfp4", {}, False, id="4 bits are not for 12.0"),
        pytest.param("H100", "fp8_inc", {}, False, id="another vendor's"),
        pytest.param("MI300X", "fp8", {}, True, id="AMD with FP8"),
        pytest.param("MI210", "fp8", {}, False, id="AMD without FP8"),
        pytest.param("MI300X", "fp8_e5m2", {}, False, id="AMD has one FP8"),
        pytest.param("MI210", "auto", {}, True, id="AMD, the model's own"),
    ],
)
def test_which_kv_caches_a_gpu_keeps(name: str, dtype: str, model: dict[str, int], expected: bool) -> None:
    assert expected == supports_kv_cache(known(name), dtype, **model).is_supported


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            supports_dtype(known("T4"), "bfloat16"),
            "bfloat16 needs compute capability 8.0; T4 has 7.5",
            id="refused",
        ),
        pytest.param(
            supports_method(known("L4"), "fp8"), "fp8 needs compute capability 7.5; L4 has 8.9", id="supported"
        ),
        pytest.param(
            supports_scheme(known("A100-80"), "W8A8Fp8"),
            "W8A16Fp8 needs compute capability 7.5; A100-80GB has 8.0",
            id="what takes its place",
        ),
        pytest.param(
            supports_kv_cache(known("RTX-5090"), "nvfp4"),
            "a KV cache of nvfp4 needs compute capability 10.0 up to below 11.0; RTX-5090 has 12.0",
            id="a range",
        ),
        pytest.param(
            supports_method(known("MI300X"), "moe_wna16"),
            "vLLM 0.29.0 does not support moe_wna16 on AMD GPUs",
            id="AMD",
        ),
        pytest.param(
            supports_method(known("H100"), "bitsandbytes"),
            "vLLM 0.29.0 does not know the quantization bitsandbytes",
            id="a name the engine does not know",
        ),
    ],
)
def test_the_reason_names_what_is_needed_and_what_there_is(answer: Answer, expected: str) -> None:
    assert expected == answer.reason


def test_a_gpu_of_unknown_capability_is_promised_nothing() -> None:
    unknown = replace(known("H100"), name="X1000", capability=None)
    expected = Answer(is_supported=False, reason="bfloat16 needs compute capability 8.0; nothing says which X1000 has")
    assert expected == supports_dtype(unknown, "bfloat16")
    assert supports_kv_cache(unknown, "auto").is_supported


def test_a_method_tells_its_activations() -> None:
    assert ("bfloat16",) == method_dtypes("mxfp4")
    assert ("bfloat16", "float16") == method_dtypes("awq")
    assert () == method_dtypes("bitsandbytes")


@pytest.mark.parametrize("dtype", WRITTEN["kvCacheDtypes"])
def test_every_kv_cache_the_engine_names_has_an_answer_on_some_gpu(dtype: str) -> None:
    somewhere = [
        supports_kv_cache(known(name), dtype, is_latent=latent).is_supported
        for name in ("H100", "B200")
        for latent in (False, True)
    ]
    # Gaudi's own is the only one that no GPU has.
    assert (dtype != "fp8_inc") == any(somewhere)


def test_every_method_for_amd_is_a_method() -> None:
    assert [] == [method for method in WRITTEN["rocmMethods"] if method not in WRITTEN["methods"]]
