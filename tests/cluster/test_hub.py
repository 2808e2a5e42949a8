"""The hub reader against a small server that answers as the real hub does, read by the real client."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tonnage.cluster.sources import repository
from tonnage.cluster.sources.hubs import read_facts
from tonnage.contract.model_facts import AttentionKind
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError
from tonnage.facts.source import parse_source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}


def safetensors(tensors: dict[str, list[int]], padding: int = 0) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "note": "x" * padding}}
    offset = 0
    for name, shape in tensors.items():
        size = 2 * shape[0] * shape[1]
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(offset)


@dataclass
class Hub:
    files: dict[str, bytes] = field(
        default_factory=lambda: {
            "config.json": json.dumps(CONFIG).encode(),
            "tokenizer_config.json": b'{"chat_template": "{{ messages }}"}',
            "tokenizer.json": b"{}",
            "README.md": b"not needed",
            "model-00001-of-00002.safetensors": safetensors({"embed": [100, 64]}),
            "model-00002-of-00002.safetensors": safetensors({"layer": [64, 64], "lm_head.weight": [100, 64]}),
        }
    )
    token: str | None = None
    is_gated: bool = False
    knows_ranges: bool = True
    status: int | None = None
    body: bytes | None = None
    info: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent_bytes: int = 0
    endpoint: str = ""

    def answer(self, path: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body, as huggingface.co gives them."""
        authorization = headers.get("Authorization")
        if self.status:
            return self.status, {}, self.body or b"{}"
        if self.body is not None:
            return 200, {}, self.body
        if authorization not in (None, f"Bearer {self.token}"):
            return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b"{}"
        is_allowed = not self.token or authorization is not None
        if not path.startswith(("/api/models/org/name/", "/org/name/")) or (not is_allowed and not self.is_gated):
            if authorization:
                return 404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, b"{}"
            return 401, {"X-Error-Message": "Invalid username or password."}, b"{}"
        if path.startswith("/api/models/"):
            if path.rsplit("/", 1)[1] not in ("main", "refs/pr/1", COMMIT):
                return 404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"}, b"{}"
            siblings = [{"rfilename": name, "size": len(content)} for name, content in self.files.items()]
            info = {"id": "org/name", "sha": COMMIT, "siblings": siblings, "tags": ["llama", "license:apache-2.0"]}
            info |= self.info
            return 200, {}, json.dumps(info).encode()
        if not is_allowed:
            return 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted"}, b"{}"
        name = path.rsplit("/", 1)[1]
        content = self.files.get(name)
        if content is None:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}, b"{}"
        wanted = headers.get("Range")
        if wanted and self.knows_ranges:
            first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            return 206, {"Content-Range": f"bytes {first}-{last}/{len(content)}"}, content[first : last + 1]
        return 200, {}, content


@pytest.fixture
def hub() -> Iterator[Hub]:
    served = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            served.asked.append(path)
            status, headers, body = served.answer(path, self.headers)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for start in range(0, len(body), 65536):
                    self.wfile.write(body[start : start + 65536])
                    served.sent_bytes += 65536
            except (BrokenPipeError, ConnectionResetError):
                pass

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.endpoint = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


async def refused(
    hub: Hub, source: str = "hf://org/name", revision: str = "main", token: str | None = None
) -> FactsError:
    with pytest.raises(FactsError) as caught:
        await read_facts(parse_source(source), revision, hub.endpoint, token)
    return caught.value


async def test_a_model_is_read_at_the_commit_that_its_branch_names_now(hub: Hub) -> None:
    facts = await read_facts(parse_source("hf://org/name"), "main", hub.endpoint)
    assert (COMMIT, "main", "hf://org/name") == (facts.commit, facts.requested_revision, facts.source)
    assert AttentionKind.GROUPED_QUERY == facts.attention
    assert facts.has_chat_template
    assert "apache-2.0" == facts.licence
    assert 512 == facts.max_context_length
    # After the branch is resolved, only the commit is asked for.
    assert {"main"} == {path.rsplit("/", 1)[1] for path in hub.asked if path.startswith("/api/")}
    assert all(f"/resolve/{COMMIT}/" in path for path in hub.asked if not path.startswith("/api/"))


async def test_the_card_is_what_the_hub_has_read_of_it(hub: Hub) -> None:
    card = {"license": "other", "license_name": "qwen", "language": ["en", False, "zh"], "model-index": "junk"}
    hub.info = {"tags": ["license:other", "en"], "pipeline_tag": "text-generation", "cardData": card}
    facts = await read_facts(parse_source("hf://org/name"), "main", hub.endpoint)
    assert ("qwen", ["en", "zh"], "text-generation") == (facts.licence, facts.languages, facts.hub_task)
    assert not any(path.endswith("README.md") for path in hub.asked)


