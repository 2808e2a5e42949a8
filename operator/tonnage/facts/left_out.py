"""Tensors that a checkpoint holds and the engine does not load, by their names in safetensors headers.

The config says of each whether it is there: a head that is tied to the embeddings, and layers that predict further
tokens, which are loaded only for speculative decoding. Where the text's vector is wanted, no head is loaded at all.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tonnage.facts import config as names

LeftOut = Callable[[str], bool]

PREDICTION_LAYERS = ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules")
_HEAD = "lm_head.weight"
# DeepSeek and GLM number them after the decoder's layers; Qwen3-Next, MiMo and ERNIE give them a name.
_NAMED = re.compile(r"(model\.)?mtp[._]")
_NUMBERED = re.compile(r"(?:model\.)?(?:language_model\.)?(?:model\.)?layers\.(\d+)\.")


def left_out(document: Mapping[str, Any], *, is_pooled: bool = False) -> LeftOut:
    """Whether the engine leaves out a tensor, by its name; a pooled model's vectors go into no head."""
    read = names.config(document)
    has_prediction = read.positive(PREDICTION_LAYERS) is not None
    layers = read.positive(names.LAYERS)

    def is_left_out(name: str) -> bool:
        if (read.is_tied or is_pooled) and name == _HEAD:
            return True
        if _NAMED.match(name):
            return True
        number = _NUMBERED.match(name) if has_prediction and layers else None
        return number is not None and layers is not None and int(number[1]) >= layers

    return is_left_out
