"""What the pinned engine can do on a GPU: data types, quantization methods, KV caches. Each answer says why.

What the engine states in one number is in `engine_precisions.json`, written from its wheel by
`tests/facts/engine_precisions.py`: look there for what a method is called. What it decides in code is here, each with
the file of vLLM 0.29.0 that says so.

Easily got wrong: that a method is supported does not say that the GPU computes in it. FP8 weights run from 7.5 on, by
unpacking them (Marlin), on NVIDIA's GPUs alone; FP8 activations need tensor cores for it, which `Gpu.has_fp8` tells.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tonnage.facts.gpus import Capability, Gpu, Vendor

_NO_END = Capability(99, 0)


@dataclass(frozen=True)
class Answer:
    """Whether something works; the reason names what is needed and what there is, whichever it is."""

    is_supported: bool
    reason: str


@dataclass(frozen=True)
class _Need:
    """Capabilities of NVIDIA's that will do, from `low` up to below `end`."""

    low: Capability
    end: Capability = _NO_END

    def __str__(self) -> str:
        return str(self.low) if self.end == _NO_END else f"{self.low} up to below {self.end}"


# CMakeLists.txt, CUDA_SUPPORTED_ARCHS with CUDA 12.8 or later: what kernels are compiled for. The wheel does not carry
# this file: read in the repository, as it was with torch 2.11.
_ENGINE = _Need(Capability(7, 5))
# vllm/platforms/cuda.py, supported_dtypes.
_DTYPES = {
    "bfloat16": _Need(Capability(8, 0)),
    "float16": _Need(Capability(6, 0)),
    "float32": _Need(Capability(6, 0)),
}
# vllm/model_executor/layers/quantization/online/nvfp4.py: is_device_capability_family(100), beside get_min_capability.
_STRICTER_METHODS = {"nvfp4_per_token": _Need(Capability(10, 0), Capability(11, 0))}
# .../compressed_tensors/compressed_tensors.py: FP8 activations give way where the GPU has no FP8.
_WEIGHT_ONLY_SCHEMES = {"W8A8Fp8": "W8A16Fp8"}

# KV caches by the backends that store them (supported_kv_cache_dtypes and supports_compute_capability of
# vllm/v1/attention/backends/*.py).
_ANY = _Need(Capability(0, 0))
# triton_attn.py and mla/triton_mla.py, which take over where the others refuse: native FP8.
_FP8_NATIVE = _Need(Capability(8, 9))
# flashinfer.py: converts as it reads.
_FP8_BY_FLASHINFER = _Need(Capability(8, 0))
_FLASHINFER_DTYPES = ("fp8", "fp8_e4m3", "fp8_e5m2")
_FLASHINFER_HEAD_DIMS = (64, 128, 256, 512)
_UNQUANTIZED = {"auto": _ANY, "float16": _DTYPES["float16"], "bfloat16": _DTYPES["bfloat16"]}
_KV_CACHES = {
    **_UNQUANTIZED,
    "fp8": _FP8_NATIVE,
    "fp8_e4m3": _FP8_NATIVE,
    "fp8_e5m2": _FP8_NATIVE,
    "fp8_per_token_head": _FP8_NATIVE,
    "int8_per_token_head": _ANY,
    "int4_per_token_head": _ANY,
    # flashinfer.py, supports_kv_cache_dtype: is_device_capability_family(100).
    "nvfp4": _Need(Capability(10, 0), Capability(11, 0)),
    "nvfp4_4over6": _Need(Capability(10, 0), Capability(11, 0)),
    # turboquant_attn.py names none.
    "turboquant_k8v4": _ANY,
    "turboquant_4bit_nc": _ANY,
    "turboquant_k3v4_nc": _ANY,
    "turboquant_3bit_nc": _ANY,
}
# Of latent attention (MLA) the backends in mla/ know no others.
_LATENT_KV_CACHES = {
    **_UNQUANTIZED,
    "fp8": _FP8_NATIVE,
    "fp8_e4m3": _FP8_NATIVE,
    # mla/flashmla_sparse.py (9.x, 10.x) and mla/flashinfer_mla_sparse.py (12.x).
    "fp8_ds_mla": _Need(Capability(9, 0)),
}
# Of FP8 weights ROCm has no kernels that unpack them, as Marlin does on NVIDIA's (vllm/model_executor/kernels/linear):
# scaled_mm/pytorch.py asks for gfx942, gfx950 or gfx12 (_rocm_torch_fp8_scaled_mm_supported), and the list for W8A16
# in __init__.py is empty. get_min_capability does not tell: it takes gfx90a for 9.0 and gfx1100 for 11.0.
_AMD_FP8_METHODS = (
    "deepseek_v4_fp8",
    "fbgemm_fp8",
    "fp8",
    "fp8_per_block",
    "fp8_per_channel",
    "fp8_per_tensor",
    "modelopt",
)
_AMD_FP8_SCHEMES = ("W4A8Fp8", "W8A16Fp8", "W8A8Fp8")
# vllm/config/cache.py, cache_dtype: "ROCm (AMD GPU) supports fp8 (=fp8_e4m3)".
_AMD_KV_CACHES = ("auto", "float16", "bfloat16", "fp8", "fp8_e4m3")


def supports_engine(gpu: Gpu) -> Answer:
    """Whether the engine runs on it at all."""
    if gpu.vendor is Vendor.AMD:
        return Answer(is_supported=True, reason=f"{engine()} runs on {gpu.name} with ROCm")
    return _compared(gpu, engine(), _ENGINE)


