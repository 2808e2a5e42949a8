"""The report of `tonnage facts`, as the facts pod's termination message."""

import json
from pathlib import Path
from typing import Any

import pytest

from tonnage.cli import facts, main
from tonnage.contract.model_facts import FactsReport
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 512,
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    return folder


def report(tmp_path: Path, folder: Path, source: str = "pvc://claim/model") -> FactsReport:
    output = tmp_path / "report"
    assert 0 == main(["facts", "--source", source, "--folder", str(folder), "--output", str(output)])
    assert output.stat().st_size < 4096
    return FactsReport.model_validate_json(output.read_text())


def test_a_folder_is_read(tmp_path: Path, model: Path) -> None:
    read = report(tmp_path, model).facts
    assert read is not None
    assert ("pvc://claim/model", "main", 4, 16) == (
        read.source,
        read.requested_revision,
        read.parameters,
        read.weights_bytes,
    )


def test_all_that_a_folder_tells_of_its_model_is_reported(tmp_path: Path, model: Path) -> None:
    (model / "README.md").write_text("---\nlicense: mit\nlanguage: [en, de]\npipeline_tag: text-generation\n---\n")
    (model / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    (model / "chat_template.jinja").write_text("{% if tools %}{{ tools }}{% endif %}")
    (model / "sentence_bert_config.json").write_text('{"max_seq_length": 256, "do_lower_case": false}')
    read = report(tmp_path, model).facts
    assert read is not None
    assert ("mit", ["en", "de"], "text-generation") == (read.licence, read.languages, read.hub_task)
    assert (True, True, 256) == (read.has_chat_template, read.handles_tools, read.max_context_length)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, (False, None), id="none"),
        pytest.param({"tokenizer_config.json": '{"chat_template": "{{ x }}"}'}, (True, False), id="tokenizer's config"),
        pytest.param({"chat_template.json": '{"chat_template": "{{ tools }}"}'}, (True, True), id="a file of JSON"),
        pytest.param({"chat_template.jinja": "{{ tools }}"}, (True, True), id="a file"),
        pytest.param({"chat_template.jinja": "{% if %}"}, (True, None), id="one that nobody can read"),
        pytest.param({"chat_template.jinja": "{{ tools }}" + 2**18 * " "}, (True, None), id="a long one"),
        pytest.param({"chat_template.jinja": ""}, (False, None), id="an empty one"),
    ],
)
def test_a_chat_template_is_found_where_transformers_looks_for_it(
    tmp_path: Path, model: Path, files: dict[str, str], expected: tuple[bool, bool | None]
) -> None:
    for name, text in files.items():
        (model / name).write_text(text)
    read = report(tmp_path, model).facts
    assert read is not None
    assert expected == (read.has_chat_template, read.handles_tools)


# Leaves the message a few hundred bytes.
LARGE = {"ignore": [f"{number * 7919 % 999983:x}" for number in range(680)]}


