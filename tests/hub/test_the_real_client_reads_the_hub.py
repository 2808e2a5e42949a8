"""huggingface_hub's own client, which the runtime's pods use, against the test hub."""

import time
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from e2e.hub.repositories import MAIN_COMMIT, MEMBER_TOKEN, SMOLLM, STRANGER_TOKEN, V1_COMMIT

PUBLIC = f"HuggingFaceTB/{SMOLLM}"
PRIVATE = f"private/{SMOLLM}"
GATED = f"gated/{SMOLLM}"
WEIGHTS = "model.safetensors"


@pytest.fixture
def api(hub):
    return HfApi(endpoint=hub.endpoint, token=False)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))


def test_the_info_of_a_model_names_its_commit_files_and_sizes(api, model):
    info = api.model_info(PUBLIC, files_metadata=True)
    assert MAIN_COMMIT == info.sha
    assert {path.name: path.stat().st_size for path in model.iterdir()} == {f.rfilename: f.size for f in info.siblings}
    assert "apache-2.0" == info.card_data.license
    assert "license:apache-2.0" in info.tags
    assert (False, False) == (info.private, info.gated)


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        pytest.param("main", MAIN_COMMIT, id="main"),
        pytest.param("v1", V1_COMMIT, id="other branch"),
        pytest.param(V1_COMMIT, V1_COMMIT, id="commit"),
    ],
)
def test_a_revision_is_resolved_to_its_commit(api, revision, commit):
    assert commit == api.model_info(PUBLIC, revision=revision).sha


def test_a_snapshot_of_a_commit_has_the_wanted_files_byte_by_byte(hub, api, model, tmp_path):
    api.snapshot_download(
        PUBLIC, revision=V1_COMMIT, local_dir=tmp_path / "it", allow_patterns=["*.json", WEIGHTS], token=False
    )
    read = {path.name: path.read_bytes() for path in (tmp_path / "it").iterdir() if path.is_file()}
    assert {path.name: path.read_bytes() for path in model.iterdir() if path.name != "README.md"} == read
    assert 0 == hub.sent_bytes(f"{PUBLIC} README.md")


def test_a_whole_snapshot_lands_in_the_cache(api, model):
    folder = Path(api.snapshot_download(PUBLIC, token=False))
    assert MAIN_COMMIT == folder.name
    assert {path.name for path in model.iterdir()} == {path.name for path in folder.iterdir()}


def test_a_download_that_broke_off_goes_on_where_it_was(hub, model, tmp_path):
    whole = (model / WEIGHTS).read_bytes()
    url = hf_hub_url(PUBLIC, WEIGHTS, revision=MAIN_COMMIT, endpoint=hub.endpoint)
    answers = [httpx2.get(url, headers={"Range": f"bytes={part}"}) for part in ("0-999", "1000-", "-7")]
    assert [206, 206, 206] == [answer.status_code for answer in answers]
    assert whole == answers[0].content + answers[1].content
    assert whole[-7:] == answers[2].content
    assert f"bytes 0-999/{len(whole)}" == answers[0].headers["Content-Range"]


def test_a_range_behind_the_end_cannot_be_had(hub):
    url = hf_hub_url(PUBLIC, "config.json", endpoint=hub.endpoint)
    assert 416 == httpx2.get(url, headers={"Range": "bytes=1000000-"}).status_code


def test_the_headers_of_weights_are_read_without_weights(api):
    found = api.get_safetensors_metadata(PUBLIC)
    assert {"BF16": 100 * 64 * 2 + 64 + 2 * (64 * (64 + 32 + 32 + 64 + 3 * 128) + 2 * 64)} == found.parameter_count


def test_70_billion_parameters_are_declared_and_nothing_is_stored(hub, api):
    sizes = [file.size for file in api.model_info("large/Llama-70B", files_metadata=True).siblings]
    assert 70_553_706_496 == sum(api.get_safetensors_metadata("large/Llama-70B").parameter_count.values())
    assert 141e9 < sum(sizes) < 141.2e9
    # Of each of its 30 files the client reads the first 100 kB.
    assert 4_000_000 > sum(hub.administer("requests")["sent_bytes"].values())


@pytest.mark.parametrize("token", [pytest.param(False, id="no token"), pytest.param(STRANGER_TOKEN, id="stranger")])
@pytest.mark.parametrize("repository", ["nobody/nothing", PRIVATE])
def test_missing_and_private_models_look_the_same(api, repository, token):
    with pytest.raises(RepositoryNotFoundError) as caught:
        api.model_info(repository, token=token)
    assert (404 if token else 401) == caught.value.response.status_code


