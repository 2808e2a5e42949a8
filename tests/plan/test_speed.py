"""The bound on a request's speed: bandwidth over the bytes that a token reads."""

import pytest

from tests.support import pooling_models
from tests.support.gpu_plans import cluster, facts_of, gpu_wish
from tonnage.contract.status import PlanStatus
from tonnage.plan import plan


def said(name: str, *nodes: tuple[str, int], **fields: object) -> str:
    found = plan(gpu_wish(**fields), facts_of(name), cluster(*nodes))
    assert isinstance(found, PlanStatus)
    return " ".join(found.explanation)


@pytest.mark.parametrize(
    ("name", "node", "serving", "expected"),
    [
        pytest.param(
            "meta-llama__Llama-3.1-8B-Instruct",
            ("H100", 1),
            {},
            # 8.03 billion parameters, less the rows of the embedding that are not looked up, in 2 bytes.
            "reads 15.0 GB of weights on each GPU, at 3,350 GB/s: at most 222 tokens a second",
            id="dense",
        ),
        pytest.param(
            "meta-llama__Llama-3.1-8B-Instruct",
            ("L4", 4),
            {"pipelineParallel": 2},
            "reads 7.5 GB of weights on each GPU, at 300 GB/s: at most 19 tokens",
            id="pipeline",
        ),
        pytest.param(
            "Qwen__Qwen3-30B-A3B-Instruct-2507",
            ("H100", 1),
            {},
            # 3.05 of 30.5 billion.
            "reads 6.1 GB of weights on each GPU",
            id="mixture: only the experts that a token uses",
        ),
        pytest.param("meta-llama__Llama-3.1-8B-Instruct", ("L4", 2), {}, "computed over PCIe 4 (64 GB/s", id="PCIe"),
    ],
)
def test_a_request_is_as_fast_as_its_weights_are_read(
    name: str, node: tuple[str, int], serving: dict[str, object], expected: str
) -> None:
    assert expected in said(name, node, serving=serving)


def test_what_does_not_generate_has_no_tokens_a_second() -> None:
    found = plan(gpu_wish(), pooling_models.facts_of("BAAI__bge-base-en-v1.5"), cluster(("L4", 1)))
    assert isinstance(found, PlanStatus)
    assert "tokens a second" not in " ".join(found.explanation)
