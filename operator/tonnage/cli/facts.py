"""Print what is known of a model, as JSON, without reading its weights.

The facts pod runs this where the operator may not look: with a hub's token or a bucket's credentials in its
environment, or with a claim mounted. A failure is a report too, and exits with 0: whoever reads the report decides, and
a pod that ends with an error is restarted.
"""

import argparse
import os
import sys
from pathlib import Path

from tonnage.cli.folder import folder_facts
from tonnage.cluster.sources.hubs import hub_facts
from tonnage.contract.model_facts import FactsFailure, FactsReport, ModelFacts
from tonnage.contract.model_source import ENDPOINT_VARIABLES, TOKEN_VARIABLES, Scheme
from tonnage.contract.serve_document import MODEL_PATH
from tonnage.facts.errors import FactsError, unusable
from tonnage.facts.source import parse_source

# A termination message is cut at 4096 bytes, which would leave half a JSON; a character may take 4 bytes, or 6 escaped.
_MAX_MESSAGE_CHARACTERS = 600
# What decides nothing goes first; without the config no GPU is planned for.
_DESCRIPTIVE = {"languages": None, "hub_task": None, "licence": None}
_CONFIG = {"config": ""}
_MAX_REPORT_BYTES = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument(
        "--source",
        required=True,
        help="hf://org/name, modelscope://org/name, s3://bucket/prefix or pvc://claim/path",
    )
    parser.add_argument("--revision", default=None, help="branch, tag or commit of a hub (default: its main branch)")
    parser.add_argument(
        "--endpoint", default=None, help="the hub's address (default: HF_ENDPOINT, MODELSCOPE_ENDPOINT)"
    )
    parser.add_argument("--folder", type=Path, default=Path(MODEL_PATH), help="where the files of a pvc:// source are")
    parser.add_argument("--output", type=Path, default=None, help="a file for the report (default: standard output)")


def run(arguments: argparse.Namespace) -> int:
    """Write the report; 0 once it is written."""
    text = _json(_fitting(_report(arguments)))
    if arguments.output is None:
        sys.stdout.write(text + "\n")
    else:
        arguments.output.write_text(text)
    return 0


def _fitting(report: FactsReport) -> FactsReport:
    """The same with as little left out as makes it short enough: some configs name thousands of modules."""
    if report.facts is None:
        return report
    for left_out in ({}, _DESCRIPTIVE, _CONFIG, {**_DESCRIPTIVE, **_CONFIG}):
        shorter = FactsReport(facts=report.facts.model_copy(update=left_out))
        if len(_json(shorter).encode()) <= _MAX_REPORT_BYTES:
            return shorter
    message = (
        f"the facts of {report.facts.source} take more than {_MAX_REPORT_BYTES:,} bytes: names in its config.json "
    )
    return _failed(unusable(message + "are too long"))


def _failed(error: FactsError) -> FactsReport:
    message = error.message[:_MAX_MESSAGE_CHARACTERS]
    return FactsReport(failure=FactsFailure(reason=error.reason, message=message, is_permanent=error.is_permanent))


def _json(report: FactsReport) -> str:
    return report.model_dump_json(by_alias=True, exclude_none=True)


def _report(arguments: argparse.Namespace) -> FactsReport:
    try:
        return FactsReport(facts=_facts(arguments))
    except FactsError as error:
        return _failed(error)


def _facts(arguments: argparse.Namespace) -> ModelFacts:
    source = parse_source(arguments.source)
    revision = arguments.revision or source.default_revision
    if source.is_hub:
        endpoint = arguments.endpoint or os.environ.get(ENDPOINT_VARIABLES[source.scheme]) or None
        return hub_facts(source, revision, endpoint, os.environ.get(TOKEN_VARIABLES[source.scheme]) or None)
    if source.scheme is Scheme.PVC:
        return folder_facts(source, revision, arguments.folder)
    # Here, because S3's client takes longer to import than a hub to answer.
    from tonnage.cluster.sources.s3 import bucket_facts  # noqa: PLC0415

    return bucket_facts(source, revision, os.environ)
