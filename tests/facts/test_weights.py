"""Which files are the model, and what their headers say."""

import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tonnage.contract.model_files import needed_files
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task
from tonnage.facts import architectures
from tonnage.facts.architectures import task
from tonnage.facts.errors import FactsError
from tonnage.facts.weights import Weights, chosen_weights, header_bytes, weights


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["model.safetensors"], ("model.safetensors",), id="one file"),
        pytest.param(
            ["model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors", "consolidated.safetensors"],
            ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
            id="not the authors' own copy",
        ),
        pytest.param(
            ["model.safetensors", "pytorch_model.bin", "original/model.safetensors", "adapter_model.safetensors"],
            ("model.safetensors",),
            id="no pickle, no folder, no adapter",
        ),
    ],
)
def test_the_weights_to_serve_are_chosen(names: list[str], expected: tuple[str, ...]) -> None:
    assert expected == chosen_weights("hf://a/b", ["config.json", *names])


@pytest.mark.parametrize(
    ("names", "reason", "why"),
    [
        pytest.param(["model.safetensors"], Reason.UNUSABLE_CONFIG, "has no config.json", id="no config"),
        pytest.param(
            ["config.json", "pytorch_model.bin"],
            Reason.UNSAFE_WEIGHTS,
            "hf://a/b has its weights only as pickle (pytorch_model.bin)",
            id="pickle only",
        ),
        pytest.param(["config.json", "m.gguf"], Reason.UNUSABLE_CONFIG, "has no safetensors files", id="other format"),
        pytest.param(
            ["config.json", "model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"],
            Reason.UNUSABLE_CONFIG,
            "is incomplete: 2 of 3 safetensors files are there",
            id="a part is missing",
        ),
    ],
)
def test_what_is_no_model_is_refused(names: list[str], reason: Reason, why: str) -> None:
    with pytest.raises(FactsError) as caught:
        chosen_weights("hf://a/b", names)
    assert (reason, True) == (caught.value.reason, caught.value.is_permanent)
    assert why in caught.value.message


def test_pods_need_config_tokenizer_and_weights_and_code_only_if_allowed() -> None:
    names = [
        "config.json",
        "tokenizer.model",
        "merges.txt",
        "README.md",
        "modeling.py",
        "x/config.json",
        "a.safetensors",
    ]
    assert ("a.safetensors", "config.json", "merges.txt", "tokenizer.model") == needed_files(names)
    assert "modeling.py" in needed_files(names, with_code=True)


def test_a_header_is_summed_without_what_is_left_out() -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
        "scalar": {"dtype": "F32", "shape": [], "data_offsets": [12, 16]},
        "lm_head.weight": {"dtype": "BF16", "shape": [100], "data_offsets": [16, 216]},
    }
    read = weights("x", json.dumps(header).encode(), lambda name: name == "lm_head.weight")
    assert Weights(7, 16, Counter(BF16=12, F32=4)) == read
    assert "bfloat16" == read.dtype
    assert {"bfloat16": 12, "float32": 4} == read.named_bytes
    assert Weights(14, 32, Counter(BF16=24, F32=8)) == read + read


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"a": 1}', id="a number"),
        pytest.param(b'{"a": {"dtype": "F32", "shape": [1]}}', id="no offsets"),
        pytest.param(b'{"a":' * 100_000, id="too deep"),
    ],
)
def test_a_header_that_is_none_is_refused(header: bytes) -> None:
    with pytest.raises(FactsError, match="is not a safetensors file: its header cannot be read"):
        weights("x", header)


@pytest.mark.parametrize("start", [b"", b"\x01", bytes(8), b"\xff" * 8], ids=["empty", "short", "zero", "endless"])
def test_a_length_that_is_none_is_refused(start: bytes) -> None:
    with pytest.raises(FactsError, match="is not a safetensors file"):
        header_bytes("x", start)


def test_the_names_are_those_of_the_pinned_engine() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    pins = project["project"]["optional-dependencies"]["runtime"]
    assert f"vllm=={architectures.engine().removeprefix('vLLM ')}" in pins


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        pytest.param("LlamaForCausalLM", Task.GENERATE, id="generates"),
        pytest.param("Qwen2VLForConditionalGeneration", Task.GENERATE, id="generates from pictures"),
        pytest.param("BertModel", Task.EMBED, id="embeds"),
        pytest.param("BertForSequenceClassification", Task.CLASSIFY, id="classifies"),
        pytest.param("UNet2D", None, id="unknown"),
    ],
)
def test_an_architecture_is_for_a_task(architecture: str, expected: Task | None) -> None:
    assert expected == task(architecture)
