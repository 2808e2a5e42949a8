"""What cannot be, whatever the memory: each rule looks at one candidate and answers with a reason, or with nothing.

The first rule that answers is the reason shown. Every message names the number that failed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

from tonnage.facts.architectures import engine, has_pipeline
from tonnage.facts.gpus import Vendor
from tonnage.facts.precisions import method_dtypes, supports_dtype, supports_engine, supports_kv_cache, supports_method
from tonnage.facts.shape import Attention, AttentionKind, FeedForward, Quantization, Shape, State
from tonnage.plan.gpu.candidates import Candidate
from tonnage.plan.gpu.offers import Rejected

_FP8_MILLI_BITS = 8000
_SMALLEST_BLOCK = 32
_BFLOAT16, _FLOAT16 = "bfloat16", "float16"
# Formats that the pinned engine does not read any more, and what to use instead.
_GONE = {
    "bitsandbytes": "use a checkpoint in AWQ, GPTQ or FP8 of the same model",
    "gguf": "use the safetensors checkpoint of the same model, or one in AWQ or GPTQ",
}


@dataclass(frozen=True)
class Try:
    """A candidate with the model that it would run."""

    candidate: Candidate
    shape: Shape
    # Whether the author gave an image of their own.
    has_image: bool = False

    @property
    def method(self) -> str | None:
        """How the weights are quantized, by the checkpoint or at load, by the engine's name for it."""
        quantization = self.shape.quantization
        if quantization is None:
            return self.candidate.quantization
        # One name in checkpoints, two in the engine (quantization/modelopt.py, override_quantization_method).
        is_nvfp4 = quantization.method == "modelopt" and (quantization.milli_bits or _FP8_MILLI_BITS) < _FP8_MILLI_BITS
        return "modelopt_fp4" if is_nvfp4 else quantization.method


def first_rejection(shape: Shape, candidate: Candidate, *, has_image: bool = False) -> Rejected | None:
    """The answer of the first rule that has one."""
    tried = Try(candidate, shape, has_image)
    return next((rejected for rule in RULES if (rejected := rule(tried)) is not None), None)


def engine_dtype(shape: Shape, candidate: Candidate) -> str:
    """The type that is computed in: the checkpoint's, in 16 bits, or float16 where GPU or method know nothing else."""
    wanted = _FLOAT16 if shape.dtype == _FLOAT16 else _BFLOAT16
    method = Try(candidate, shape).method
    known = method_dtypes(method) if method else ()
    is_possible = supports_dtype(candidate.offer.gpu, wanted).is_supported and (not known or wanted in known)
    return wanted if is_possible else _FLOAT16


def _rejected(tried: Try, reason: str, message: str) -> Rejected:
    return Rejected(str(tried.candidate), reason, message)


def reject_gpu(tried: Try) -> Rejected | None:
    """The engine must have been compiled for the GPU."""
    answer = supports_engine(tried.candidate.offer.gpu)
    return None if answer.is_supported else _rejected(tried, "GpuUnsupported", answer.reason)


def reject_image(tried: Try) -> Rejected | None:
    """There is no runtime image for AMD's GPUs."""
    if tried.has_image or tried.candidate.offer.gpu.vendor is not Vendor.AMD:
        return None
    message = (
        f"{tried.candidate.offer.gpu.name} needs an image with ROCm: build one, and name it in spec.template.image"
    )
    return _rejected(tried, "NoImage", message)


def reject_method(tried: Try) -> Rejected | None:
    """The GPU must have kernels for the way that the weights are quantized."""
    if tried.method is None:
        return None
    if tried.method in _GONE:
        message = f"{tried.method} is not read by the engine: {_GONE[tried.method]}"
        return _rejected(tried, "QuantizationUnsupported", message)
    answer = supports_method(tried.candidate.offer.gpu, tried.method)
    return None if answer.is_supported else _rejected(tried, "QuantizationUnsupported", answer.reason)


def reject_method_dtype(tried: Try) -> Rejected | None:
    """Some methods compute in one type only, and an old GPU may not know it."""
    known = method_dtypes(tried.method) if tried.method else ()
    dtype = engine_dtype(tried.shape, tried.candidate)
    if not known or dtype in known:
        return None
    message = f"{tried.method} computes in {' or '.join(known)}; {tried.candidate.offer.gpu.name} has {dtype}"
    return _rejected(tried, "QuantizationUnsupported", message)


def reject_kv_cache(tried: Try) -> Rejected | None:
    """The KV cache's type must have a backend on the GPU for the model's attention."""
    mixers = tried.shape.attentions
    is_latent = any(mixer.kind is AttentionKind.LATENT for mixer in mixers)
    head_dims = {mixer.key_dim for mixer in mixers}
    answer = supports_kv_cache(
        tried.candidate.offer.gpu,
        tried.candidate.kv_cache_dtype,
        is_latent=is_latent,
        head_dim=head_dims.pop() if len(head_dims) == 1 else None,
        has_sinks=tried.shape.model_type == "gpt_oss",
    )
    return None if answer.is_supported else _rejected(tried, "KvCacheUnsupported", answer.reason)


