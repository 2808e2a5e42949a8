"""How many tokens and sequences a batch may have where the set-up does not say: the engine's defaults.

They are the OpenAI server's; offline use has others. A reader would get wrong that a batch is small: V0 took a whole
prompt at once, so that its profiling run is as long as the context, and only cut those of long contexts.
"""

from collections.abc import Callable

from tonnage.facts.shape import AttentionKind, Shape, State
from tonnage.memory.devices import Device
from tonnage.memory.versions import Rules, Tier

_LARGE_GIB, _LARGEST_GIB = 70, 160
# Batched tokens and sequences: vllm/engine/arg_utils.py, _set_default_args_v1, later get_batch_defaults.
_LARGEST, _LARGE, _SMALL = (16384, 1024), (8192, 1024), (2048, 256)
# V0: vllm/config.py, SchedulerConfig. Prompts are cut where the context is longer than this.
_LONG_CONTEXT = 32768
_LEAST_TOKENS = 2048
_POOLING_TOKENS = 32768
_IMAGE_TOKENS = 5120
_SEQUENCES = 256


def default_batch(shape: Shape, rules: Rules, device: Device, memory_gib: float, max_model_len: int) -> tuple[int, int]:
    """Tokens and sequences."""
    if not rules.is_v1:
        return _v0_tokens(shape, rules, device, max_model_len), _SEQUENCES
    tokens, sequences = _v1_batch(rules, device, memory_gib)
    if shape.whole_texts:
        # A text cannot be cut into batches (_set_default_max_num_seqs_and_batched_tokens_args).
        tokens = max(tokens, max_model_len)
    return max([tokens, *(tower.whole_item_tokens for tower in shape.towers)]), sequences


def _v1_batch(rules: Rules, device: Device, memory_gib: float) -> tuple[int, int]:
    if device.hides_memory:
        return _SMALL
    if memory_gib >= _LARGEST_GIB and rules.has_largest_tier:
        return _LARGEST
    if _IS_LARGE[rules.tier](device, memory_gib):
        return _LARGE
    return (_SMALL[0], _LARGE[1]) if rules.tier is Tier.NAME_MANY_SEQUENCES else _SMALL


_IS_LARGE: dict[Tier, Callable[[Device, float], bool]] = {
    Tier.NAME_MANY_SEQUENCES: lambda device, _: device.is_h100_or_h200,
    Tier.NAME: lambda device, _: device.is_h100_or_h200,
    Tier.MEMORY: lambda _, memory_gib: memory_gib >= _LARGE_GIB,
    Tier.MEMORY_NOT_A100: lambda device, memory_gib: memory_gib >= _LARGE_GIB and not device.is_a100,
}


def _v0_tokens(shape: Shape, rules: Rules, device: Device, max_model_len: int) -> int:
    if rules.chunk_tokens and max_model_len > _LONG_CONTEXT and _is_cut(shape, rules, device):
        return rules.chunk_tokens
    least = _LEAST_TOKENS
    if not shape.generates:
        least = _POOLING_TOKENS
    elif shape.towers:
        least = _IMAGE_TOKENS
    return max(least, max_model_len)


def _is_cut(shape: Shape, rules: Rules, device: Device) -> bool:
    """Whether V0 cuts long prompts of this model by itself."""
    kinds = {mixer.kind for mixer in shape.attentions}
    return not (
        device.is_amd
        or not shape.generates
        or shape.towers
        or AttentionKind.SLIDING in kinds
        or (rules.has_latent and AttentionKind.LATENT in kinds)
        or any(isinstance(layer.mixer, State) for layer in shape.distinct_layers)
    )
