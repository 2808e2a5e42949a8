"""Which of vLLM's two engines runs a set-up: V1, or the older V0 that versions before 0.11 fall back to.

A reader would get wrong that the version alone decides. Until V0 was removed, V1 refused old GPUs, GGUF, FP8 caches,
encoders, states and others, and the engine went back to V0 without a word (vllm/engine/arg_utils.py,
_is_v1_supported_oracle; classes that are SupportsV0Only).
"""

from dataclasses import dataclass

from tonnage.facts.shape import AttentionKind, Shape, State
from tonnage.memory.devices import Device
from tonnage.memory.versions import Version

# V1 is the default from 0.8.0 on; the start-ups of 0.8.0 to 0.8.2 that are known are mostly of V0.
_DEFAULT: Version = (8, 3)
_V0_REMOVED: Version = (11, 0)
# First versions whose V1 has it.
_POOLING: Version = (9, 2)
_STATES: Version = (10, 2)
_ENCODERS: Version = (10, 2)
_FLOAT32: Version = (9, 2)
_FP8_CACHE: Version = (10, 0)
_OLD_GPUS: Version = (10, 2)
_GGUF: Version = (9, 0)
_AMD: Version = (9, 1)


@dataclass(frozen=True)
class Asked:
    """What the engine is asked for, as far as V1 may have to refuse it."""

    device: Device
    shape: Shape
    element_bytes: int
    method: str | None
    """Of quantization."""
    has_fp8_cache: bool


def has_fixed_encoder(shape: Shape) -> bool:
    """Whether every sequence keeps as many tokens of an encoder (Whisper)."""
    return any(mixer.encoder_tokens for mixer in shape.attentions)


def is_v1(number: Version, asked: Asked) -> bool:
    """Whether the engine of this version is V1."""
    shape, device = asked.shape, asked.device
    kinds = {mixer.kind for mixer in shape.attentions}
    if AttentionKind.CROSS in kinds and not has_fixed_encoder(shape):
        # Cross-attention to images ended with V0.
        return False
    if number >= _V0_REMOVED:
        return True
    first = [
        _DEFAULT,
        *((_POOLING,) if not shape.generates else ()),
        *((_ENCODERS,) if kinds & {AttentionKind.ENCODER, AttentionKind.CROSS} else ()),
        *((_STATES,) if any(isinstance(layer.mixer, State) for layer in shape.distinct_layers) else ()),
        *((_FLOAT32,) if asked.element_bytes == 4 else ()),  # noqa: PLR2004
        *((_FP8_CACHE,) if asked.has_fp8_cache and not device.is_hopper_or_later else ()),
        *((_OLD_GPUS,) if not device.is_ampere_or_later else ()),
        *((_GGUF,) if asked.method == "gguf" else ()),
        *((_AMD,) if device.is_amd else ()),
    ]
    return bool(number >= max(first))
