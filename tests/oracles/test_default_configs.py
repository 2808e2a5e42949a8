"""Every family that the engine serves and transformers knows, as large as its class's default config makes it.

What is held is a promise: where a shape says of nothing that it is unknown, its parameters are right. Half of these
families have no config among the committed ones, so that nothing else would notice one that is read wrongly.
"""

import json
from typing import Any

import pytest

from tonnage.facts.architectures import task
from tonnage.facts.shape import shape

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

# What the default of a class lacks, so that the class cannot be built of it.
COMPLETED: dict[str, dict[str, Any]] = {
    "dbrx": {"attn_config": {"kv_n_heads": 8, "rope_theta": 500000.0}},
    "deepseek_v2": {"num_experts_per_tok": 6},
    "hunyuan_v1_dense": {"head_dim": 128},
    # As published; the engine has no shared expert without it.
    "hunyuan_v1_moe": {"head_dim": 128, "num_shared_expert": [1] * 32},
    "lfm2_moe": {"layer_types": ["conv", "conv", "full_attention", "conv"] * 8},
    "nemotron": {"num_key_value_heads": 8},
}
# Parts that transformers builds and the engine does not: its own heads and poolers; of Omni models what speaks.
NOT_LOADED = ("pooler", "talker", "token2wav")
# Its gates and up projections count the experts that do nothing, which have none (vLLM's are 512 wide, not 768).
MISCOUNTED = ("longcat_flash",)
# What the defaults of these classes lack is a whole section, or a library.
NOT_BUILT = {
    "diffusion_gemma", "emu3", "gemma3n", "granite4_vision", "hunyuan_vl", "qwen3_omni_moe", "qwen4_exp",
    "qwen4_exp_text",
}  # fmt: skip
# What says nothing about the weights.
NOT_OF_WEIGHTS = {"size of the largest image", "tokens of the encoder that cross-attention keeps"}
# The most is 0.26 %: the default of Gemma 3 has a pooling head on its tower, which no published one has.
TOLERANCE = 3e-3
MAPPINGS = ("MODEL_FOR_CAUSAL_LM", "MODEL_FOR_IMAGE_TEXT_TO_TEXT", "MODEL_FOR_MULTIMODAL_LM", "MODEL")


def served() -> dict[str, list[str]]:
    """Model types, and the classes of each that the engine has."""
    found: dict[str, list[str]] = {}
    for mapping in MAPPINGS:
        table = getattr(transformers.models.auto.modeling_auto, f"{mapping}_MAPPING_NAMES")
        for model_type, names in table.items():
            name = names if isinstance(names, str) else names[0]
            if model_type not in MISCOUNTED and task(name) is not None:
                found.setdefault(model_type, []).append(name)
    return found


CLASSES = served()


def built(model_type: str, name: str) -> tuple[dict[str, Any], int] | None:
    """The config and the parameters that the engine loads; None where transformers cannot build its own default."""
    try:
        config = transformers.CONFIG_MAPPING[model_type](**COMPLETED.get(model_type, {}))
        with torch.device("meta"):
            model = getattr(transformers, name)(config)
        model.tie_weights()
    except (AttributeError, ImportError, TypeError):
        return None
    loaded = [each for path, each in model.named_parameters() if not any(part in path for part in NOT_LOADED)]
    document = json.loads(config.to_json_string(use_diff=False))
    return {**document, "architectures": [name]}, sum(each.numel() for each in loaded)


@pytest.mark.parametrize("model_type", CLASSES)
def test_a_shape_without_a_doubt_has_the_parameters_that_transformers_builds(model_type: str) -> None:
    known = next((found for name in CLASSES[model_type] if (found := built(model_type, name))), None)
    assert (known is None) == (model_type in NOT_BUILT)
    if known is None:
        return
    config, parameters = known
    found = shape(config)
    if not set(found.unknown) - NOT_OF_WEIGHTS:
        assert parameters == pytest.approx(found.parameters, rel=TOLERANCE)
