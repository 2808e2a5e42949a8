"""What an encoder-decoder keeps of its encoder's output."""

import pytest

from tests.facts.test_shape import WHISPER
from tonnage.facts.shape import shape
from tonnage.memory.pool import pool
from tonnage.memory.setup import Run, Setup, run

LAYERS, PAGE_BYTES = 32, 16 * 20 * 128 * 2


def whisper(version: str) -> Run:
    return run(Setup("NVIDIA L4", 24 * 2**30, engine_version=version, max_num_batched_tokens=4096), shape(WHISPER))


@pytest.mark.parametrize(
    ("version", "groups", "blocks"),
    [
        pytest.param("0.29.0", 2, 448 // 16 + 4096 // 16, id="as many as a batch of the encoder may have"),
        pytest.param("0.10.2", 2, 448 // 16 + -(-1500 // 16), id="0.10.2: what the encoder gives"),
        pytest.param("0.9.2", 1, 448 // 16, id="V0: in the pages of the decoder's own layers"),
    ],
)
def test_every_sequence_keeps_blocks_of_the_encoder(version: str, groups: int, blocks: int) -> None:
    prepared = whisper(version)
    found = pool(prepared)
    assert found is not None
    assert (groups, LAYERS * PAGE_BYTES) == (len(found.groups), found.block_bytes)
    assert blocks == found.blocks_per_sequence(prepared)