def reject_heads(tried: Try) -> Rejected | None:
    """Attention heads are divided among the ranks; key-value heads too, or copied where there are fewer."""
    ranks = tried.candidate.tensor_parallel
    for mixer in tried.shape.attentions:
        if mixer.heads % ranks:
            message = f"{mixer.heads} attention heads cannot be divided among {ranks} GPUs"
            return _rejected(tried, "Indivisible", message)
        if mixer.kind is not AttentionKind.LATENT and mixer.kv_heads % ranks and ranks % mixer.kv_heads:
            message = f"{mixer.kv_heads} key-value heads can be neither divided among {ranks} GPUs nor copied to them"
            return _rejected(tried, "Indivisible", message)
    return None


def reject_states(tried: Try) -> Rejected | None:
    """Heads of Mamba and linear attention are divided too; their groups as well, or the single one is copied."""
    ranks = tried.candidate.tensor_parallel
    for state in (layer.mixer for layer in tried.shape.distinct_layers if isinstance(layer.mixer, State)):
        if state.heads % ranks:
            message = f"{state.heads} heads of its {state.name} layers cannot be divided among {ranks} GPUs"
            return _rejected(tried, "Indivisible", message)
        if state.groups > 1 and state.groups % ranks:
            message = f"{state.groups} groups of its {state.name} layers cannot be divided among {ranks} GPUs"
            return _rejected(tried, "Indivisible", message)
    return None


def reject_widths(tried: Try) -> Rejected | None:
    """Feed-forward layers and experts are divided by their width."""
    ranks = tried.candidate.tensor_parallel
    for part in tried.shape.feed_forwards:
        if part.intermediate % ranks:
            message = f"an intermediate size of {part.intermediate:,} cannot be divided among {ranks} GPUs"
            return _rejected(tried, "Indivisible", message)
    return None


def reject_tower_heads(tried: Try) -> Rejected | None:
    """An encoder's heads are divided among the ranks as well, and the engine stops where they cannot be."""
    ranks = tried.candidate.tensor_parallel
    for tower in tried.shape.towers:
        if not tower.is_divisible(ranks):
            message = f"{tower.heads} heads of the {tower.name} encoder cannot be divided among {ranks} GPUs"
            return _rejected(tried, "Indivisible", message)
    return None


def reject_groups(tried: Try) -> Rejected | None:
    """A rank's share of a quantized matrix must be whole groups, each of which has one scale."""
    quantization, ranks = tried.shape.quantization, tried.candidate.tensor_parallel
    if quantization is None or quantization.group_size <= 1 or ranks == 1:
        return None
    for part in tried.shape.feed_forwards:
        if not _has_whole_groups(tried.shape, part, quantization, ranks):
            message = (
                f"an intermediate size of {part.intermediate:,} among {ranks} GPUs is {part.intermediate / ranks:g}, "
                f"not a multiple of the quantization's groups of {quantization.group_size}"
            )
            return _rejected(tried, "Indivisible", message)
    for width in _quantized_outputs(tried.shape):
        if width % (ranks * quantization.group_size):
            message = (
                f"the {width:,} inputs of attention's output among {ranks} GPUs are {width / ranks:g}, not a multiple "
                f"of the quantization's groups of {quantization.group_size}"
            )
            return _rejected(tried, "Indivisible", message)
    return None


@lru_cache(maxsize=8)
def _quantized_outputs(shape: Shape) -> frozenset[int]:
    """Inputs of the output projections that are quantized: they are divided among the ranks, as the heads are."""
    quantization = shape.quantization
    first = {layer: index for index, layer in reversed([*enumerate(shape.layers)])}
    return frozenset(
        mixer.heads * mixer.value_dim
        for layer, index in first.items()
        if isinstance(mixer := layer.mixer, Attention)
        and mixer.kind is not AttentionKind.LATENT
        and quantization is not None
        and quantization.milli_bits_of(f"layers.{index}.self_attn.o_proj", is_expert=False) is not None
    )


def _has_whole_groups(shape: Shape, part: FeedForward, quantization: Quantization, ranks: int) -> bool:
    size = quantization.group_size
    if part.intermediate % (ranks * size) == 0:
        return True
    # fused_moe/oracle/fp8.py, refine_fp8_moe_block_shape: blocks of experts are divided further, to 32.
    block = gcd(size, part.intermediate // ranks, shape.hidden_size)
    return bool(part.experts) and not part.shared and quantization.method == "fp8" and block >= _SMALLEST_BLOCK


def reject_stages(tried: Try) -> Rejected | None:
    """Every pipeline stage needs a layer, and the engine must be able to divide them."""
    stages, layers = tried.candidate.pipeline_parallel, len(tried.shape.layers)
    if stages > 1 and not has_pipeline(tried.shape.architecture):
        message = f"{engine()} cannot divide the layers of {tried.shape.architecture} among pipeline stages"
        return _rejected(tried, "Indivisible", message)
    if stages <= layers:
        return None
    return _rejected(tried, "Indivisible", f"{layers} layers cannot be divided among {stages} pipeline stages")


Rule = Callable[[Try], Rejected | None]
RULES: tuple[Rule, ...] = (
    reject_gpu,
    reject_image,
    reject_method,
    reject_method_dtype,
    reject_kv_cache,
    reject_heads,
    reject_states,
    reject_widths,
    reject_tower_heads,
    reject_groups,
    reject_stages,
)
