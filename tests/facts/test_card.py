"""What a model's card says, as a hub gives it and as a README.md has it."""

from typing import Any

import pytest

from tonnage.facts.card import Card, card, front_matter

README = b"""---
language:
- en
- zh
license: apache-2.0
pipeline_tag: text-generation
---
# A model
---
license: mit
"""


def test_front_matter_is_the_card() -> None:
    assert Card("apache-2.0", ("en", "zh"), "text-generation") == card(front_matter(README))


@pytest.mark.parametrize(
    ("metadata", "tags", "expected"),
    [
        pytest.param({}, (), None, id="nothing"),
        pytest.param({"license": "mit"}, ("license:apache-2.0",), "apache-2.0", id="the hub's tag first"),
        pytest.param({"license": "mit"}, ("region:us",), "mit", id="only the card"),
        pytest.param({"license": ["mit", "apache-2.0"]}, (), "mit", id="the first of a list"),
        pytest.param({"license_name": "qwen"}, ("license:other",), "qwen", id="another, by its name"),
        pytest.param({}, ("license:other",), "other", id="another, without a name"),
        pytest.param({"license": "x" * 100}, (), None, id="a whole text"),
        pytest.param({"license": "a\nb"}, (), None, id="lines"),
        pytest.param({"license": 7}, (), None, id="a number"),
    ],
)
def test_the_licence_is_a_word(metadata: dict[str, Any], tags: tuple[str, ...], expected: str | None) -> None:
    assert expected == card(metadata, tags).licence


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("en", ("en",), id="one"),
        pytest.param(["en", "pt-br", "en"], ("en", "pt-br"), id="each once"),
        pytest.param([False, "en", None, {"x": 1}, "not a language at all"], ("en",), id="words only"),
        pytest.param(None, (), id="none"),
        pytest.param([f"l{number}" for number in range(100)], tuple(f"l{n}" for n in range(32)), id="the first ones"),
    ],
)
def test_languages_are_few_and_short(given: Any, expected: tuple[str, ...]) -> None:
    assert expected == card({"language": given}).languages


def test_the_hubs_word_for_the_task_wins() -> None:
    assert "feature-extraction" == card({"pipeline_tag": "text-generation"}, (), "feature-extraction").hub_task


@pytest.mark.parametrize(
    "readme",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"# A model\n---\nlicense: mit\n---\n", id="not at the start"),
        pytest.param(b"---\nlicense: mit\n", id="cut off"),
        pytest.param(b"---\na: [\n---\n", id="not YAML"),
        pytest.param(b"---\n- 1\n---\n", id="a list"),
        pytest.param(b"---\na: !!python/object:os.system x\n---\n", id="an object"),
        pytest.param(b"---\na: " + b"[" * 5000 + b"\n---\n", id="nested without end"),
        pytest.param(b"---\na: " + b"1" * 5000 + b"\n---\n", id="a number without end"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
    ],
)
def test_a_readme_without_front_matter_is_no_card(readme: bytes) -> None:
    assert {} == front_matter(readme)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    assert front_matter(README) == front_matter(b"\xef\xbb\xbf" + README.replace(b"\n", b"\r\n"))
