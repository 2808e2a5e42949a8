"""Show the plan for the ModelDeployments of a file, before anything is created.

Exit status: 0 for a plan, 1 for a refusal, also for a plan that the operator does not act on yet, which a note says; 2
where there is no answer: the file, a flag, the hub or the cluster is at fault. The facts come from the hub, with the
token in HF_TOKEN, or from a local config.json; the nodes from --gpus or from a cluster. The revision's name is not in
the serve document: it depends on how the operator is installed.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from tonnage.cli.answer import Answer
from tonnage.cli.cluster_nodes import Surroundings, default_nodes, gpu_nodes, listed_nodes
from tonnage.cli.deployments import Deployment, read_deployments
from tonnage.cli.offline import OfflineFacts, offline_facts, read_beside, read_config
from tonnage.cluster.errors import ClusterError
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.model_source import ENDPOINT_VARIABLES, TOKEN_VARIABLES
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import PlanStatus
from tonnage.facts.errors import FactsError
from tonnage.facts.source import Source, parse_source
from tonnage.plan import Refusal, plan, unplanned_fields, unsupported_fields, unsupported_message
from tonnage.settings import Settings

_REFUSED, _NO_ANSWER = 1, 2
# Longer lines are no easier to read, and a bar no more exact.
_MAX_COLUMNS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("file", metavar="FILE.yaml", help="a file with ModelDeployments; - is standard input")
    nodes = parser.add_mutually_exclusive_group()
    nodes.add_argument(
        "--gpus", type=gpu_nodes, metavar="PRODUCT:COUNT[xNODES],...", help="nodes to plan for: NVIDIA-L4:2,A100-80:8x4"
    )
    nodes.add_argument(
        "--kubeconfig", nargs="?", const="", metavar="PATH", help="plan for this cluster's nodes (default: kubectl's)"
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="PATH",
        help="the model's config.json, instead of the hub; its neighbours are read too",
    )
    parser.add_argument("--weights-bytes", type=_positive, metavar="N", help="with --config: bytes of the weights")
    parser.add_argument(
        "--endpoint", default=None, help="the hub's address (default: HF_ENDPOINT, MODELSCOPE_ENDPOINT)"
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "json", "yaml"),
        default="table",
        help="one document for each (default: table)",
    )
    parser.add_argument("--serve-document", action="store_true", help="show what the pods would read, too")


def run(arguments: argparse.Namespace) -> int:
    """Show each deployment's answer; the exit status."""
    status = 0
    try:
        for deployment in read_deployments(arguments.file):
            answer = _answer(deployment, arguments)
            _show(answer, arguments.output)
            is_refused = isinstance(answer.plan, Refusal) or unsupported_fields(deployment.spec)
            status = _REFUSED if is_refused else status
    except (FactsError, ClusterError) as error:
        sys.stderr.write(f"tonnage explain: {error.message}\n")
        return _NO_ANSWER
    return status


def _answer(deployment: Deployment, arguments: argparse.Namespace) -> Answer:
    spec = deployment.spec
    source = parse_source(spec.model.source)
    if unplanned := unplanned_fields(spec):
        refusal = Refusal(Reason.NOT_YET_SUPPORTED, unsupported_message(unplanned))
        return Answer(deployment.name, str(source), None, refusal)
    surroundings = _surroundings(deployment, arguments)
    known = _known(source, spec.model.revision or source.default_revision, arguments)
    planned = plan(spec, known.facts, surroundings.inventory)
    document = None
    if arguments.serve_document and isinstance(planned, PlanStatus):
        document = _document(deployment, known.facts, planned, _endpoint(source, arguments))
    return Answer(
        deployment=deployment.name,
        source=str(source),
        facts=known.facts,
        plan=planned,
        document=document,
        notes=(*_not_yet(spec), surroundings.note, *known.notes),
    )


def _not_yet(spec: ModelDeploymentSpec) -> tuple[str, ...]:
    """What the operator still refuses, although the plan shows it."""
    unsupported = unsupported_fields(spec)
    return (f"The operator does not act on this yet: {unsupported_message(unsupported)}.",) if unsupported else ()


def _surroundings(deployment: Deployment, arguments: argparse.Namespace) -> Surroundings:
    if arguments.gpus is not None:
        stated: Surroundings = arguments.gpus
        return stated
    if arguments.kubeconfig is not None:
        return listed_nodes(Path(arguments.kubeconfig) if arguments.kubeconfig else None)
    return default_nodes(deployment.spec.placement.device)


def _known(source: Source, revision: str, arguments: argparse.Namespace) -> OfflineFacts:
    if arguments.config is not None:
        config, files = read_config(arguments.config), read_beside(arguments.config)
        return offline_facts(source, revision, config, arguments.weights_bytes, files=files)
    if arguments.weights_bytes is not None:
        raise FactsError(Reason.INVALID_SPEC, "--weights-bytes goes with --config", is_permanent=True)
    if not source.is_hub:
        message = f"{source} can only be read in the cluster: give its config.json with --config"
        raise FactsError(Reason.INVALID_SPEC, message, is_permanent=True)
    # Here, because the hub's client takes longer to import than a plan to make.
    from tonnage.cluster.sources.hubs import hub_facts  # noqa: PLC0415

    token = os.environ.get(TOKEN_VARIABLES[source.scheme]) or None
    return OfflineFacts(hub_facts(source, revision, _endpoint(source, arguments), token), ())


def _endpoint(source: Source, arguments: argparse.Namespace) -> str | None:
    given: str | None = arguments.endpoint
    return given or os.environ.get(ENDPOINT_VARIABLES.get(source.scheme, "")) or None


def _document(deployment: Deployment, facts: ModelFacts, planned: PlanStatus, endpoint: str | None) -> ServeDocument:
    # Here, because the package of all child objects brings its templates' engine.
    from tonnage.desired.document import serve_document  # noqa: PLC0415
    from tonnage.desired.names import Owner  # noqa: PLC0415

    owner = Owner(name=deployment.name, namespace=deployment.namespace, uid="")
    return serve_document(owner, deployment.spec, facts, planned, _not_installed(endpoint))


def _not_installed(endpoint: str | None) -> Settings:
    """Settings of no operator: of them a document holds only the hub's address."""
    return Settings(
        namespace="",
        watched_namespace=None,
        cpu_image="",
        cuda_image="",
        operator_image="",
        image_pull_secrets=(),
        hub_endpoint=endpoint,
        modelscope_endpoint=endpoint,
        ray_token_key=Path(),
    )


def _show(answer: Answer, form: str) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(answer.to_json_object(), indent=2, ensure_ascii=False) + "\n")
    elif form == "yaml":
        # Here and below: each form takes time to import, and one is used.
        import yaml  # noqa: PLC0415

        yaml.safe_dump(
            answer.to_json_object(), sys.stdout, sort_keys=False, allow_unicode=True, width=120, explicit_start=True
        )
    else:
        from rich.console import Console  # noqa: PLC0415

        from tonnage.cli.explanation import page  # noqa: PLC0415

        console = Console(highlight=False, emoji=False)
        console.width = min(console.width, _MAX_COLUMNS)
        console.print(page(answer))


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of bytes")
    return int(text)