@pytest.mark.parametrize(
    ("card", "config", "expected"),
    [
        pytest.param({"language": [f"l{n}" for n in range(32)]}, {}, (True, True), id="room for all"),
        pytest.param(
            {"language": [f"language-{n}-x" for n in range(32)]},
            LARGE,
            (True, False),
            id="the config rather than the languages",
        ),
        pytest.param(
            {"language": ["en"]},
            {"ignore": [f"{n * 7919 % 999983:x}" for n in range(3000)]},
            (False, True),
            id="no room for the config",
        ),
    ],
)
def test_what_has_no_room_in_the_message_is_left_out_of_it(
    tmp_path: Path, model: Path, card: dict[str, Any], config: dict[str, Any], expected: tuple[bool, bool]
) -> None:
    (model / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n")
    (model / "config.json").write_text(json.dumps(CONFIG | {"quantization_config": config}))
    read = report(tmp_path, model).facts
    assert read is not None
    assert expected == (bool(read.config), bool(read.languages))
    assert 4 == read.parameters


def test_facts_that_cannot_fit_are_a_failure(tmp_path: Path, model: Path) -> None:
    long = {"architectures": ["\x01" * 256], "quantization_config": {"quant_method": "\x01" * 256}, "vocab_size": 10}
    noise = {"rope_scaling": {"type": "\x01" * 64, "factor": 2}}
    source = "pvc://claim/" + "m" * 240
    header = json.dumps({"a": {"dtype": "\x01" * 200, "shape": [4], "data_offsets": [0, 16]}}).encode()
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    (model / "config.json").write_text(json.dumps(CONFIG | long | noise))
    failure = report(tmp_path, model, source).failure
    assert failure is not None
    assert "are too long" in failure.message


def test_the_same_folder_is_the_same_model_and_another_config_another(tmp_path: Path, model: Path) -> None:
    first, second = report(tmp_path, model).facts, report(tmp_path, model).facts
    (model / "config.json").write_text(json.dumps(CONFIG | {"rope_theta": 1}))
    third = report(tmp_path, model).facts
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.commit == second.commit
    assert first.commit != third.commit


@pytest.mark.parametrize(
    ("source", "folder", "reason"),
    [
        pytest.param("pvc://claim/model", "missing", Reason.VOLUME_NOT_FOUND, id="no folder"),
        pytest.param("pvc://claim/model", "report-is-a-file", Reason.VOLUME_NOT_FOUND, id="a file"),
        pytest.param("gs://x", "model", Reason.INVALID_SPEC, id="bad source"),
    ],
)
def test_a_failure_is_a_report_too(tmp_path: Path, model: Path, source: str, folder: str, reason: Reason) -> None:
    (tmp_path / "report-is-a-file").touch()
    failure = report(tmp_path, tmp_path / folder, source).failure
    assert failure is not None
    assert reason == failure.reason


def test_a_long_message_is_cut_so_that_the_report_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def long_failure(*_: Any) -> None:
        raise FactsError(Reason.HUB_UNREACHABLE, "\x00ß" * 5000, is_permanent=False)

    monkeypatch.setattr(facts, "hub_facts", long_failure)
    assert report(tmp_path, tmp_path, "hf://org/name").failure is not None


@pytest.mark.parametrize(
    ("source", "token", "endpoint", "revision"),
    [
        pytest.param("hf://org/name", "HF_TOKEN", "HF_ENDPOINT", "main", id="Hugging Face"),
        pytest.param("modelscope://org/name", "MODELSCOPE_API_TOKEN", "MODELSCOPE_ENDPOINT", "master", id="ModelScope"),
    ],
)
def test_a_hub_is_read_with_the_token_of_the_environment(  # noqa: PLR0913, PLR0917 # a row of a table
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, token: str, endpoint: str, revision: str
) -> None:
    seen: list[Any] = []

    def hub_facts(*arguments: Any) -> None:
        seen.extend(arguments)
        raise FactsError(Reason.GATED_MODEL, "gated", is_permanent=True)

    monkeypatch.setattr(facts, "hub_facts", hub_facts)
    monkeypatch.setenv(token, "secret")
    monkeypatch.setenv(endpoint, "http://hub")
    failure = report(tmp_path, tmp_path, source).failure
    assert failure is not None
    assert [revision, "http://hub", "secret"] == seen[1:]


def test_a_bucket_is_read_with_the_credentials_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    failure = report(tmp_path, tmp_path, "s3://bucket/model").failure
    assert failure is not None
    assert (Reason.HUB_UNREACHABLE, False) == (failure.reason, failure.is_permanent)
    assert "the object store http://127.0.0.1:1 cannot be read now" in failure.message


def test_without_a_file_the_report_is_printed(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["facts", "--source", "pvc://claim", "--folder", str(model)])
    assert "pvc://claim" == json.loads(capsys.readouterr().out)["facts"]["source"]


def test_an_unknown_command_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "facts" in capsys.readouterr().err
