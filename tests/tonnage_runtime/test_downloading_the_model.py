"""The real hub client against the test hub."""

import errno
import json
import urllib.request
from pathlib import Path

import httpx2
import pytest

from e2e.hub.repositories import MAIN_COMMIT, MEMBER_TOKEN, SMOLLM
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage_runtime import huggingface
from tonnage_runtime.download import download, with_retries
from tonnage_runtime.failures import Retryable, RuntimeFailure
from tonnage_runtime.huggingface import HuggingFace
from tonnage_runtime.progress import Progress, report_progress

FILES = ["config.json", "model.safetensors", "tokenizer_config.json"]


def of(document: ServeDocument, endpoint: str, name: str, commit: str = MAIN_COMMIT) -> ServeDocument:
    model = document.model.model_copy(
        update={"source": f"hf://{name}", "commit": commit, "hub_endpoint": endpoint, "download_bytes": 100}
    )
    limits = document.limits.model_copy(update={"start_deadline_seconds": 0})
    return document.model_copy(update={"model": model, "limits": limits})


def files(document: ServeDocument) -> list[str]:
    return sorted(path.name for path in Path(document.model.path).iterdir() if path.is_file())


def test_exactly_the_needed_files_come(document: ServeDocument, endpoint: str) -> None:
    wanted = of(document, endpoint, f"HuggingFaceTB/{SMOLLM}")
    download(wanted, {}, port=0)
    assert FILES == files(wanted)


def test_what_is_there_is_not_read_again(
    document: ServeDocument, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = of(document, endpoint, f"HuggingFaceTB/{SMOLLM}")
    download(wanted, {}, port=0)
    monkeypatch.setattr(huggingface, "snapshot_download", lambda *_, **__: pytest.fail("read again"))
    download(wanted, {}, port=0)


def test_a_mounted_model_is_left_alone(document: ServeDocument) -> None:
    model = document.model.model_copy(update={"source": "pvc://claim/model"})
    download(document.model_copy(update={"model": model}), {}, port=0)


def test_a_token_opens_a_private_model(document: ServeDocument, endpoint: str) -> None:
    wanted = of(document, endpoint, f"private/{SMOLLM}")
    download(wanted, {"HF_TOKEN": MEMBER_TOKEN}, port=0)
    assert FILES == files(wanted)


REFUSALS = {
    "no such model": ("nobody/nothing", {}, MAIN_COMMIT, Reason.MODEL_NOT_FOUND),
    "private, no token": (f"private/{SMOLLM}", {}, MAIN_COMMIT, Reason.MODEL_NOT_FOUND),
    "wrong token": (f"private/{SMOLLM}", {"HF_TOKEN": "hf_wrong"}, MAIN_COMMIT, Reason.ACCESS_DENIED),
    "gated": (f"gated/{SMOLLM}", {}, MAIN_COMMIT, Reason.GATED_MODEL),
    "no such commit": (f"HuggingFaceTB/{SMOLLM}", {}, "f" * 40, Reason.REVISION_NOT_FOUND),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_has_its_reason_and_is_not_tried_again(
    document: ServeDocument, endpoint: str, case: tuple[str, dict[str, str], str, Reason]
) -> None:
    name, environment, commit, reason = case
    with pytest.raises(RuntimeFailure) as caught:
        download(of(document, endpoint, name, commit), environment, port=0)
    assert not isinstance(caught.value, Retryable)
    assert reason == caught.value.reason
    assert "hf_" not in caught.value.message


def test_a_hub_that_is_away_is_a_failure_that_waiting_may_mend(
    document: ServeDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise httpx2.ConnectError("connection refused")

    # In place of the client's own tries, which take half a minute.
    monkeypatch.setattr(huggingface.HfApi, "list_repo_tree", away)
    with pytest.raises(Retryable) as caught:
        download(of(document, "http://hub.invalid", f"HuggingFaceTB/{SMOLLM}"), {}, port=0)
    assert Reason.HUB_UNREACHABLE == caught.value.reason


def test_a_full_disk_is_named(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface, "snapshot_download", full)
    repository = HuggingFace(f"HuggingFaceTB/{SMOLLM}", MAIN_COMMIT, endpoint, token=None, with_code=False)
    with pytest.raises(RuntimeFailure) as caught:
        repository.download(FILES, tmp_path)
    assert Reason.DISK_FULL == caught.value.reason


def test_a_half_filled_folder_is_not_a_model(
    document: ServeDocument, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface, "snapshot_download", lambda *_, **__: None)
    with pytest.raises(Retryable, match=r"3 files .* are missing or too short, config\.json for one"):
        download(of(document, endpoint, f"HuggingFaceTB/{SMOLLM}"), {}, port=0)


def test_a_hub_that_is_away_for_a_minute_is_waited_for() -> None:
    pauses: list[float] = []

    def attempt() -> None:
        if sum(pauses) < 60:
            raise Retryable(Reason.HUB_UNREACHABLE, "away")

    with_retries(attempt, 900, sleep=pauses.append)
    assert [1, 2, 4, 8, 16, 30] == pauses


def test_waiting_for_the_hub_ends_with_the_start_deadline() -> None:
    pauses: list[float] = []

    def attempt() -> None:
        raise Retryable(Reason.HUB_UNREACHABLE, "away")

    with pytest.raises(Retryable):
        with_retries(attempt, 10, sleep=pauses.append)
    assert 15 == sum(pauses)


def test_progress_counts_unfinished_files_and_never_passes_the_whole(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.incomplete").write_bytes(bytes(30))
    (tmp_path / "b").write_bytes(bytes(40))
    assert 70 == Progress(tmp_path, 100).done_bytes()
    assert 50 == Progress(tmp_path, 50).done_bytes()
    assert 0 == Progress(tmp_path / "not-there-yet", 50).done_bytes()


def test_progress_is_answered_over_http(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(40))
    with report_progress(Progress(tmp_path, 100), 0) as port:
        body = urllib.request.urlopen(f"http://127.0.0.1:{port}/progress", timeout=5).read()
    assert {"doneBytes": 40, "totalBytes": 100} == json.loads(body)
