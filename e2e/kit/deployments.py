"""A ModelDeployment as its user handles it: kubectl and JSON, no client library of our own."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from e2e.cluster.commands import ClusterError, CommandError
from e2e.cluster.provider import Cluster

Json = dict[str, Any]
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Deployment:
    """One ModelDeployment in one namespace."""

    cluster: Cluster
    namespace: str
    name: str

    def apply(self, spec: Json) -> None:
        """`kubectl apply` it. Raises CommandError with the API server's answer."""
        manifest = {
            "apiVersion": "tonnage.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": spec,
        }
        self.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

    def give_secret(self, name: str, values: Mapping[str, str]) -> None:
        """A Secret beside it."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(secret))

    def delete(self, *, deadline_seconds: float = 180) -> None:
        """`kubectl delete` it and wait until it is gone."""
        words = ("delete", "mdep", self.name, "--ignore-not-found", f"--timeout={deadline_seconds:.0f}s")
        self.kubectl(*words, deadline_seconds=deadline_seconds + 10)

    def scale(self, replicas: int) -> None:
        """`kubectl scale` it."""
        self.kubectl("scale", "mdep", self.name, f"--replicas={replicas}")

    def get(self) -> Json:
        """The object as it is now."""
        found: Json = json.loads(self.kubectl("get", "mdep", self.name, "-o", "json"))
        return found

    @property
    def status(self) -> Json:
        """Its status, empty before the operator saw it."""
        found: Json = self.get().get("status", {})
        return found

    def condition(self, kind: str) -> Json:
        """One condition; empty while it is not set."""
        return next((found for found in self.status.get("conditions", []) if found["type"] == kind), {})

    def wait_condition(self, kind: str, status: str = "True", *, deadline_seconds: float = 180) -> None:
        """`kubectl wait` for a condition. Raises ClusterError with all conditions."""
        words = ("wait", f"mdep/{self.name}", f"--for=condition={kind}={status}", f"--timeout={deadline_seconds:.0f}s")
        try:
            self.kubectl(*words, deadline_seconds=deadline_seconds + 10)
        except CommandError as error:
            raise ClusterError(f"{error}\n{self.story()}") from error

    def wait_reason(self, kind: str, reason: str, *, deadline_seconds: float = 60) -> str:
        """Wait until a condition has a reason; returns its message."""
        found: Json = {}

        def has_reason() -> bool:
            # The message of the same reading: the next one may have another reason.
            found.update(self.condition(kind))
            return found.get("reason") == reason

        self.wait(has_reason, f"{kind} {reason}", deadline_seconds)
        message: str = found["message"]
        return message

    def wait(self, is_reached: Callable[[], bool], what: str, deadline_seconds: float) -> None:
        """Ask until yes. Raises ClusterError with the conditions after the deadline."""
        deadline = time.monotonic() + deadline_seconds
        while not is_reached():
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.name}: no {what} after {deadline_seconds:.0f} s\n{self.story()}")
            time.sleep(POLL_SECONDS)

    def story(self) -> str:
        """The conditions as lines, for a person."""
        rows = self.status.get("conditions", [])
        return "\n".join(f"{row['type']}={row['status']} {row['reason']}: {row['message']}" for row in rows)

    def pods(self, component: str) -> list[Json]:
        """Its pods of a component, `head` or `worker`."""
        labels = f"tonnage.dev/deployment={self.name},app.kubernetes.io/component={component}"
        found: list[Json] = json.loads(self.kubectl("get", "pods", "-l", labels, "-o", "json"))["items"]
        return found

    def leftovers(self) -> list[str]:
        """Every object that carries its label, of every kind that can be listed in a namespace."""
        kinds = self.cluster.kubectl_run("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
        wanted = ",".join(sorted(kind for kind in kinds if not kind.startswith(("events", "podmetrics"))))
        labels = f"tonnage.dev/deployment={self.name}"
        return self.kubectl("get", wanted, "-l", labels, "-o", "name", deadline_seconds=60).split()

    @property
    def endpoint(self) -> str:
        """The endpoint by the Service's address: this machine reaches Services, but not the cluster's DNS."""
        address = self.kubectl("get", "service", self.name, "-o", "jsonpath={.spec.clusterIP}")
        return f"http://{address}:8000/v1"

    def kubectl(self, *words: str, stdin: str | None = None, deadline_seconds: float = 60) -> str:
        """Run kubectl in the deployment's namespace."""
        return self.cluster.kubectl_run("-n", self.namespace, *words, stdin=stdin, deadline_seconds=deadline_seconds)
