"""`tonnage explain`: which answer, in which form, with which exit status."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tonnage.cli import main
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device, ServeDocument
from tonnage.contract.status import PlanStatus, ReplicaBounds
from tonnage.facts.errors import FactsError


@pytest.fixture
def file(tmp_path: Path, deployment: str) -> Path:
    path = tmp_path / "chat.yaml"
    path.write_text(deployment)
    return path


@pytest.fixture
def show(file: Path, config: str, capsys: pytest.CaptureFixture[str]):
    """Explain the deployment with its config; the exit status and what was said."""

    def explained(*words: str) -> tuple[int, str, str]:
        status = main(["explain", str(file), *(words if "--config" in words else ("--config", config, *words))])
        said = capsys.readouterr()
        return status, said.out, said.err

    return explained


def test_a_plan_as_json_is_what_status_has(show) -> None:
    status, out, err = show("-o", "json")
    planned = json.loads(out)
    assert (0, "") == (status, err)
    assert planned == PlanStatus.model_validate(planned).to_json_object()


def test_yaml_says_the_same_as_json(show) -> None:
    _, as_json, _ = show("-o", "json")
    _, as_yaml, _ = show("-o", "yaml")
    assert json.loads(as_json) == yaml.safe_load(as_yaml)


def test_the_same_question_gets_the_same_answer_byte_for_byte(show) -> None:
    assert show("-o", "json") == show("-o", "json")


def test_the_serve_document_is_beside_the_plan(show) -> None:
    status, out, _ = show("-o", "json", "--serve-document", "--endpoint", "http://hub")
    answer = json.loads(out)
    document = ServeDocument.model_validate(answer["serveDocument"])
    plan = PlanStatus.model_validate(answer["plan"])
    assert 0 == status
    assert ("default", "chat", "chat", "http://hub", plan.context_length) == (
        document.namespace,
        document.deployment,
        document.model.served_name,
        document.model.hub_endpoint,
        document.engine.context_length,
    )


def test_a_table_shows_the_serve_document_too(show) -> None:
    assert '"schemaVersion": 1' in show("--serve-document")[1]


def test_a_refusal_is_an_answer(show, file: Path, deployment: str) -> None:
    file.write_text(deployment + "  serving:\n    contextLength: 4096\n")
    status, out, err = show("-o", "yaml")
    refusal = yaml.safe_load(out)
    assert (1, "") == (status, err)
    assert ({"reason", "message", "alternatives"}, "ContextTooLong") == (set(refusal), refusal["reason"])


def test_what_is_not_supported_is_refused_before_anything_is_read(show, file: Path, deployment: str) -> None:
    file.write_text(deployment + "  rollout:\n    strategy: Replace\n")
    status, out, _ = show("-o", "json", "--config", "/nowhere")
    assert (1, "NotYetSupported") == (status, json.loads(out)["reason"])


def test_targets_of_autoscaling_are_shown_though_the_operator_does_not_act_on_them_yet(
    show, file: Path, deployment: str
) -> None:
    file.write_text(deployment + "  scaling: {minReplicas: 2, maxReplicas: 5, targetUtilization: 50}\n")
    status, out, _ = show("-o", "json")
    planned = PlanStatus.model_validate(json.loads(out))
    assert (1, ReplicaBounds(min=2, max=5)) == (status, planned.replicas)
    assert planned.target_ongoing_requests == planned.max_num_seqs // 2
    _, page, _ = show()
    assert "2 to 5" in page
    assert "The operator does not act on this yet: spec.scaling: remove it" in " ".join(page.split())


def test_the_spec_comes_from_standard_input(
    config: str, deployment: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(deployment))
    assert 0 == main(["explain", "-", "--config", config])
    assert "chat" in capsys.readouterr().out


def test_each_deployment_of_a_file_is_explained_and_other_kinds_are_skipped(show, file: Path, deployment: str) -> None:
    second = deployment.replace("name: chat", "name: second") + "  serving: {contextLength: 4096}\n"
    file.write_text(f"---\nkind: Secret\n---\n{deployment}---\n---\n{second}")
    status, out, _ = show("-o", "yaml")
    first_plan, second_plan = yaml.safe_load_all(out)
    assert (1, "float32", "ContextTooLong") == (status, first_plan["dtype"], second_plan["reason"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("a: [", "is not YAML", id="broken"),
        pytest.param("", "holds no ModelDeployment, but nothing", id="empty"),
        pytest.param("kind: Secret", "holds no ModelDeployment, but Secret", id="another kind"),
        pytest.param("- 1", "holds no ModelDeployment, but no object", id="a list"),
        pytest.param("kind: ModelDeployment\napiVersion: v1", "apiVersion: 'v1' is not tonnage.dev/", id="version"),
        pytest.param(b"\xff\xfe", "cannot be read", id="not text"),
        pytest.param({"metadata": {}}, "metadata.name: Input should be a valid string", id="no name"),
        pytest.param({"metadata": "x"}, "metadata.name: Input should be a valid string", id="metadata of text"),
        pytest.param({"metadata": {"name": "A b"}}, "metadata.name: String should match", id="bad name"),
        pytest.param({"spec": None}, "spec: Input should be", id="no spec"),
        pytest.param({"spec": {}}, "spec.model: is missing", id="no model"),
        pytest.param(
            {"spec": {"model": {"source": "hf://a/b"}, "serving": {"contextLenght": 1}}},
            "spec.serving.contextLenght: there is no such field",
            id="misspelt",
        ),
        pytest.param(
            {"spec": {"model": {"source": "hf://a/b"}, "serving": {"contextLength": "4k"}}},
            "spec.serving.contextLength: Input should be a valid integer",
            id="wrong type",
        ),
        pytest.param({"spec": {"model": {"source": "gs://a"}}}, "spec.model.source 'gs://a' cannot be used", id="gs"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(show, file: Path, deployment: str, content: Any, said: str) -> None:
    if isinstance(content, dict):
        content = yaml.safe_dump(yaml.safe_load(deployment) | content)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    status, out, err = show()
    assert (2, "", 1) == (status, out, err.count("\n"))
    assert said in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "cannot be read: No such file", id="missing"),
        pytest.param("{", "cannot be read as JSON", id="truncated"),
        pytest.param("[]", "is not a JSON object", id="a list"),
        pytest.param("{}", "does not give the hidden size", id="empty"),
        pytest.param('{"hidden_size": "x" }', "hidden_size is 'x'", id="text for a number"),
    ],
)
def test_a_config_that_cannot_be_used_is_one_sentence(show, tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    status, out, err = show("--config", str(path))
    assert (2, "", 1) == (status, out, err.count("\n"))
    assert said in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--gpus", "H100:8,A100:2"), "'A100' is not the name of one GPU", id="ambiguous"),
        pytest.param(("--gpus", "NVIDIA-L4"), "is not PRODUCT:COUNT", id="no count"),
        pytest.param(("--gpus", "L4:0"), "is not PRODUCT:COUNT", id="none"),
        pytest.param(("--gpus", "L4:1", "--kubeconfig"), "not allowed with", id="two inventories"),
        pytest.param(("--weights-bytes", "7e9"), "is not a number of bytes", id="bytes"),
        pytest.param(("-o", "xml"), "invalid choice", id="form"),
    ],
)
def test_a_flag_that_makes_no_sense_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(file), *words])
    assert 2 == ended.value.code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "source", "said"),
    [
        pytest.param(["--weights-bytes", "1"], "hf://a/b", "goes with --config", id="weights without config"),
        pytest.param([], "pvc://claim/x", "can only be read in the cluster", id="claim without config"),
        pytest.param([], "s3://bucket/x", "can only be read in the cluster", id="bucket without config"),
    ],
)
def test_facts_that_nobody_can_read_are_asked_for(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str], source: str, said: str
) -> None:
    file.write_text(file.read_text().replace("hf://HuggingFaceTB/SmolLM-1.7B", source))
    assert 2 == main(["explain", str(file), *words])
    assert said in capsys.readouterr().err


def test_facts_come_from_the_hub_with_the_token_of_the_environment(
    file: Path, smollm2: ModelFacts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def hub_facts(source: Any, *rest: Any) -> ModelFacts:
        asked.extend([str(source), *rest])
        return smollm2

    monkeypatch.setattr("tonnage.cluster.sources.hubs.hub_facts", hub_facts)
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert 0 == main(["explain", str(file), "--endpoint", "http://hub", "-o", "json"])
    assert ["hf://HuggingFaceTB/SmolLM-1.7B", "main", "http://hub", "secret"] == asked
    assert 8192 == json.loads(capsys.readouterr().out)["contextLength"]


def test_a_hub_that_is_away_gives_no_answer(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def hub_facts(*_: Any) -> None:
        raise FactsError(Reason.HUB_UNREACHABLE, "the hub did not answer", is_permanent=False)

    monkeypatch.setattr("tonnage.cluster.sources.hubs.hub_facts", hub_facts)
    assert 2 == main(["explain", str(file)])
    assert ("", "tonnage explain: the hub did not answer\n") == tuple(capsys.readouterr())


def test_a_plan_for_gpus_is_made_for_the_nodes_that_are_stated(show, file: Path, deployment: str) -> None:
    file.write_text(deployment.replace("Cpu", "Gpu"))
    status, out, _ = show("-o", "json", "--gpus", "NVIDIA-L4:2,T4:1")
    planned = PlanStatus.model_validate_json(out)
    assert (0, Device.GPU, 1) == (status, planned.device, planned.gpus_per_replica)
    assert planned.gpu in ("L4", "T4")


def test_a_plan_for_gpus_asks_which_there_are(show, file: Path, deployment: str) -> None:
    file.write_text(deployment.replace("Cpu", "Gpu"))
    status, out, err = show()
    assert (2, "") == (status, out)
    assert "add --gpus" in err


def test_a_plan_from_a_local_config_needs_no_client_of_anything(file: Path, config: str) -> None:
    heavy = {"asyncio", "huggingface_hub", "jinja2", "kopf", "kubernetes"}
    program = (
        f"import sys; from tonnage.cli import main; main(sys.argv[1:]); sys.exit(repr({heavy} & set(sys.modules)))"
    )
    words = ["explain", str(file), "--config", config]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert "set()\n" == done.stderr
