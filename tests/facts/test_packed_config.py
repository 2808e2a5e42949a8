import base64
import zlib

import pytest

from tonnage.facts.packed import packed, unpacked

CONFIG = {"b": 1e-05, "a": [{"rope": "llama3", "n": None}], "ä": True}


def test_a_packed_config_comes_back_as_it_was():
    assert CONFIG == unpacked(packed(CONFIG))


def test_the_order_of_keys_does_not_show():
    assert packed(CONFIG) == packed(dict(reversed(CONFIG.items())))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("%%%", id="no base64"),
        pytest.param("aGVsbG8=", id="no zlib"),
        pytest.param(packed(CONFIG)[:16], id="cut off"),
        pytest.param(base64.b64encode(zlib.compress(b"[1]")).decode(), id="no object"),
        pytest.param(base64.b64encode(zlib.compress(b"{")).decode(), id="no JSON"),
        pytest.param(base64.b64encode(zlib.compress(b" " * 5 * 2**20)).decode(), id="a bomb"),
    ],
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError, match=r"packed config|Expecting"):
        unpacked(text)
