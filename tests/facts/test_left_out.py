"""Tensors that are in the files and not in the engine."""

from typing import Any

import pytest

from tonnage.facts.left_out import left_out

DEEPSEEK = {"num_hidden_layers": 61, "num_nextn_predict_layers": 1}


@pytest.mark.parametrize(
    ("config", "name", "expected"),
    [
        pytest.param({"tie_word_embeddings": True}, "lm_head.weight", True, id="tied head"),
        pytest.param({"text_config": {"tie_word_embeddings": True}}, "lm_head.weight", True, id="tied head, nested"),
        pytest.param({"tie_word_embeddings": False}, "lm_head.weight", False, id="head of its own"),
        pytest.param({}, "lm_head.weight", False, id="unsaid: what the file holds is loaded"),
        pytest.param(DEEPSEEK, "model.layers.60.mlp.gate.weight", False, id="last layer"),
        pytest.param(DEEPSEEK, "model.layers.61.eh_proj.weight", True, id="layer that predicts a further token"),
        pytest.param(DEEPSEEK, "visual.layers.61.mlp.weight", False, id="another part's layer"),
        pytest.param({"num_hidden_layers": 4}, "model.layers.61.mlp.weight", False, id="no such layers promised"),
        pytest.param({}, "mtp.layers.0.mlp.gate.weight", True, id="named so"),
        pytest.param({}, "model.mtp_layers.0.mlp.gate.weight", True, id="named so by another family"),
    ],
)
def test_what_the_engine_does_not_load_is_left_out(config: dict[str, Any], name: str, expected: bool) -> None:
    assert expected is left_out(config)(name)


def test_a_pooled_model_has_no_head() -> None:
    assert left_out({}, is_pooled=True)("lm_head.weight")
    assert not left_out({}, is_pooled=True)("model.embed_tokens.weight")
