"""ModelScope's own client and the operator, against the test hub: both must see the same models."""

from dataclasses import replace

import pytest
from modelscope_hub import HubApi, HubConfig
from modelscope_hub.errors import AuthenticationError, NotExistError, PermissionDeniedError

from e2e.hub import modelscope as protocol
from e2e.hub.files import File
from e2e.hub.repositories import MAIN_COMMIT, MEMBER_TOKEN, SMOLLM, STRANGER_TOKEN, V1_COMMIT
from tonnage.cluster.sources.hubs import hub_facts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task
from tonnage.facts.errors import FactsError
from tonnage.facts.source import parse_source

PUBLIC = f"HuggingFaceTB/{SMOLLM}"
WEIGHTS = "model.safetensors"


@pytest.fixture
def client(hub, tmp_path):
    def made(token: str = "") -> HubApi:
        return HubApi(
            HubConfig(endpoint=hub.endpoint, token=token, cache_dir=tmp_path / "c", config_dir=tmp_path / "h")
        )

    return made


def facts(hub, name=PUBLIC, revision="master", token=None):
    return hub_facts(parse_source(f"modelscope://{name}"), revision, hub.endpoint, token)


def test_the_client_lists_files_with_their_sizes_and_hashes(client, model):
    listed = {file.path: file for file in client().list_repo_files(PUBLIC, "model") if not file.is_dir}
    assert {path.name: path.stat().st_size for path in model.iterdir()} == {n: f.size for n, f in listed.items()}
    assert File.at(model / WEIGHTS).sha256 == listed[WEIGHTS].sha256


def test_the_client_downloads_every_byte_at_a_commit(client, model, tmp_path):
    client().download_repo(PUBLIC, "model", revision=V1_COMMIT, local_dir=tmp_path / "it")
    read = {path.name: path.read_bytes() for path in (tmp_path / "it").iterdir() if path.is_file()}
    assert {path.name: path.read_bytes() for path in model.iterdir()} == read


@pytest.mark.parametrize(
    ("name", "revision", "token", "error"),
    [
        pytest.param("nobody/nothing", "master", "", NotExistError, id="missing"),
        pytest.param(PUBLIC, "v9", "", NotExistError, id="missing revision"),
        pytest.param(f"private/{SMOLLM}", "master", STRANGER_TOKEN, NotExistError, id="private to a stranger"),
        pytest.param(PUBLIC, "master", "wrong", AuthenticationError, id="wrong token"),
    ],
)
def test_the_client_knows_the_refusals(client, name, revision, token, error):
    with pytest.raises(error):
        client(token).list_repo_files(name, "model", revision=revision)


def test_the_client_may_not_read_a_gated_file(client, tmp_path):
    with pytest.raises(PermissionDeniedError):
        client().download_file(f"gated/{SMOLLM}", "model", "config.json", local_dir=tmp_path)


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        pytest.param("master", MAIN_COMMIT, id="default branch"),
        pytest.param("v1", V1_COMMIT, id="other branch"),
        pytest.param(V1_COMMIT, V1_COMMIT, id="commit"),
    ],
)
def test_the_operator_resolves_a_revision_to_its_whole_commit(hub, revision, commit):
    read = facts(hub, revision=revision)
    assert (commit, revision) == (read.commit, read.requested_revision)


def test_both_hubs_give_the_same_facts_of_one_model(hub):
    here = facts(hub)
    there = hub_facts(parse_source(f"hf://{PUBLIC}"), "main", hub.endpoint)
    named = {"source": "", "requested_revision": "", "licence": None}
    assert there.model_copy(update=named) == here.model_copy(update=named)
    assert ("modelscope://" + PUBLIC, "Apache License 2.0") == (here.source, here.licence)


def test_of_the_weights_only_the_header_is_read(hub, model):
    facts(hub)
    assert 0 < hub.sent_bytes(f"{PUBLIC} {WEIGHTS}") <= 100_000 + 2 < (model / WEIGHTS).stat().st_size


