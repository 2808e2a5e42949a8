"""What a hub may answer instead of facts, in sentences that say what the person who wrote the deployment can change."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from tonnage.cluster.sources.repository import TooSlowError
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError
from tonnage.facts.source import Source

UNAUTHORIZED = 401
FORBIDDEN = 403


@dataclass(frozen=True)
class Refusals:
    """The sentences for one model; none of them holds the token."""

    source: Source
    requested_revision: str
    endpoint: str
    has_token: bool

    @contextmanager
    def of_answers(self) -> Iterator[None]:
        """What may go wrong with any hub, as FactsErrors: no answer, a late one, or one that is no hub's."""
        try:
            yield
        except TooSlowError as error:
            raise self.unreachable(str(error)) from error
        except (httpx2.HTTPError, OSError) as error:
            raise self.unreachable(f"{type(error).__name__}: {error}") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self.unreachable(f"it did not answer as a model hub does ({error!r})") from error

    def by_status(self, status: int) -> FactsError:
        """For an HTTP status of which nothing more is known."""
        if status == UNAUTHORIZED and not self.has_token:
            return self.not_found()
        if status in (UNAUTHORIZED, FORBIDDEN):
            message = (
                f"the hub refused the token of spec.model.tokenSecretRef for {self.source} (HTTP {status})"
                if self.has_token
                else f"the hub refused to show {self.source} (HTTP {status}): set spec.model.tokenSecretRef to a token "
                "of an account that may read it"
            )
            return FactsError(Reason.ACCESS_DENIED, message, is_permanent=True)
        return self.unreachable(f"HTTP {status}")

    def not_found(self) -> FactsError:
        """For a model that is not there, or not to be seen: hubs do not tell which."""
        message = (
            f"{self.source} does not exist, or the token of spec.model.tokenSecretRef may not read it: "
            "check the name and the token"
            if self.has_token
            else f"{self.source} does not exist or is private: check the name, or set spec.model.tokenSecretRef"
        )
        return FactsError(Reason.MODEL_NOT_FOUND, message, is_permanent=True)

    def gated(self) -> FactsError:
        """For a model whose terms must be accepted first."""
        terms = f"accept its terms at {self.endpoint}/{self.source.name}"
        message = (
            f"{self.source} is gated, and the account of spec.model.tokenSecretRef may not read it: {terms}"
            if self.has_token
            else f"{self.source} is gated: {terms}, and set spec.model.tokenSecretRef to a token of that account"
        )
        return FactsError(Reason.GATED_MODEL, message, is_permanent=True)

    def no_revision(self) -> FactsError:
        """For a branch, tag or commit that is not there."""
        message = (
            f"{self.source} has no revision '{self.requested_revision}': set spec.model.revision to a branch, "
            "a tag or a commit that it has"
        )
        return FactsError(Reason.REVISION_NOT_FOUND, message, is_permanent=True)

    def no_file(self, address: object) -> FactsError:
        """For a file that the hub lists and does not have."""
        message = f"{self.source} cannot be used: the hub lists a file that it does not have ({address})"
        return FactsError(Reason.UNUSABLE_CONFIG, message, is_permanent=True)

    def unreachable(self, why: str) -> FactsError:
        """For everything that may pass."""
        message = f"the model hub {self.endpoint} cannot be read now: {why}"
        return FactsError(Reason.HUB_UNREACHABLE, message, is_permanent=False)
