import logging

import pytest

from tonnage.handlers.logs import Sparse


def record(name: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, "text", None, None)


def test_an_api_server_that_is_away_is_one_line_in_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = Sparse()
    shown = []
    for second in (0.0, 1.0, 29.0, 31.0, 40.0):
        monkeypatch.setattr("time.monotonic", lambda second=second: 1000 + second)
        shown.append(sparse.filter(record("kopf._cogs.clients.watching")))
    assert [True, False, False, True, False] == shown


def test_our_own_lines_are_all_there() -> None:
    sparse = Sparse()
    assert all(sparse.filter(record("tonnage.reconcile")) for _ in range(3))
