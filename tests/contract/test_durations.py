from datetime import timedelta

import pytest

from tonnage.contract.base import duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("90s", timedelta(seconds=90), id="seconds"),
        pytest.param("1h30m", timedelta(minutes=90), id="hours and minutes"),
        pytest.param("0m", timedelta(), id="nothing"),
        pytest.param("999999999999999h", timedelta(days=366), id="more than a calendar has"),
    ],
)
def test_a_duration_is_a_time_span(text: str, expected: timedelta) -> None:
    assert expected == duration(text)