@pytest.mark.parametrize("repository", [PUBLIC, PRIVATE, "nobody/nothing"])
def test_a_wrong_token_is_refused_even_for_public_models(api, repository):
    with pytest.raises(HfHubHTTPError, match="Invalid credentials") as caught:
        api.model_info(repository, token="hf_e2e_wrong")
    assert (401, HfHubHTTPError) == (caught.value.response.status_code, type(caught.value))


def test_a_member_reads_a_private_model(api, model, tmp_path):
    assert api.model_info(PRIVATE, token=MEMBER_TOKEN).private
    path = api.hf_hub_download(PRIVATE, WEIGHTS, local_dir=tmp_path / "it", token=MEMBER_TOKEN)
    assert (model / WEIGHTS).read_bytes() == Path(path).read_bytes()


@pytest.mark.parametrize(
    ("token", "status"), [pytest.param(False, 401, id="no token"), pytest.param(STRANGER_TOKEN, 403, id="stranger")]
)
def test_a_gated_model_is_seen_and_its_files_are_not(api, tmp_path, token, status):
    assert "manual" == api.model_info(GATED, token=token).gated
    with pytest.raises(GatedRepoError) as caught:
        api.hf_hub_download(GATED, "config.json", local_dir=tmp_path / "it", token=token)
    assert status == caught.value.response.status_code


def test_a_member_reads_a_gated_model(api, tmp_path):
    assert Path(api.hf_hub_download(GATED, "config.json", local_dir=tmp_path, token=MEMBER_TOKEN)).exists()


def test_unknown_revisions_and_files_are_told_apart(api, tmp_path):
    with pytest.raises(RevisionNotFoundError):
        api.model_info(PUBLIC, revision="v9")
    with pytest.raises(RevisionNotFoundError):
        api.hf_hub_download(PUBLIC, "config.json", revision="v9", local_dir=tmp_path, token=False)
    with pytest.raises(RemoteEntryNotFoundError):
        api.hf_hub_download(PUBLIC, "nothing.json", local_dir=tmp_path, token=False)


def test_a_moved_branch_names_another_commit_and_the_old_one_stays(hub, api):
    hub.administer(f"branch?repo={PUBLIC}&branch=main&commit={'a' * 40}")
    assert "a" * 40 == api.model_info(PUBLIC).sha
    assert MAIN_COMMIT == api.model_info(PUBLIC, revision=MAIN_COMMIT).sha


def test_a_hub_that_is_away_answers_only_probes_until_it_is_back(hub, api):
    hub.administer("away?seconds=60")
    with pytest.raises(HfHubHTTPError) as caught:
        api.model_info(PUBLIC)
    assert 503 == caught.value.response.status_code
    assert 200 == httpx2.get(f"{hub.endpoint}/healthz").status_code
    hub.administer("away?seconds=0")
    assert MAIN_COMMIT == api.model_info(PUBLIC).sha


def test_a_download_breaks_off_when_the_hub_goes_away(hub):
    url = hf_hub_url(f"full/{SMOLLM}", WEIGHTS, endpoint=hub.endpoint)
    with httpx2.stream("GET", url) as response:
        chunks = response.iter_raw()
        next(chunks)
        hub.administer("away?seconds=60")
        with pytest.raises(httpx2.RemoteProtocolError):
            sum(map(len, chunks))


def test_a_slow_model_is_slow_only_in_its_weights(hub, model):
    slow = hub.server.repositories[f"slow/{SMOLLM}"]
    slow.weights_bytes_per_second = 1
    httpx2.get(hf_hub_url(slow.id, "config.json", endpoint=hub.endpoint)).raise_for_status()
    slow.weights_bytes_per_second = 10 * (model / WEIGHTS).stat().st_size
    started = time.monotonic()
    httpx2.get(hf_hub_url(slow.id, WEIGHTS, endpoint=hub.endpoint)).raise_for_status()
    assert 0.1 <= time.monotonic() - started


def test_a_model_that_fills_a_disk_declares_what_it_sends(hub, api):
    [size] = [
        file.size
        for file in api.model_info(f"full/{SMOLLM}", files_metadata=True).siblings
        if file.rfilename == WEIGHTS
    ]
    head = httpx2.head(hf_hub_url(f"full/{SMOLLM}", WEIGHTS, endpoint=hub.endpoint))
    assert (3 * 2**30, str(3 * 2**30)) == (size, head.headers["Content-Length"])


def test_an_order_that_makes_no_sense_is_a_bad_request(hub):
    for order in ("away", "away?seconds=soon", "branch?repo=a/b&branch=main&commit=1", "nothing"):
        assert 400 == httpx2.post(f"{hub.endpoint}/admin/{order}").status_code
