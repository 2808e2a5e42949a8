"""A bucket, read as facts pods read it, against a store that checks signatures as AWS does."""

from dataclasses import replace

import pytest

from e2e.hub.answers import document
from e2e.hub.files import File
from e2e.hub.repositories import SMOLLM
from e2e.hub.s3 import KEY_ID, SECRET_KEY
from tonnage.cluster.sources import s3
from tonnage.cluster.sources.hubs import hub_facts
from tonnage.cluster.sources.s3 import Bucket, bucket_facts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task
from tonnage.facts.errors import FactsError
from tonnage.facts.source import parse_source

PUBLIC = f"HuggingFaceTB/{SMOLLM}"
PREFIX = f"s3://models/{PUBLIC}"
WEIGHTS = "model.safetensors"


def credentials(hub, **others):
    return {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_ENDPOINT_URL": hub.endpoint,
        **others,
    }


def facts(hub, source=PREFIX, **others):
    return bucket_facts(parse_source(source), "main", credentials(hub, **others))


def refused(hub, source=PREFIX, **others):
    with pytest.raises(FactsError) as caught:
        facts(hub, source, **others)
    assert SECRET_KEY not in caught.value.message
    return caught.value


def test_a_bucket_and_a_hub_give_the_same_facts_of_one_model(hub):
    there = hub_facts(parse_source(f"hf://{PUBLIC}"), "main", hub.endpoint)
    named = {"source": "", "commit": there.commit, "licence": None}
    assert there.model_copy(update=named) == facts(hub).model_copy(update=named)


def test_a_session_token_and_a_region_are_signed_too(hub):
    assert facts(hub).commit == facts(hub, AWS_SESSION_TOKEN="session", AWS_REGION="eu-west-3").commit


def test_a_public_bucket_needs_no_credentials(hub):
    read = bucket_facts(parse_source(f"s3://open/{PUBLIC}"), "main", {"AWS_ENDPOINT_URL": hub.endpoint})
    assert facts(hub).commit == read.commit


def test_of_the_weights_only_the_header_is_read(hub, model):
    facts(hub)
    assert 0 < hub.sent_bytes(f"s3 models/{PUBLIC}/{WEIGHTS}") <= 100_000 < (model / WEIGHTS).stat().st_size


def change(hub, name: str, file: File) -> None:
    repository = hub.server.repositories[PUBLIC]
    hub.server.repositories[PUBLIC] = replace(repository, files={**repository.files, name: file})


@pytest.mark.parametrize(
    ("name", "is_another"),
    [
        pytest.param("tokenizer_config.json", True, id="a file of the model"),
        pytest.param("modeling.py", True, id="code that nobody allowed"),
        pytest.param("README.md", False, id="what is not the model"),
        pytest.param("onnx/config.json", False, id="what is in a folder"),
    ],
)
def test_the_digest_is_of_what_the_model_is(hub, name, is_another):
    before = facts(hub).commit
    change(hub, name, File.of_text('{"another": 1}'))
    assert is_another == (facts(hub).commit != before)


