"""Whatever stands in a config.json, there is an answer, or one sentence that names what is wrong; and soon."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gpu_plans import cluster, config, config_names, gpu_wish
from tonnage.cli import main
from tonnage.cli.offline import offline_facts
from tonnage.contract.status import PlanStatus
from tonnage.facts.errors import FactsError
from tonnage.facts.shape import shape
from tonnage.facts.source import parse_source
from tonnage.plan import Refusal, plan

SOURCE = parse_source("hf://org/name")
NODES = cluster(("H100", 8), ("L4", 2))
WISHES = (gpu_wish(), gpu_wish(placement={"device": "Cpu"}))
REMOVED = object()


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"a": found}
    return found


JUNK = [
    REMOVED,
    None,
    *(True, False),
    *(-1, 0, 1, 3, 4096, 5000, 10**9, 2**31, 2**40, 10**400),
    *(0.5, -1.5, 2.0**70, float("nan"), float("inf")),
    *("", "many", "x" * 10**6, "M" * 5000),
    *([], {}, [None], [1, 2], ["a"], [[]], [{}], [0] * 10_000, {"a": 1}, {"a": {}}),
    *(["re:("], ["re:(a+)+$"], ["re:" + ".?" * 100], ["re:x"] * 1000),
    nested(30),
    nested(500),
]
# Most of what a config says decides nothing here.
IRRELEVANT = ("token_id", "dropout", "id2label", "label2id", "auto_map", "initializer", "quantized_layers", "_mscale")

Keys = tuple[str, ...]


def paths(section: dict[str, Any], parents: Keys = ()) -> Iterator[Keys]:
    """Where the values of a config are that may decide something."""
    for name, value in section.items():
        if not any(word in name for word in IRRELEVANT):
            yield (*parents, name)
            if isinstance(value, dict):
                yield from paths(value, (*parents, name))


def changed(section: dict[str, Any], path: Keys, value: object) -> dict[str, Any]:
    """The same with another value there, or with none."""
    first, *rest = path
    if rest:
        return {**section, first: changed(section[first], tuple(rest), value)}
    if value is REMOVED:
        return {name: each for name, each in section.items() if name != first}
    return {**section, first: value}


@st.composite
def odd_configs(draw: st.DrawFn) -> dict[str, Any]:
    """A real config with one or two values that make no sense."""
    document = config(draw(st.sampled_from(config_names())))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(paths(document))))
        document = changed(document, path, draw(st.sampled_from(JUNK)))
    return document


@settings(max_examples=150)
@given(odd_configs())
def test_an_odd_config_gives_an_answer_or_one_sentence(document: dict[str, Any]) -> None:
    for attempt in (shape, facts_and_plans):
        try:
            attempt(document)
        except FactsError as error:
            require_sentence(error.message)


def facts_and_plans(document: dict[str, Any]) -> None:
    facts = offline_facts(SOURCE, "main", document).facts
    for wish in WISHES:
        answer = plan(wish, facts, NODES)
        if isinstance(answer, Refusal):
            require_sentence(answer.message)
        else:
            assert isinstance(answer, PlanStatus)


def require_sentence(message: str) -> None:
    assert "\n" not in message
    assert 10 < len(message) < 1000


@pytest.mark.parametrize("junk", [-1, "many", 10**400, nested(20)], ids=["minus", "word", "huge", "deep"])
@pytest.mark.parametrize(
    "name",
    [
        *("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings"),
        *("num_key_value_heads", "intermediate_size"),
    ],
)
def test_a_number_that_makes_no_sense_is_named(name: str, junk: object) -> None:
    with pytest.raises(FactsError, match=name):
        facts_and_plans(config("meta-llama__Llama-3.1-8B-Instruct") | {name: junk})


@pytest.mark.parametrize(
    ("name", "section"),
    [
        pytest.param("depth", {"vision_config": {"hidden_size": 64, "depth": 10**9}}, id="layers of a tower"),
        pytest.param("ignore", {"quantization_config": {"quant_method": "fp8", "ignore": 7}}, id="what is ignored"),
        pytest.param("(a+)+$", {"quantization_config": {"ignore": ["re:(a+)+$"]}}, id="an endless search"),
        pytest.param("'re:('", {"quantization_config": {"ignore": ["re:("]}}, id="no regular expression"),
        pytest.param("bits", {"quantization_config": {"quant_method": "gptq", "bits": "4"}}, id="bits"),
        pytest.param("layer_types", {"layer_types": ["full_attention"] * 5000}, id="a list of layers"),
        pytest.param("factor", {"rope_scaling": {"type": "linear", "factor": []}}, id="a factor"),
        pytest.param("torch_dtype", {"torch_dtype": "x" * 100}, id="a type"),
        pytest.param("block_configs", {"block_configs": [7]}, id="a block"),
        pytest.param("num_attention_heads", {"num_attention_heads": 10**6, "head_dim": None}, id="heads"),
        pytest.param("hidden_size, 1000000000", {"hidden_size": 10**9, "vocab_size": 10**8}, id="parameters"),
    ],
)
def test_what_makes_no_sense_in_a_section_is_named(name: str, section: dict[str, Any]) -> None:
    with pytest.raises(FactsError, match=re.escape(name)):
        shape(config("meta-llama__Llama-3.1-8B-Instruct") | section)


@st.composite
def halves(draw: st.DrawFn) -> bytes:
    """A real config.json that was cut off, or has something in it that does not belong there."""
    whole = json.dumps(config(draw(st.sampled_from(config_names())))).encode()
    cut = draw(st.integers(0, len(whole)))
    junk = draw(st.sampled_from([b"", b"\xff", b"}", b"null", b"\x00"]))
    return whole[:cut] + junk + (whole[cut:] if junk else b"")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(halves())
def test_half_a_file_is_an_answer_or_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], deployment: str, content: bytes
) -> None:
    file, spec = tmp_path / "config.json", tmp_path / "chat.yaml"
    file.write_bytes(content)
    spec.write_text(deployment.replace("Cpu", "Gpu"))
    status = main(["explain", str(spec), "--config", str(file), "--gpus", "H100:8", "-o", "json"])
    said = capsys.readouterr()
    assert status in (0, 1, 2)
    assert (status == 2, status == 2) == (said.out == "", said.err.count("\n") == 1)
    assert status != 2 or "config.json" in said.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("[" * 10_000, "cannot be read as JSON", id="nested without end"),
        pytest.param('{"a":' * 500 + "1" + "}" * 500, "a is nested more than 32 deep", id="nested deeply"),
        pytest.param('{"hidden_size": ' + "9" * 5000 + "}", "cannot be read as JSON", id="a number without end"),
        pytest.param(" " * 5_000_000, "is larger than 4,194,304 bytes", id="large"),
    ],
)
def test_a_file_that_would_take_forever_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], deployment: str, content: str, said: str
) -> None:
    file, spec = tmp_path / "config.json", tmp_path / "chat.yaml"
    file.write_text(content)
    spec.write_text(deployment)
    assert 2 == main(["explain", str(spec), "--config", str(file)])
    assert said in capsys.readouterr().err
