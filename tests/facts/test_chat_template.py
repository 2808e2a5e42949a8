"""Whether a chat template handles tools, by parsing it and no more."""

from typing import Any

import pytest

from tonnage.facts.chat_template import MAX_BYTES, handles_tools

# Shortened from those of the families.
QWEN = "{%- if tools %}{{- '# Tools' }}{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}{%- endif %}"
LLAMA = (
    "{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}"
    "{%- if not tools is defined %}{%- set tools = none %}{%- endif %}"
)
NAMED = [{"name": "default", "template": "{{ messages }}"}, {"name": "tool_use", "template": QWEN}]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(QWEN, True, id="a loop over tools"),
        pytest.param(LLAMA, True, id="a question whether there are tools"),
        pytest.param(NAMED, True, id="a named template for tools"),
        pytest.param(NAMED[:1], False, id="a named template without"),
        pytest.param("{% macro f(x) %}{{ x }}{% endmacro %}{{ f(tools) }}", True, id="handed to a macro"),
        pytest.param("{% macro f(tools) %}{{ tools }}{% endmacro %}{{ f(1) }}", False, id="a macro's own word"),
        pytest.param("{{ messages }} You have tools. {# tools #}", False, id="in a text, in a comment"),
        pytest.param("{{ message.tools }}{{ message['tools'] }}", False, id="of a message"),
        pytest.param("{% set tools = 1 %}", False, id="written and never read"),
        pytest.param("{% generation %}{{ tools }}{% endgeneration %}", True, id="transformers' own statement"),
        pytest.param("{% for m in messages %}{% break %}{% endfor %}{% do x %}", False, id="its extensions"),
        pytest.param("{% if %}", None, id="not a template"),
        pytest.param(["{% if %}", "{{ tools }}"], True, id="one of two can be read"),
        pytest.param("{{ " + "(" * 10_000, None, id="nested without end"),
        pytest.param("{{ " + "-" * 10_000 + "1 }}", None, id="signs without end"),
        pytest.param("{{ 9 ** 9 ** 9 ** 9 ** tools }}", True, id="a constant that nobody may compute"),
        pytest.param("{{ tools }}" + " " * MAX_BYTES, None, id="too long"),
        pytest.param("", False, id="empty"),
        pytest.param([], None, id="an empty list"),
        pytest.param(7, None, id="a number"),
        pytest.param([{"template": None}, None, [1]], None, id="a list of anything"),
    ],
)
def test_a_template_handles_tools_if_it_reads_them(given: Any, *, expected: bool | None) -> None:
    assert expected is handles_tools(given)