def test_weights_of_the_same_size_are_another_model(hub, model, tmp_path):
    before = facts(hub).commit
    content = bytearray((model / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (tmp_path / WEIGHTS).write_bytes(content)
    change(hub, WEIGHTS, File.at(tmp_path / WEIGHTS))
    assert before != facts(hub).commit


def test_an_empty_object_is_read(hub):
    change(hub, "tokenizer_config.json", File(0))
    error = refused(hub)
    assert Reason.UNUSABLE_CONFIG == error.reason
    assert error.message.startswith(f"tokenizer_config.json of {PREFIX} cannot be read as JSON")


def test_what_changes_while_it_is_read_is_worth_another_try(hub):
    bucket = Bucket(parse_source(PREFIX), credentials(hub))
    listing = bucket.listing()
    change(hub, "config.json", File.of_text("{}"))
    with pytest.raises(FactsError) as caught, bucket.errors():
        bucket.read(listing.commit, "config.json", 100)
    assert (Reason.MODEL_CHANGED, False) == (caught.value.reason, caught.value.is_permanent)


@pytest.mark.parametrize(
    ("source", "others", "reason", "said"),
    [
        pytest.param("s3://nothing/a", {}, Reason.MODEL_NOT_FOUND, "there is no bucket 'nothing'", id="no bucket"),
        pytest.param("s3://models/a", {}, Reason.MODEL_NOT_FOUND, "s3://models/a holds no objects", id="no prefix"),
        pytest.param("s3://models/HuggingFaceTB", {}, Reason.MODEL_NOT_FOUND, "holds no objects", id="only folders"),
        pytest.param(
            PREFIX, {"AWS_ACCESS_KEY_ID": ""}, Reason.ACCESS_DENIED, "set spec.model.credentialsS", id="nobody"
        ),
        pytest.param(
            PREFIX, {"AWS_ACCESS_KEY_ID": "AKIAOTHER"}, Reason.ACCESS_DENIED, "(InvalidAccessKeyId)", id="unknown key"
        ),
        pytest.param(
            PREFIX, {"AWS_SECRET_ACCESS_KEY": "x"}, Reason.ACCESS_DENIED, "(SignatureDoesNotMatch)", id="wrong key"
        ),
        pytest.param(PREFIX, {"AWS_ENDPOINT_URL": "nowhere"}, Reason.INVALID_SPEC, "nowhere", id="no address"),
        pytest.param("s3://models/broken/no-config", {}, Reason.UNUSABLE_CONFIG, "config.json", id="no config"),
        pytest.param("s3://models/broken/pickle-only", {}, Reason.UNSAFE_WEIGHTS, "pickle", id="pickle only"),
    ],
)
def test_a_model_that_cannot_be_read_has_its_reason(hub, source, others, reason, said):
    error = refused(hub, source, **others)
    assert (reason, True) == (error.reason, error.is_permanent)
    assert said in error.message


def test_a_prefix_of_many_models_is_refused(hub, monkeypatch):
    monkeypatch.setattr(s3, "_MAX_OBJECTS", 3)
    assert "holds more than 3 objects: give the prefix of one model" in refused(hub).message


def test_more_objects_than_a_page_holds_are_all_listed(hub):
    repository = hub.server.repositories[PUBLIC]
    many = {f"extra-{number:04}.txt": File.of_text("x") for number in range(2100)}
    hub.server.repositories[PUBLIC] = replace(repository, files={**repository.files, **many})
    assert len(repository.files) + 2100 == len(Bucket(parse_source(PREFIX), credentials(hub)).listing().sizes)


def test_a_store_that_is_away_is_worth_another_try(hub):
    hub.administer("away?seconds=60")
    error = refused(hub)
    assert (Reason.HUB_UNREACHABLE, False) == (error.reason, error.is_permanent)
    assert f"the object store {hub.endpoint} cannot be read now: HTTP 503" in error.message


def test_a_store_that_is_nowhere_is_worth_another_try(hub):
    error = refused(hub, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert (Reason.HUB_UNREACHABLE, False) == (error.reason, error.is_permanent)


def test_all_reads_share_a_deadline(hub, monkeypatch):
    monkeypatch.setattr("tonnage.cluster.sources.repository.DEADLINE_SECONDS", -1.0)
    assert "the answers took longer than" in refused(hub).message


def test_what_is_no_store_is_said_to_be_none(hub, monkeypatch):
    monkeypatch.setattr("e2e.hub.s3._listing", lambda subject, *_: document(200, subject, {}))
    error = refused(hub)
    assert (Reason.HUB_UNREACHABLE, False) == (error.reason, error.is_permanent)


def test_an_embedding_models_modules_are_read(hub):
    read = facts(hub, "s3://models/tiny/embedding")
    assert (Task.EMBED, "MEAN") == (read.task, read.pooling)
