"""Headers against configs: what headers hold beyond the config is counted, and never less than the config explains."""

import pytest

from tests.support.gpu_plans import config
from tonnage.facts.shape import shape
from tonnage.memory import Setup
from tonnage.memory.checkpoint import completed, doubted, unexplained_bytes
from tonnage.memory.setup import run
from tonnage.memory.weights import weights_bytes

MODEL = "meta-llama__Meta-Llama-3.1-8B"
# model.safetensors.index.json of the real checkpoint: metadata.total_size.
TOTAL_BYTES = 16_060_522_496
GIB = 2**30


def on_one_gpu(bytes_by_dtype: dict[str, int], ranks: int = 1) -> int:
    found = completed(shape(config(MODEL)), bytes_by_dtype)
    return weights_bytes(run(Setup(gpu="H100", memory_bytes=80 * GIB, tensor_parallel=ranks), found))


@pytest.mark.parametrize(
    "bytes_by_dtype",
    [
        pytest.param({}, id="no header was read"),
        pytest.param({"bfloat16": TOTAL_BYTES}, id="exactly"),
        pytest.param({"float32": 2 * TOTAL_BYTES}, id="twice as wide: loaded in 16 bits"),
        pytest.param({"bfloat16": TOTAL_BYTES - GIB // 2}, id="less: the engine makes the rest itself"),
    ],
)
def test_what_the_config_explains_is_not_counted_again(bytes_by_dtype: dict[str, int]) -> None:
    read = shape(config(MODEL))
    assert read is completed(read, bytes_by_dtype)
    assert read is doubted(read, bytes_by_dtype)
    assert 0 == unexplained_bytes(read)


def test_a_config_that_describes_much_more_is_doubted() -> None:
    found = doubted(shape(config(MODEL)), {"bfloat16": TOTAL_BYTES - GIB})
    assert (f"why the checkpoint's headers hold {GIB:,} bytes less than it describes",) == found.unknown


@pytest.mark.parametrize("ranks", [1, 8])
def test_what_it_does_not_explain_is_whole_on_every_rank(ranks: int) -> None:
    explained = on_one_gpu({"bfloat16": TOTAL_BYTES}, ranks)
    assert GIB == on_one_gpu({"bfloat16": TOTAL_BYTES + GIB}, ranks) - explained
    assert GIB == unexplained_bytes(completed(shape(config(MODEL)), {"bfloat16": TOTAL_BYTES, "int64": GIB}))
