import json
import subprocess
import sys
from pathlib import Path

import pytest

from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import ServeDocument
from tonnage_runtime.document import read_document
from tonnage_runtime.failures import RuntimeFailure, report_failure


def test_a_document_survives_the_config_map(document: ServeDocument, tmp_path: Path) -> None:
    path = tmp_path / "serve.json"
    path.write_text(json.dumps(document.to_json_object()))
    assert document == read_document(path)


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match=r"serve\.json cannot be read"):
        read_document(tmp_path / "serve.json")


def test_a_document_of_another_version_names_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "serve.json"
    path.write_text('{"schemaVersion": 2}')
    with pytest.raises(RuntimeFailure, match="image and operator must be of one version"):
        read_document(path)


def test_a_failure_is_one_json_line_in_the_termination_message(tmp_path: Path) -> None:
    path = tmp_path / "termination-log"
    report_failure(RuntimeFailure(Reason.DISK_FULL, "no room"), path)
    assert '{"reason": "DiskFull", "message": "no room"}\n' == path.read_text()


def test_a_failure_outside_a_container_is_in_the_log_only(tmp_path: Path) -> None:
    report_failure(RuntimeFailure(Reason.DISK_FULL, "no room"), tmp_path / "no" / "such" / "folder")


def test_the_program_exits_with_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tonnage_runtime", "head", "--document", str(tmp_path / "serve.json")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 1 == ended.returncode
    assert "ContainerFailed: the serve document" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_runtime_needs_neither_ray_nor_vllm_to_start() -> None:
    code = (
        "import sys, tonnage_runtime.__main__, tonnage_runtime.node, tonnage_runtime.download;"
        "print(sorted({'ray', 'vllm', 'torch', 'transformers'} & set(sys.modules)))"
    )
    assert (
        "[]" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    )
