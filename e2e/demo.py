"""`./e2e/demo`: from a bare machine to a model's answer, on a real Kubernetes, by the commands a person would use.

It can be run again at any moment: what is there already is kept. On failure the cluster stays, for a look.
"""

import argparse
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from openai import OpenAI, OpenAIError
from rich.console import Console
from rich.panel import Panel
from rich.prompt import Confirm
from rich.table import Table

from e2e.cluster import Cluster, ClusterError, CommandError, Settings, get_cluster
from e2e.cluster.logs import collect
from e2e.cluster.progress import Progress
from e2e.cluster.provider import DEFAULT_NAME
from e2e.cluster.providers import add_cluster_options
from e2e.kit.deployments import Deployment
from e2e.kit.install import install

EXAMPLE = Path("e2e/examples/chat.yaml")
NAME = "chat"
NAMESPACE = "default"
QUESTION = "What is the capital of France?"
LOGS = Path("e2e/logs/demo")
READY_DEADLINE_SECONDS = 900
ANSWER_DEADLINE_SECONDS = 120
FORWARD_DEADLINE_SECONDS = 30


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="e2e/demo", description="A model's answer from a real Kubernetes, from nothing."
    )
    add_cluster_options(made, "--cluster", DEFAULT_NAME)
    made.add_argument("--down", action="store_true", help="take the cluster down, with all that is in it")
    return made


@dataclass
class Clock:
    """How long each part took, for the table at the end."""

    rows: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Note the time of what is done inside."""
        began = time.monotonic()
        yield
        self.rows.append((name, time.monotonic() - began))


def main() -> int:
    """Run the demo, or take it down."""
    options = parser().parse_args()
    console = Console(highlight=False)

    def confirm(question: str) -> bool:
        return options.yes or (sys.stdin.isatty() and Confirm.ask(question, console=console))

    cluster: Cluster | None = None
    try:
        cluster = get_cluster(options.provider, options.cluster, Settings(progress=Progress(), confirm=confirm))
        if options.down:
            cluster.down()
        else:
            demonstrate(cluster, console)
    except ClusterError as error:
        console.print("[red]error:[/red]", end=" ")
        console.print(str(error), markup=False)
        if cluster and not options.down and cluster.is_up():
            collect(cluster, LOGS)
            console.print(f"What the cluster knew is in {LOGS}; ./e2e/demo goes on from here, --down takes it away.")
        return 1
    except KeyboardInterrupt:
        console.print("interrupted: ./e2e/demo goes on from here, ./e2e/demo --down takes it away")
        return 130
    return 0


def demonstrate(cluster: Cluster, console: Console) -> None:
    """Cluster, Tonnage, model, answer. Raises ClusterError."""
    clock = Clock()
    deployment = Deployment(cluster, NAMESPACE, NAME)
    with clock.part("a real Kubernetes"):
        cluster.up()
    with clock.part("images built and loaded, Tonnage installed by Helm"):
        install(cluster)
    with clock.part("kubectl apply → Ready"):
        console.print(Panel(EXAMPLE.read_text().rstrip(), title=f"kubectl apply -f {EXAMPLE}", expand=False))
        deployment.kubectl("apply", "-f", str(EXAMPLE))
        wait_ready(deployment)
    with clock.part("question → answer"):
        answer = ask(deployment)
    console.print(Panel(f"[bold]{QUESTION}[/bold]\n{answer}", title="openai client", expand=False))
    console.print(times(clock))
    console.print(next_steps(cluster), markup=False, soft_wrap=True)


def wait_ready(deployment: Deployment) -> None:
    """`kubectl wait`, while `kubectl get --watch` tells the story. Raises ClusterError with the conditions."""
    progress = deployment.cluster.progress
    with (
        kubectl_started(deployment, "get", "mdep", NAME, "--watch") as watch,
        progress.step(f"kubectl wait --for=condition=Ready mdep/{NAME}"),
    ):
        threading.Thread(target=tell, args=(watch, progress), daemon=True).start()
        try:
            deployment.wait_condition("Ready", deadline_seconds=READY_DEADLINE_SECONDS)
        finally:
            watch.terminate()


def tell(watch: subprocess.Popen[str], progress: Progress) -> None:
    """Repeat each new line of a watch."""
    last = ""
    for line in watch.stdout or ():
        # The last column is the age, which alone is no news.
        if (news := line.rpartition("  ")[0]) != last:
            last = news
            progress.say(line.rstrip())


def ask(deployment: Deployment) -> str:
    """The model's answer by the `openai` client. Raises ClusterError."""
    with forward(deployment) as url, deployment.cluster.progress.step(f"openai client: {QUESTION}"):
        client = OpenAI(base_url=f"{url}/v1", api_key="not-needed", timeout=ANSWER_DEADLINE_SECONDS)
        try:
            reply = client.chat.completions.create(
                model=NAME, messages=[{"role": "user", "content": QUESTION}], temperature=0, max_tokens=32
            )
        except OpenAIError as error:
            raise ClusterError(f"the endpoint did not answer: {error}") from error
    return reply.choices[0].message.content or ""


@contextmanager
def forward(deployment: Deployment) -> Iterator[str]:
    """`kubectl port-forward` to the endpoint, which works with every provider; gives the local URL."""
    with kubectl_started(deployment, "port-forward", f"service/{NAME}", ":8000") as process:
        patience = threading.Timer(FORWARD_DEADLINE_SECONDS, process.terminate)
        patience.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            patience.cancel()
            port = re.search(r"127\.0\.0\.1:(\d+)", line)
            if port is None:
                raise CommandError(f"kubectl port-forward service/{NAME}: {line.strip() or 'said nothing'}")
            yield f"http://127.0.0.1:{port[1]}"
        finally:
            process.terminate()


def kubectl_started(deployment: Deployment, *words: str) -> subprocess.Popen[str]:
    """A kubectl that goes on until it is terminated."""
    cluster = deployment.cluster
    target = ["--kubeconfig", str(cluster.kubeconfig), "-n", deployment.namespace]
    return subprocess.Popen(
        [str(cluster.kubectl), *target, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def times(clock: Clock) -> Table:
    """What took how long."""
    table = Table(show_footer=True)
    table.add_column("step", footer="all")
    table.add_column("seconds", footer=f"{sum(seconds for _, seconds in clock.rows):.1f}", justify="right")
    for name, seconds in clock.rows:
        table.add_row(name, f"{seconds:.1f}")
    return table


def next_steps(cluster: Cluster) -> str:
    """What a person may want to try, to be copied."""
    path = f"export PATH={cluster.kubectl.parent}:$PATH\n" if cluster.kubectl.is_absolute() else ""
    options = f" --provider {cluster.provider}" + (f" --cluster {cluster.name}" if cluster.name != DEFAULT_NAME else "")
    return f"""
Next:
{path}export KUBECONFIG={cluster.kubeconfig}
kubectl get mdep {NAME} -o wide
kubectl get mdep {NAME} -o jsonpath='{{.status.plan}}'     # the memory, in bytes per part
kubectl scale mdep {NAME} --replicas=2
kubectl port-forward service/{NAME} 8000:8000 &
curl http://127.0.0.1:8000/v1/models
kubectl delete mdep {NAME}
./e2e/demo{options} --down     # takes everything away
"""


if __name__ == "__main__":
    sys.exit(main())
