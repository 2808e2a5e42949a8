"""The longest sequence of a model, by the engine's own rule, for every kind of rotary scaling."""

from typing import Any

import pytest

from tonnage.contract.model_facts import ContextExtension
from tonnage.facts.config import config
from tonnage.facts.context import Context, context
from tonnage.facts.errors import FactsError

LLAMA = {"model_type": "llama", "max_position_embeddings": 8192}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}


def read(document: dict[str, Any], tokenizer: dict[str, Any] | None = None, **sentence: Any) -> Context:
    return context(config(document), tokenizer or {}, sentence, "hf://org/name")


def extended(maximum: int, kind: str, factor: str, original: int | None) -> Context:
    return Context(maximum, ContextExtension(kind=kind, factor=factor, original_context_length=original))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, Context(8192), id="no scaling"),
        pytest.param({"rope_scaling": None}, Context(8192), id="null"),
        pytest.param({"rope_parameters": {"rope_type": "default", "rope_theta": 1.0}}, Context(8192), id="default"),
        pytest.param({"rope_scaling": {"rope_theta": 1.0}}, Context(8192), id="no kind is default"),
        pytest.param(
            {"rope_scaling": {"type": "linear", "factor": 4.0}}, extended(32768, "linear", "4", 8192), id="linear"
        ),
        pytest.param(
            {"rope_scaling": {"type": "dynamic", "factor": 2.5}}, extended(20480, "dynamic", "2.5", 8192), id="dynamic"
        ),
        pytest.param({"rope_scaling": {"type": "linear", "factor": None}}, Context(8192), id="factor of null"),
        pytest.param({"rope_scaling": {"type": "linear", "factor": 1}}, Context(8192), id="factor of one"),
        pytest.param(
            {"max_position_embeddings": 40960, "rope_scaling": YARN},
            extended(131072, "yarn", "4", 32768),
            id="yarn multiplies its original",
        ),
        pytest.param(
            {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}},
            extended(32768, "yarn", "4", 8192),
            id="yarn without its original takes the maximum",
        ),
        pytest.param(
            {"original_max_position_embeddings": 4096, "rope_scaling": YARN},
            extended(16384, "yarn", "4", 4096),
            id="the original beside the section wins",
        ),
        pytest.param(
            {"rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 4096}},
            Context(4096),
            id="yarn without a factor",
        ),
        pytest.param(
            {
                "max_position_embeddings": 131072,
                "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192},
            },
            extended(131072, "llama3", "8", 8192),
            id="llama3 is in the maximum",
        ),
        pytest.param(
            {
                "max_position_embeddings": 131072,
                "original_max_position_embeddings": 4096,
                "rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [2.0]},
            },
            extended(131072, "longrope", "32", 4096),
            id="longrope is in the maximum",
        ),
        pytest.param(
            {
                "max_position_embeddings": 131072,
                "original_max_position_embeddings": 4096,
                "rope_scaling": {"type": "su"},
            },
            extended(131072, "longrope", "32", 4096),
            id="su is longrope",
        ),
        pytest.param(
            {"rope_scaling": {"type": "longrope", "original_max_position_embeddings": 8192}},
            Context(8192),
            id="longrope that lengthens nothing (MiniCPM3)",
        ),
        pytest.param(
            {"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}, Context(8192), id="mrope (Qwen2-VL)"
        ),
        pytest.param(
            {
                "rope_parameters": {
                    "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25},
                    "sliding_attention": {"rope_type": "default"},
                }
            },
            Context(8192),
            id="proportional (Gemma 4)",
        ),
        pytest.param(
            {
                "rope_parameters": {
                    "full_attention": {"rope_type": "yarn", "factor": 64.0, "original_max_position_embeddings": 4096},
                    "sliding_attention": {"rope_type": "default"},
                    "original_max_position_embeddings": 4096,
                }
            },
            extended(262144, "yarn", "64", 4096),
            id="a factor that only one kind of layer has (Laguna)",
        ),
        pytest.param(
            {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": YARN},
            extended(16384, "linear", "2", 8192),
            id="the older name wins",
        ),
        pytest.param({"rope_scaling": {}, "rope_parameters": YARN}, extended(131072, "yarn", "4", 32768), id="or not"),
        pytest.param(
            {"rope_scaling": {"type": "yarn", "rope_type": "default"}}, Context(8192), id="the newer word wins"
        ),
        pytest.param({"seq_length": 2048}, Context(2048), id="the smallest limit"),
        pytest.param({"model_max_length": 131072}, Context(131072), id="Command-R's own"),
        pytest.param(
            {"model_type": "gemma3_text", "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
            extended(8192, "linear", "8", None),
            id="Gemma 3's is in the maximum",
        ),
    ],
)
def test_the_longest_context_is_the_engines(changes: dict[str, Any], expected: Context) -> None:
    assert expected == read(LLAMA | changes)
    assert expected == read({"model_type": "some_vl", "text_config": LLAMA | changes}), "nested"


def test_a_whole_gemma_3_is_known_by_the_type_of_its_text() -> None:
    text = {"max_position_embeddings": 131072, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}
    assert 131072 == read({"model_type": "gemma3", "text_config": text}).maximum
    assert 131072 == read({"model_type": "mine", "text_config": text | {"model_type": "gemma3_text"}}).maximum


@pytest.mark.parametrize(
    ("changes", "limit", "expected"),
    [
        pytest.param({"position_embedding_type": "absolute"}, 512, 512, id="a table of positions (RoBERTa)"),
        pytest.param({"position_embedding_type": "absolute"}, 10**30, 514, id="a limit that is none"),
        pytest.param({"position_embedding_type": "absolute"}, None, 514, id="not given"),
        pytest.param({}, 512, 514, id="rotations: the tokenizer's is no limit"),
    ],
)
def test_the_tokenizer_limits_tables_of_positions_only(changes: dict[str, Any], limit: int, expected: int) -> None:
    tokenizer = {"model_max_length": limit}
    assert expected == read(LLAMA | {"max_position_embeddings": 514} | changes, tokenizer).maximum


def test_sentence_transformers_have_the_last_word() -> None:
    assert 4096 == read(LLAMA, max_seq_length=4096, do_lower_case=False).maximum
    assert 8192 == read(LLAMA, max_seq_length=4096).maximum


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"max_position_embeddings": None}, "how long a context", id="nothing"),
        pytest.param({"rope_scaling": {"factor": "x"}}, "rope_scaling .* factor is 'x'", id="text"),
        pytest.param({"rope_scaling": {"factor": float("inf")}}, "factor is inf", id="endless"),
        pytest.param({"rope_scaling": {"factor": float("nan")}}, "factor is nan", id="no number"),
        pytest.param({"rope_scaling": {"factor": -1}}, "factor is -1", id="negative"),
        pytest.param({"rope_scaling": {"factor": True}}, "factor is True", id="yes"),
        pytest.param(
            {"rope_scaling": {"type": "linear", "factor": 1e300}}, "of context, of 8,192 and rope_scaling", id="huge"
        ),
        pytest.param({"rope_scaling": {"type": ["yarn"]}}, "rope_type is", id="kind of a list"),
        pytest.param(
            {"rope_scaling": YARN | {"original_max_position_embeddings": "4k"}},
            "original_max_position_embeddings is '4k'",
            id="original of text",
        ),
    ],
)
def test_a_scaling_that_makes_no_sense_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FactsError, match=said):
        read(LLAMA | changes)


@pytest.mark.parametrize(
    ("extension", "text"),
    [
        pytest.param(ContextExtension(kind="yarn", factor="4", original_context_length=32768), "yarn x4 of 32,768"),
        pytest.param(ContextExtension(kind="linear", factor="8"), "linear x8"),
    ],
)
def test_an_extension_is_a_few_words(extension: ContextExtension, text: str) -> None:
    assert text == str(extension)