def supports_dtype(gpu: Gpu, dtype: str) -> Answer:
    """Whether weights and activations may be of this type: `bfloat16`, `float16`, `float32`."""
    need = _DTYPES.get(dtype)
    if need is None:
        return Answer(is_supported=False, reason=f"{engine()} does not compute in {dtype}")
    if gpu.vendor is Vendor.AMD:
        # vllm/platforms/interface.py, supported_dtypes, which rocm.py keeps.
        return Answer(is_supported=True, reason=f"{dtype} works on every AMD GPU")
    return _compared(gpu, dtype, need)


def supports_method(gpu: Gpu, method: str) -> Answer:
    """Whether the engine loads weights quantized by `method`, by the engine's name for it, on this GPU."""
    known = _engine()["methods"].get(method)
    if known is None:
        return Answer(is_supported=False, reason=f"{engine()} does not know the quantization {method}")
    if gpu.vendor is Vendor.AMD and method not in _engine()["rocmMethods"]:
        return Answer(is_supported=False, reason=f"{engine()} does not support {method} on AMD GPUs")
    if gpu.vendor is Vendor.AMD and method in _AMD_FP8_METHODS and not gpu.has_fp8:
        return _without_fp8(gpu, method)
    # The check is the same for AMD: vllm/config/vllm.py, _get_quantization_config.
    return _compared(gpu, method, _STRICTER_METHODS.get(method, _Need(_capability(known["minCapability"]))))


def supports_scheme(gpu: Gpu, scheme: str) -> Answer:
    """Whether a scheme of compressed-tensors works, by the engine's name for it: `WNA16`, `W8A8Fp8`, `W4A4Fp4`."""
    schemes = _engine()["compressedTensorsSchemes"]
    if scheme not in schemes:
        return Answer(is_supported=False, reason=f"{engine()} does not know the compressed-tensors scheme {scheme}")
    if gpu.vendor is Vendor.AMD and scheme in _AMD_FP8_SCHEMES and not gpu.has_fp8:
        return _without_fp8(gpu, scheme)
    answer = _compared(gpu, scheme, _Need(_capability(schemes[scheme])))
    weight_only = _WEIGHT_ONLY_SCHEMES.get(scheme)
    return answer if answer.is_supported or weight_only is None else supports_scheme(gpu, weight_only)


def method_dtypes(method: str) -> tuple[str, ...]:
    """What activations may be of with `method`; empty where the engine does not know it. A T4 needs float16 in it."""
    return tuple(_engine()["methods"].get(method, {}).get("dtypes", ()))


def supports_kv_cache(
    gpu: Gpu, dtype: str, *, is_latent: bool = False, head_dim: int | None = None, has_sinks: bool = False
) -> Answer:
    """Whether the KV cache may be of `dtype`, by the name that `--kv-cache-dtype` takes.

    `is_latent`: multi-head latent attention; `has_sinks`: attention sinks, as gpt-oss has. Without `head_dim` the
    FlashInfer backend, which alone has FP8 below 8.9, is not counted on.
    """
    name = f"a KV cache of {dtype}"
    if gpu.vendor is Vendor.AMD:
        return _amd_kv_cache(gpu, dtype, name)
    need = (_LATENT_KV_CACHES if is_latent else _KV_CACHES).get(dtype)
    if need is None:
        attention = " for latent attention" if is_latent else ""
        return Answer(is_supported=False, reason=f"{engine()} has no KV cache of {dtype}{attention} on NVIDIA GPUs")
    if dtype in _FLASHINFER_DTYPES and not is_latent and not has_sinks and head_dim in _FLASHINFER_HEAD_DIMS:
        need = _FP8_BY_FLASHINFER
    return _compared(gpu, name, need)


def engine() -> str:
    """The engine that all this is about, for messages: `vLLM 0.29.0`."""
    return f"vLLM {_engine()['vllm']}"


def _amd_kv_cache(gpu: Gpu, dtype: str, name: str) -> Answer:
    if dtype not in _AMD_KV_CACHES:
        return Answer(is_supported=False, reason=f"{engine()} has no KV cache of {dtype} on AMD GPUs")
    if dtype.startswith("fp8") and not gpu.has_fp8:
        return _without_fp8(gpu, name)
    return Answer(is_supported=True, reason=f"{name} works on {gpu.name}")


def _without_fp8(gpu: Gpu, what: str) -> Answer:
    return Answer(is_supported=False, reason=f"{what} needs FP8 in hardware, which {gpu.name} does not have")


def _compared(gpu: Gpu, what: str, need: _Need) -> Answer:
    if need is _ANY:
        return Answer(is_supported=True, reason=f"{what} works on every GPU")
    if gpu.capability is None:
        return Answer(
            is_supported=False,
            reason=f"{what} needs compute capability {need}; nothing says which {gpu.name} has",
        )
    return Answer(
        is_supported=need.low <= gpu.capability < need.end,
        reason=f"{what} needs compute capability {need}; {gpu.name} has {gpu.capability}",
    )


def _capability(number: int) -> Capability:
    # The engine's own numbers: 75, 89, 100.
    return Capability(*divmod(number, 10))


@cache
def _engine() -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads(Path(__file__).with_name("engine_precisions.json").read_text())
    return document
