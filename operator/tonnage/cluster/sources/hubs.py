"""Models that a hub has: which hub's reader reads them."""

import asyncio

import httpx2

from tonnage.cluster.sources import huggingface, modelscope
from tonnage.cluster.sources.huggingface import HuggingFace
from tonnage.cluster.sources.modelscope import ModelScope
from tonnage.cluster.sources.repository import repository_facts
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.model_source import Scheme
from tonnage.facts.source import Source


async def read_facts(
    source: Source, requested_revision: str, endpoint: str | None = None, token: str | None = None
) -> ModelFacts:
    """The facts of `source` at the commit that `requested_revision` names now. Raises FactsError."""
    return await asyncio.to_thread(hub_facts, source, requested_revision, endpoint, token)


def hub_facts(
    source: Source, requested_revision: str, endpoint: str | None = None, token: str | None = None
) -> ModelFacts:
    """What `read_facts` returns, for callers without an event loop."""
    if source.scheme is Scheme.HF:
        hub = HuggingFace(source, requested_revision, endpoint or huggingface.PUBLIC_ENDPOINT, token)
        return repository_facts(hub, source, requested_revision)
    # Weights are elsewhere, and the hub sends on to where they are; another host is not told the token.
    with httpx2.Client(follow_redirects=True) as session:
        scope = ModelScope(source, requested_revision, endpoint or modelscope.PUBLIC_ENDPOINT, token, session)
        return repository_facts(scope, source, requested_revision)
