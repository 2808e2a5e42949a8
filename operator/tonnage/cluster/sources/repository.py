"""What is asked of every place that holds a model, and the facts that its answers give. Never weights.

Every request has a time limit of its own, and all of one model's share a deadline, so that a trickling server cannot
hold a thread.
"""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from tonnage.contract.model_facts import ModelFacts
from tonnage.facts.card import Card
from tonnage.facts.model import model_facts
from tonnage.facts.reading import model_reading, read_card
from tonnage.facts.source import Source

REQUEST_SECONDS = 10.0
DEADLINE_SECONDS = 120.0
# Headers of a model with 150 files, one after the other, would take a minute.
_PARALLEL_READS = 4


class TooSlowError(Exception):
    """The answers took longer than all of them may."""

    def __init__(self) -> None:
        super().__init__(f"the answers took longer than {DEADLINE_SECONDS:.0f} s")


@dataclass(frozen=True)
class Deadline:
    """When the reading of one model must be over."""

    at: float = field(default_factory=lambda: time.monotonic() + DEADLINE_SECONDS)

    def check(self) -> None:
        """Raise TooSlowError once it has passed."""
        if time.monotonic() > self.at:
            raise TooSlowError


@dataclass(frozen=True)
class Listing:
    """The files of one commit."""

    commit: str
    # Bytes by name.
    sizes: Mapping[str, int]
    # None where only its README has it.
    card: Card | None = None


class Repository(Protocol):
    """One model's place, as its reader may see it; what goes wrong is anything that `errors` turns into FactsError."""

    def listing(self) -> Listing:
        """The files at the revision that was asked for, and the commit that it names now."""

    def read(self, commit: str, name: str, limit: int) -> bytes:
        """The first `limit` bytes of a file at that commit, or all of a shorter one."""

    def errors(self) -> AbstractContextManager[None]:
        """What this place's client raises, as FactsErrors; every sentence says what the person can change."""


def repository_facts(repository: Repository, source: Source, requested_revision: str) -> ModelFacts:
    """The facts of what is there now. Raises FactsError."""
    with repository.errors():
        listing = repository.listing()
        files = _Commit(repository, listing.commit)
        with ThreadPoolExecutor(_PARALLEL_READS, thread_name_prefix="model") as pool:
            reading = model_reading(source, files, listing.sizes, pool.map)
        said = listing.card or read_card(files, listing.sizes)
    return model_facts(reading, requested_revision=requested_revision, commit=listing.commit, said=said)


@dataclass(frozen=True)
class _Commit:
    """The files of one commit: what a branch points to may change between two reads."""

    repository: Repository
    commit: str

    def read(self, name: str, limit: int) -> bytes:
        return self.repository.read(self.commit, name, limit)
