import json
import logging
import socket
import urllib.request
from pathlib import Path

import pytest

from tonnage.contract.serve_document import EngineReport
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


def test_the_operator_is_told_the_largest_of_each_figure_of_this_engine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_report, "REPORT", tmp_path / "report.jsonl")
    engine_report.REPORT.write_text('{"graphsBytes": 7}\n')
    engine_report.begin()
    assert EngineReport() == engine_report.gathered()
    engine_report.REPORT.write_text('{"weightsBytes": 2}\n{"weightsBytes": 3}\n{"kvCacheTokens": 16}\n')
    assert EngineReport(weights_bytes=3, kv_cache_tokens=16) == engine_report.gathered()


def test_a_port_that_is_taken_costs_the_figures_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine_report, "REPORT", tmp_path / "report.jsonl")
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        engine_report.tell_report(taken.getsockname()[1])
    assert "cannot be told" in caplog.text


def test_figures_are_answered_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_report, "REPORT", tmp_path / "report.jsonl")
    engine_report.REPORT.write_text('{"kvCacheTokens": 16}\n')
    server = engine_report.tell_report(0)
    assert server is not None
    try:
        url = f"http://127.0.0.1:{server.server_port}/engine"
        assert {"kvCacheTokens": 16} == json.loads(urllib.request.urlopen(url, timeout=5).read())
    finally:
        server.shutdown()
        server.server_close()


def test_the_configuration_can_be_loaded() -> None:
    configuration = engine_report.logging_configuration()
    assert ["stderr", "report"] == json.loads(json.dumps(configuration))["loggers"]["vllm"]["handlers"]
    assert configuration["handlers"]["report"]["class"] == f"{engine_report.__name__}.ReportHandler"
