"""ModelScope's own client against the test hub."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from modelscope_hub.errors import FileDownloadError, NetworkError

from e2e.hub.repositories import MAIN_COMMIT, MEMBER_TOKEN, SMOLLM
from e2e.hub.server import Server
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage_runtime import modelscope
from tonnage_runtime.download import download
from tonnage_runtime.failures import Retryable, RuntimeFailure

FILES = ["config.json", "model.safetensors", "tokenizer_config.json"]
PUBLIC = f"HuggingFaceTB/{SMOLLM}"


def of(document: ServeDocument, hub: Server, name: str = PUBLIC, commit: str = MAIN_COMMIT) -> ServeDocument:
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    model = document.model.model_copy(
        update={"source": f"modelscope://{name}", "commit": commit, "hub_endpoint": endpoint}
    )
    limits = document.limits.model_copy(update={"start_deadline_seconds": 0})
    return document.model_copy(update={"model": model, "limits": limits})


def files(document: ServeDocument) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(document.model.path).iterdir()) if path.is_file()}


def test_exactly_the_needed_files_come(document: ServeDocument, hub: Server, model_folder: Path) -> None:
    wanted = of(document, hub)
    download(wanted, {}, port=0)
    assert {name: (model_folder / name).read_bytes() for name in FILES} == files(wanted)


def test_a_download_that_broke_off_goes_on_where_it_was(
    document: ServeDocument, hub: Server, model_folder: Path
) -> None:
    wanted = of(document, hub)
    weights = (model_folder / "model.safetensors").read_bytes()
    Path(wanted.model.path).mkdir(parents=True, exist_ok=True)
    Path(wanted.model.path, "model.safetensors.incomplete").write_bytes(weights[:1000])
    hub.sent_bytes.clear()
    download(wanted, {}, port=0)
    assert weights == files(wanted)["model.safetensors"]
    assert len(weights) - 1000 == hub.sent_bytes[f"{PUBLIC} model.safetensors"] - len("{}")


def test_what_is_there_is_not_read_again(document: ServeDocument, hub: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    download(of(document, hub), {}, port=0)
    monkeypatch.setattr(modelscope.HubApi, "download_repo", lambda *_, **__: pytest.fail("read again"))
    download(of(document, hub), {}, port=0)


def test_a_token_opens_a_private_model(document: ServeDocument, hub: Server) -> None:
    wanted = of(document, hub, f"private/{SMOLLM}")
    download(wanted, {"MODELSCOPE_API_TOKEN": MEMBER_TOKEN}, port=0)
    assert FILES == list(files(wanted))


REFUSALS = {
    "no such model": ("nobody/nothing", {}, MAIN_COMMIT, Reason.REVISION_NOT_FOUND),
    "private, no token": (f"private/{SMOLLM}", {}, MAIN_COMMIT, Reason.REVISION_NOT_FOUND),
    "wrong token": (PUBLIC, {"MODELSCOPE_API_TOKEN": "hf_wrong"}, MAIN_COMMIT, Reason.ACCESS_DENIED),
    "gated": (f"gated/{SMOLLM}", {}, MAIN_COMMIT, Reason.ACCESS_DENIED),
    "no such commit": (PUBLIC, {}, "f" * 40, Reason.REVISION_NOT_FOUND),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_has_its_reason_and_is_not_tried_again(
    document: ServeDocument, hub: Server, case: tuple[str, dict[str, str], str, Reason]
) -> None:
    name, environment, commit, reason = case
    with pytest.raises(RuntimeFailure) as caught:
        download(of(document, hub, name, commit), environment, port=0)
    assert not isinstance(caught.value, Retryable)
    assert reason == caught.value.reason
    assert "hf_" not in caught.value.message


FAILURES = {
    "a full disk": (OSError(errno.ENOSPC, "No space left on device"), Reason.DISK_FULL, False),
    "no answer": (NetworkError("Connection failed"), Reason.HUB_UNREACHABLE, True),
}


@pytest.mark.parametrize("case", FAILURES.values(), ids=FAILURES.keys())
def test_what_a_file_failed_of_is_what_the_pod_says(
    document: ServeDocument, hub: Server, monkeypatch: pytest.MonkeyPatch, case: tuple[BaseException, Reason, bool]
) -> None:
    error, reason, may_pass = case

    def failing(*_: object, **__: object) -> None:
        raise FileDownloadError("1 of 3 files failed", failed_files={"model.safetensors": error}, total=3)

    monkeypatch.setattr(modelscope.HubApi, "download_repo", failing)
    with pytest.raises(RuntimeFailure) as caught:
        download(of(document, hub), {}, port=0)
    assert (reason, may_pass) == (caught.value.reason, isinstance(caught.value, Retryable))


def test_no_bars_are_drawn_into_the_log_of_a_pod() -> None:
    # In a process of its own, as in a pod: the switch is read when the client is imported.
    program = "import sys, tonnage_runtime.modelscope as _; from tqdm import tqdm; sys.exit(not tqdm([]).disable)"
    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode


def test_modules_come_in_their_folders(document: ServeDocument, hub: Server) -> None:
    wanted = of(document, hub, "tiny/embedding")
    download(wanted, {}, port=0)
    assert b"pooling_mode_mean_tokens" in Path(wanted.model.path, "1_Pooling", "config.json").read_bytes()
