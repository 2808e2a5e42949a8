"""The resync: every deployment is visited now and then, whatever watches said, and the watches are held to account.

A watch can be deaf without being closed: what a resync finds, and no event tells until the next one, is the proof.
"""

import asyncio
import logging
import random

from tonnage.cluster.api import Kubernetes
from tonnage.cluster.errors import ClusterError
from tonnage.cluster.resources import MODEL_DEPLOYMENTS
from tonnage.queue import Key, Queue

logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 10.0
# Visits of one resync are spread over this part of its interval.
_SPREAD = 0.1


class Sightings:
    """Which generation of each deployment the watch has told, by uid."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}
        self._untold: dict[str, int] = {}
        self._is_deaf = False

    @property
    def is_deaf(self) -> bool:
        """Whether the watch has kept something back for a whole resync."""
        return self._is_deaf

    def saw(self, uid: str, generation: int) -> None:
        """A watch event came."""
        self._told[uid] = max(generation, self._told.get(uid, 0))

    def listed(self, generations: dict[str, int]) -> None:
        """The resync found these, and nothing else exists."""
        self._told = {uid: generation for uid, generation in self._told.items() if uid in generations}
        untold = {uid: one for uid, one in generations.items() if self._told.get(uid, 0) < one}
        self._is_deaf = any(self._told.get(uid, 0) < one for uid, one in self._untold.items() if uid in generations)
        self._untold = untold


async def resync(
    kubernetes: Kubernetes, namespace: str | None, queue: Queue, sightings: Sightings, seconds: float
) -> None:
    """Add every deployment to the queue each so many seconds, until cancelled."""
    delay = seconds
    while True:
        await asyncio.sleep(delay)
        try:
            found = await kubernetes.list(MODEL_DEPLOYMENTS, namespace)
        except ClusterError as error:
            delay = min(seconds, _AGAIN_SECONDS)
            logger.warning("resync: deployments cannot be listed, again in %.0f s: %s", delay, error)
            continue
        delay = seconds
        sightings.listed({one["metadata"]["uid"]: one["metadata"]["generation"] for one in found})
        for one in found:
            key = Key(one["metadata"]["namespace"], one["metadata"]["name"])
            queue.add(key, random.uniform(0, seconds * _SPREAD))  # noqa: S311 # no secret
