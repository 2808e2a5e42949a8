"""Models that do not generate, from ModelScope and from a bucket: they answer what they are for, and nothing else.

Both start at once.
"""

import json
import math
from collections.abc import Iterator

import pytest
from openai import NotFoundError, OpenAI

from e2e.hub.bert import VECTOR_SIZE
from e2e.hub.repositories import MAIN_COMMIT
from e2e.hub.s3 import KEY_ID, SECRET_KEY
from e2e.kit.deployments import Deployment, Json
from e2e.kit.install import HUB_ENDPOINT, Installation

pytestmark = pytest.mark.timeout(500)
MODELS: dict[str, Json] = {
    "embedding": {"source": "modelscope://tiny/embedding"},
    "reranker": {"source": "s3://models/tiny/reranker", "credentialsSecretRef": {"name": "bucket"}},
}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": KEY_ID,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_ENDPOINT_URL": HUB_ENDPOINT,
}
TEXTS = ["the cat sat", "the cat sat", "prices rose by 5"]


@pytest.fixture(scope="module")
def started(tonnage: Installation, namespace: str) -> Iterator[dict[str, Deployment]]:
    """Both deployments; each of the tests waits for its own."""
    found = {name: Deployment(tonnage.cluster, namespace, name) for name in MODELS}
    found["reranker"].give_secret("bucket", CREDENTIALS)
    for name, deployment in found.items():
        template = {"resources": {"cpu": "250m"}}
        deployment.apply({"model": MODELS[name], "placement": {"device": "Cpu"}, "template": template})
    yield found
    for deployment in found.values():
        deployment.kubectl("delete", "mdep", deployment.name, "--wait=false")


def test_an_embedding_model_gives_a_vector_for_each_text(started: dict[str, Deployment]) -> None:
    deployment = started["embedding"]
    deployment.wait_condition("Ready", deadline_seconds=300)
    plan = deployment.status["plan"]
    assert ("Embed", 0, 512) == (plan["task"], plan["memory"]["kvCacheBytes"], plan["contextLength"])
    # The client asks for base64 unless told otherwise: both ways must be open.
    with client(deployment) as api:
        vectors = [one.embedding for one in api.embeddings.create(model=deployment.name, input=TEXTS).data]
        with pytest.raises(NotFoundError):
            api.completions.create(model=deployment.name, prompt="the cat")
    assert [VECTOR_SIZE] * len(TEXTS) == [len(vector) for vector in vectors]
    assert all(math.isclose(1, math.hypot(*vector), rel_tol=1e-3) for vector in vectors)
    same, other = math.dist(vectors[0], vectors[1]), math.dist(vectors[0], vectors[2])
    assert same < 1e-3 < other
    assert MAIN_COMMIT == deployment.status["model"]["commit"]


def test_a_reranker_scores_pairs_and_puts_documents_in_order(started: dict[str, Deployment]) -> None:
    deployment = started["reranker"]
    deployment.wait_condition("Ready", deadline_seconds=300)
    assert "Score" == deployment.status["plan"]["task"]
    assert SECRET_KEY not in json.dumps(deployment.get())
    scores = post(deployment, "/score", {"queries": TEXTS[0], "documents": TEXTS[1:]})["data"]
    ranked = post(deployment, "/rerank", {"query": TEXTS[0], "documents": TEXTS[1:]})["results"]
    by_document = {row["index"]: row["score"] for row in scores}
    assert 0 < min(by_document.values()) < max(by_document.values()) < 1
    assert sorted(by_document, key=by_document.__getitem__, reverse=True) == [row["index"] for row in ranked]


def client(deployment: Deployment) -> OpenAI:
    return OpenAI(base_url=deployment.endpoint, api_key="unused", timeout=60, max_retries=0)


def post(deployment: Deployment, path: str, body: Json) -> Json:
    """The answer of an endpoint for which the client has no method."""
    with client(deployment) as api:
        found: Json = api.post(path, cast_to=dict, body={"model": deployment.name, **body})
    return found
