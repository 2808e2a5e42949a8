"""Whatever text a person writes comes out of a template as it went in."""

import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from tonnage import __version__
from tonnage.desired.environment import as_yaml, rendered

ROOT = Path(__file__).parents[2]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda children: st.lists(children) | st.dictionaries(st.text(st.characters(codec="utf-8")), children),
    max_leaves=8,
)


@given(json_values)
def test_every_json_value_survives(value: object) -> None:
    assert value == yaml.safe_load(f"key: {as_yaml(value)}")["key"]


@pytest.mark.parametrize(
    "text", ["on", "no", "0123", "1e3", "null", "~", "", "a: b", "{{ x }}", "'", '"', "# no", "\u2028"]
)
def test_text_that_looks_like_something_else_stays_text(text: str) -> None:
    assert text == yaml.safe_load(f"key: {as_yaml(text)}")["key"]


def test_a_name_that_a_template_does_not_get_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendered("service-account", name="chat")


def test_the_operators_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