def test_a_commit_that_changed_only_folders_is_found(hub, monkeypatch):
    def entry(name, file, commit):
        made = {"Path": name, "Type": "blob", "Size": file.size, "Revision": protocol.OLD_COMMIT}
        return {**made, "Revision": commit} if name == "assets/logo.png" else made

    monkeypatch.setattr(protocol, "_entry", entry)
    repository = hub.server.repositories[PUBLIC]
    hub.server.repositories[PUBLIC] = replace(repository, files={**repository.files, "assets/logo.png": File(1)})
    assert MAIN_COMMIT == facts(hub).commit


def test_a_commit_that_no_file_names_in_full_must_be_given(hub, monkeypatch):
    monkeypatch.setattr(protocol, "CHANGED_FILES", ())
    with pytest.raises(FactsError) as caught:
        facts(hub)
    assert (Reason.REVISION_NOT_FOUND, True) == (caught.value.reason, caught.value.is_permanent)
    assert MAIN_COMMIT[:8] in caught.value.message
    assert "set spec.model.revision to that commit in full" in caught.value.message


@pytest.mark.parametrize("access", ["private", "gated"])
def test_a_member_reads_what_others_may_not(hub, access):
    assert MAIN_COMMIT == facts(hub, f"{access}/{SMOLLM}", token=MEMBER_TOKEN).commit


@pytest.mark.parametrize(
    ("asked", "reason", "said"),
    [
        pytest.param(("nobody/nothing",), Reason.MODEL_NOT_FOUND, "tokenSecretRef", id="missing"),
        pytest.param((f"private/{SMOLLM}",), Reason.MODEL_NOT_FOUND, "is private", id="private"),
        pytest.param(
            (f"private/{SMOLLM}", "master", STRANGER_TOKEN), Reason.MODEL_NOT_FOUND, "the token", id="to a stranger"
        ),
        pytest.param((PUBLIC, "master", "wrong"), Reason.ACCESS_DENIED, "refused the token", id="wrong token"),
        pytest.param((f"gated/{SMOLLM}",), Reason.ACCESS_DENIED, "set spec.model.tokenSecretRef", id="gated"),
        pytest.param((PUBLIC, "v9"), Reason.REVISION_NOT_FOUND, "'v9'", id="missing revision"),
        pytest.param(("broken/pickle-only",), Reason.UNSAFE_WEIGHTS, "pickle", id="pickle only"),
        pytest.param(("broken/no-config",), Reason.UNUSABLE_CONFIG, "config.json", id="no config"),
    ],
)
def test_a_model_that_cannot_be_read_has_its_reason(hub, asked, reason, said):
    with pytest.raises(FactsError) as caught:
        facts(hub, *asked)
    assert (reason, True) == (caught.value.reason, caught.value.is_permanent)
    assert said in caught.value.message
    assert not {STRANGER_TOKEN, "wrong"} & set(caught.value.message.split())


def test_a_hub_that_is_away_is_worth_another_try(hub):
    hub.administer("away?seconds=60")
    with pytest.raises(FactsError) as caught:
        facts(hub)
    assert (Reason.HUB_UNREACHABLE, False) == (caught.value.reason, caught.value.is_permanent)
    assert f"the model hub {hub.endpoint} cannot be read now: HTTP 503" == caught.value.message


def test_all_reads_share_a_deadline(hub, monkeypatch):
    monkeypatch.setattr("tonnage.cluster.sources.repository.DEADLINE_SECONDS", -1.0)
    with pytest.raises(FactsError, match="the answers took longer than"):
        facts(hub)


def test_what_is_no_hub_is_said_to_be_none(hub, monkeypatch):
    monkeypatch.setattr(protocol, "_success", lambda wanted, _: protocol.document(200, wanted.subject, {"Data": []}))
    with pytest.raises(FactsError) as caught:
        facts(hub)
    assert (Reason.HUB_UNREACHABLE, False) == (caught.value.reason, caught.value.is_permanent)
    assert "did not answer as a model hub does" in caught.value.message


def test_an_embedding_models_modules_are_read(hub):
    read = facts(hub, "tiny/embedding")
    assert (Task.EMBED, "MEAN") == (read.task, read.pooling)
