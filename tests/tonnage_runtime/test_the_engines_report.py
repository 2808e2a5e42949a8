import json
import logging
from pathlib import Path

import pytest

from tonnage_runtime import engine_report

LINES = {
    "weights": ("Model loading took 14.25 GiB memory and 5.1 seconds", {"weightsBytes": 15_300_820_992}),
    "kv cache on a GPU": ("Available KV cache memory: 4.00 GiB", {"kvCacheBytes": 4 * 2**30}),
    "kv cache on a CPU": ("Explicitly set (0.25/17.84) GiB for KV cache on node 0.", {"kvCacheBytes": 2**28}),
    "tokens": ("GPU KV cache size: 5,760 tokens, Maximum concurrency for 2,048 tokens", {"kvCacheTokens": 5760}),
    "graphs": ("Graph capturing finished in 20 secs, took 0.50 GiB", {"graphsBytes": 2**29}),
    "anything else": ("Loading weights took 1.50 seconds", {}),
}


@pytest.mark.parametrize(("line", "expected"), LINES.values(), ids=LINES.keys())
def test_figures_are_read_from_the_engines_lines(line: str, expected: dict[str, int]) -> None:
    assert expected == engine_report.figures(line)


def test_figures_are_kept_in_a_file_and_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine_report, "REPORT", tmp_path / "report.jsonl")
    handler = engine_report.ReportHandler()
    for message in ("hello", "GPU KV cache size: 16 tokens"):
        handler.emit(logging.LogRecord("vllm", logging.INFO, __file__, 1, message, (), None))
    assert [{"kvCacheTokens": 16}] == [
        json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()
    ]
    assert 'tonnage-engine-report {"kvCacheTokens": 16}\n' == capsys.readouterr().err


def test_the_configuration_can_be_loaded() -> None:
    configuration = engine_report.logging_configuration()
    assert ["stderr", "report"] == json.loads(json.dumps(configuration))["loggers"]["vllm"]["handlers"]
    assert configuration["handlers"]["report"]["class"] == f"{engine_report.__name__}.ReportHandler"