async def test_weights_are_summed_over_files_without_a_head_that_is_tied(hub: Hub) -> None:
    facts = await read_facts(parse_source("hf://org/name"), "main", hub.endpoint)
    assert 100 * 64 + 64 * 64 == facts.parameters
    assert 2 * facts.parameters == facts.weights_bytes
    assert "bfloat16" == facts.weights_dtype
    needed = [content for name, content in hub.files.items() if name != "README.md"]
    assert sum(map(len, needed)) == facts.download_bytes


async def test_a_header_longer_than_the_first_read_is_read_whole(hub: Hub) -> None:
    hub.files = {
        "config.json": hub.files["config.json"],
        "model.safetensors": safetensors({"embed": [100, 64]}, padding=250_000),
    }
    facts = await read_facts(parse_source("hf://org/name"), "main", hub.endpoint)
    assert 6400 == facts.parameters


async def test_a_hub_that_ignores_ranges_is_not_read_to_the_end(hub: Hub) -> None:
    hub.knows_ranges = False
    hub.files["model-00001-of-00002.safetensors"] = safetensors({"embed": [4096, 4096]})
    facts = await read_facts(parse_source("hf://org/name"), "main", hub.endpoint)
    assert 4096 * 4096 + 64 * 64 == facts.parameters
    # What is in the sockets' buffers is sent in any case.
    assert hub.sent_bytes < 16 * 2**20


async def test_a_revision_with_a_slash_is_one_revision(hub: Hub) -> None:
    error = await refused(hub, revision="refs/pr/2")
    assert Reason.REVISION_NOT_FOUND == error.reason
    assert "has no revision 'refs/pr/2'" in error.message


async def test_a_model_that_nobody_may_see_does_not_exist_or_is_private(hub: Hub) -> None:
    error = await refused(hub, "hf://org/other")
    assert (Reason.MODEL_NOT_FOUND, True) == (error.reason, error.is_permanent)
    assert (
        "hf://org/other does not exist or is private: check the name, or set spec.model.tokenSecretRef" == error.message
    )


async def test_a_model_that_the_token_may_not_see_names_the_token(hub: Hub) -> None:
    hub.token = "right"
    error = await refused(hub, "hf://org/other", token="right")
    assert Reason.MODEL_NOT_FOUND == error.reason
    assert "check the name and the token" in error.message


async def test_a_wrong_token_is_denied(hub: Hub) -> None:
    hub.token = "right"
    error = await refused(hub, token="wrong")
    assert (Reason.ACCESS_DENIED, True) == (error.reason, error.is_permanent)
    assert "spec.model.tokenSecretRef" in error.message
    assert "wrong" not in error.message


async def test_the_right_token_reads_a_private_model(hub: Hub) -> None:
    hub.token = "right"
    assert COMMIT == (await read_facts(parse_source("hf://org/name"), "main", hub.endpoint, "right")).commit


async def test_a_gated_model_says_where_its_terms_are(hub: Hub) -> None:
    hub.token, hub.is_gated = "right", True
    error = await refused(hub)
    assert (Reason.GATED_MODEL, True) == (error.reason, error.is_permanent)
    assert f"accept its terms at {hub.endpoint}/org/name" in error.message


async def test_a_model_with_only_pickles_is_unsafe_and_no_weight_is_asked_for(hub: Hub) -> None:
    hub.files = {"config.json": hub.files["config.json"], "pytorch_model.bin": b"pickle"}
    error = await refused(hub)
    assert (Reason.UNSAFE_WEIGHTS, True) == (error.reason, error.is_permanent)
    assert 1 == len(hub.asked)


async def test_a_model_without_config_is_unusable(hub: Hub) -> None:
    del hub.files["config.json"]
    assert Reason.UNUSABLE_CONFIG == (await refused(hub)).reason


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(500, None, id="server error"),
        pytest.param(503, None, id="overloaded"),
        pytest.param(429, None, id="rate limit"),
        pytest.param(None, b"<html>captive portal</html>", id="not a hub"),
        pytest.param(None, b"[]", id="not an object"),
        pytest.param(None, b"{}", id="no commit"),
    ],
)
async def test_a_hub_that_does_not_answer_properly_is_tried_again(
    hub: Hub, status: int | None, body: bytes | None
) -> None:
    hub.status, hub.body = status, body
    error = await refused(hub)
    assert (Reason.HUB_UNREACHABLE, False) == (error.reason, error.is_permanent)
    assert f"the model hub {hub.endpoint} cannot be read now" in error.message


async def test_a_hub_that_is_away_is_tried_again(hub: Hub) -> None:
    away = Hub(endpoint="http://127.0.0.1:9")
    error = await refused(away)
    assert (Reason.HUB_UNREACHABLE, False) == (error.reason, error.is_permanent)


async def test_a_hub_that_trickles_ends_at_the_deadline(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "DEADLINE_SECONDS", -1.0)
    error = await refused(hub)
    assert Reason.HUB_UNREACHABLE == error.reason


async def test_a_name_that_the_hub_forbids_is_an_invalid_spec(hub: Hub) -> None:
    error = await refused(hub, "hf://org/a--b")
    assert (Reason.INVALID_SPEC, True) == (error.reason, error.is_permanent)
