"""The headers of safetensors files, and the tensors that a Llama of a given config has; no weights.

The format is 8 bytes, little-endian, with the length of the JSON header, the header, and the tensors' bytes
(https://huggingface.co/docs/safetensors/index#format). The server imports this without numpy.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

BYTES_PER_ELEMENT = 2


def header(shapes: Shapes) -> bytes:
    """The beginning of a file that holds these tensors in this order, as bfloat16."""
    described: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shapes.items():
        end = offset + tensor_bytes(shape)
        described[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def tensor_bytes(shape: tuple[int, ...]) -> int:
    """The size of one tensor."""
    return BYTES_PER_ELEMENT * math.prod(shape)


def data_bytes(shapes: Shapes) -> int:
    """The size of what follows the header."""
    return sum(map(tensor_bytes, shapes.values()))


def llama_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The tensors of a Llama with a head of its own, in the order in which they are used."""
    hidden, inner, words = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    kv = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    layer: dict[str, tuple[int, ...]] = {
        "input_layernorm": (hidden,),
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (kv, hidden),
        "self_attn.v_proj": (kv, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "post_attention_layernorm": (hidden,),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    return {
        "model.embed_tokens.weight": (words, hidden),
        **{
            f"model.layers.{number}.{part}.weight": shape
            for number in range(config["num_hidden_layers"])
            for part, shape in layer.items()
        },
        "model.norm.weight": (hidden,),
        "lm_head.weight": (words, hidden),
    }


def shards(shapes: Shapes, limit_bytes: int) -> Iterator[dict[str, tuple[int, ...]]]:
    """The tensors in order, in groups of at most `limit_bytes`."""
    group: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes.items():
        if group and data_bytes(group) + tensor_bytes(shape) > limit_bytes:
            yield group
            group = {}
        group[name] = shape
    yield group
