"""S3's own client against a store that checks signatures, ranges and ETags."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from e2e.hub.files import File
from e2e.hub.repositories import SMOLLM
from e2e.hub.s3 import KEY_ID, SECRET_KEY
from e2e.hub.server import Server
from tonnage.cluster.sources.s3 import bucket_facts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage.facts.source import parse_source
from tonnage_runtime import s3
from tonnage_runtime.download import download
from tonnage_runtime.failures import Retryable, RuntimeFailure

FILES = ["config.json", "model.safetensors", "tokenizer_config.json"]
PUBLIC = f"HuggingFaceTB/{SMOLLM}"
WEIGHTS = "model.safetensors"


@pytest.fixture
def credentials(hub: Server) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{hub.server_port}",
    }


@pytest.fixture
def planned(document: ServeDocument, credentials: dict[str, str]) -> ServeDocument:
    source = f"s3://models/{PUBLIC}"
    facts = bucket_facts(parse_source(source), "main", credentials)
    model = document.model.model_copy(update={"source": source, "commit": facts.commit})
    limits = document.limits.model_copy(update={"start_deadline_seconds": 0})
    return document.model_copy(update={"model": model, "limits": limits})


def change(hub: Server, name: str, file: File) -> None:
    repository = hub.repositories[PUBLIC]
    hub.repositories = {**hub.repositories, PUBLIC: replace(repository, files={**repository.files, name: file})}


def files(document: ServeDocument) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(document.model.path).iterdir()) if path.is_file()}


def test_exactly_the_needed_objects_come(
    planned: ServeDocument, credentials: dict[str, str], model_folder: Path
) -> None:
    download(planned, credentials, port=0)
    assert {name: (model_folder / name).read_bytes() for name in FILES} == files(planned)


def test_code_comes_where_it_is_allowed(planned: ServeDocument, hub: Server, credentials: dict[str, str]) -> None:
    change(hub, "modeling.py", File.of_text("pass"))
    commit = bucket_facts(parse_source(planned.model.source), "main", credentials).commit
    allowed = planned.model_copy(
        update={
            "model": planned.model.model_copy(update={"commit": commit}),
            "engine": planned.engine.model_copy(update={"trust_remote_code": True}),
        }
    )
    download(allowed, credentials, port=0)
    assert [*FILES[:1], WEIGHTS, "modeling.py", *FILES[2:]] == list(files(allowed))


def test_a_public_bucket_needs_no_credentials(
    planned: ServeDocument, credentials: dict[str, str], model_folder: Path
) -> None:
    model = planned.model.model_copy(update={"source": f"s3://open/{PUBLIC}"})
    download(planned.model_copy(update={"model": model}), {"AWS_ENDPOINT_URL": credentials["AWS_ENDPOINT_URL"]}, port=0)
    assert (model_folder / WEIGHTS).read_bytes() == files(planned)[WEIGHTS]


def test_a_download_that_broke_off_goes_on_where_it_was(
    planned: ServeDocument, hub: Server, credentials: dict[str, str], model_folder: Path
) -> None:
    weights = (model_folder / WEIGHTS).read_bytes()
    Path(planned.model.path).mkdir(parents=True, exist_ok=True)
    Path(planned.model.path, f".{WEIGHTS}.partial").write_bytes(weights[:1000])
    hub.sent_bytes.clear()
    download(planned, credentials, port=0)
    assert weights == files(planned)[WEIGHTS]
    assert len(weights) - 1000 == hub.sent_bytes[f"s3 models/{PUBLIC}/{WEIGHTS}"]


def test_what_is_there_is_not_read_again(planned: ServeDocument, hub: Server, credentials: dict[str, str]) -> None:
    download(planned, credentials, port=0)
    hub.sent_bytes.clear()
    download(planned, credentials, port=0)
    assert not [subject for subject in hub.sent_bytes if WEIGHTS in subject]


def test_an_empty_object_comes_too(
    planned: ServeDocument, hub: Server, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(hub, "vocab.txt", File(0))
    monkeypatch.setattr(s3, "objects_digest", lambda _: planned.model.commit)
    download(planned, credentials, port=0)
    assert b"" == files(planned)["vocab.txt"]


def test_objects_changed_since_the_plan_are_not_downloaded(
    planned: ServeDocument, hub: Server, credentials: dict[str, str]
) -> None:
    change(hub, "config.json", File.of_text("{}"))
    hub.sent_bytes.clear()
    with pytest.raises(RuntimeFailure) as caught:
        download(planned, credentials, port=0)
    assert (Reason.MODEL_CHANGED, False) == (caught.value.reason, isinstance(caught.value, Retryable))
    assert f"the objects of s3://models/{PUBLIC} are no longer those that were planned" in caught.value.message
    assert "set spec.model.source" in caught.value.message
    assert not [subject for subject in hub.sent_bytes if WEIGHTS in subject]


def test_an_object_changed_during_the_download_is_not_taken(
    planned: ServeDocument, hub: Server, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = s3.Bucket.sizes

    def then_changed(bucket: s3.Bucket) -> dict[str, int]:
        sizes = listed(bucket)
        change(hub, "config.json", File.of_text("{}"))
        return sizes

    monkeypatch.setattr(s3.Bucket, "sizes", then_changed)
    with pytest.raises(RuntimeFailure, match="PreconditionFailed") as caught:
        download(planned, credentials, port=0)
    assert Reason.MODEL_CHANGED == caught.value.reason
    assert "config.json" not in files(planned)


REFUSALS = {
    "no credentials": ({"AWS_ACCESS_KEY_ID": ""}, Reason.ACCESS_DENIED),
    "wrong key": ({"AWS_SECRET_ACCESS_KEY": "wrong"}, Reason.ACCESS_DENIED),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_has_its_reason_and_is_not_tried_again(
    planned: ServeDocument, credentials: dict[str, str], case: tuple[dict[str, str], Reason]
) -> None:
    others, reason = case
    with pytest.raises(RuntimeFailure) as caught:
        download(planned, {**credentials, **others}, port=0)
    assert (reason, False) == (caught.value.reason, isinstance(caught.value, Retryable))


def test_a_bucket_that_has_gone_is_named(planned: ServeDocument, credentials: dict[str, str]) -> None:
    model = planned.model.model_copy(update={"source": "s3://gone/model"})
    with pytest.raises(RuntimeFailure, match="s3://gone/model cannot be read: NoSuchBucket"):
        download(planned.model_copy(update={"model": model}), credentials, port=0)


def test_a_store_that_is_away_is_a_failure_that_waiting_may_mend(
    planned: ServeDocument, credentials: dict[str, str]
) -> None:
    with pytest.raises(Retryable) as caught:
        download(planned, {**credentials, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, port=0)
    assert Reason.HUB_UNREACHABLE == caught.value.reason


def test_a_full_disk_is_named(
    planned: ServeDocument, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(s3.Bucket, "_download", full)
    with pytest.raises(RuntimeFailure) as caught:
        download(planned, credentials, port=0)
    assert Reason.DISK_FULL == caught.value.reason


def test_modules_come_in_their_folders(planned: ServeDocument, credentials: dict[str, str]) -> None:
    source = "s3://models/tiny/embedding"
    commit = bucket_facts(parse_source(source), "main", credentials).commit
    model = planned.model.model_copy(update={"source": source, "commit": commit})
    download(planned.model_copy(update={"model": model}), credentials, port=0)
    assert b"pooling_mode_mean_tokens" in Path(model.path, "1_Pooling", "config.json").read_bytes()
