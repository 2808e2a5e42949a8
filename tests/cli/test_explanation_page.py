"""The page that people see, in 80 columns: `task golden` writes it anew, the diff is the review."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from tests.support.gpu_plans import cluster, gpu_wish
from tests.support.pooling_models import facts_of
from tonnage.cli.answer import Answer
from tonnage.cli.explanation import page
from tonnage.cli.memory_bar import columns
from tonnage.contract.model_facts import ContextExtension, ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import Alternative, MemoryPlan, PlanStatus
from tonnage.facts.inventory import UNKNOWN_INVENTORY
from tonnage.plan import Refusal, plan

GOLDEN = Path(__file__).with_name("golden")
GIB = 2**30

TOO_LONG = Alternative(
    what="context 131,072 on 2 × L4",
    reason="InsufficientMemory",
    message="needs 7.0 GiB of KV cache in each GPU, 4.1 GiB are left",
)
ONE_GPU = Alternative(
    what="1 × L4",
    reason="InsufficientMemory",
    message="weights 14.2 GiB, activations 1.4 GiB and overhead 0.3 GiB leave 3.8 GiB of 19.8 GiB, and a context of "
    "32,768 needs 1.8 GiB for each of 4 sequences",
)
ON_GPUS = PlanStatus(
    device=Device.GPU,
    gpu="L4",
    gpu_resource="nvidia.com/gpu",
    gpu_products=["NVIDIA-L4"],
    gpu_memory_percent=92,
    gpus_per_replica=2,
    tensor_parallel=2,
    pipeline_parallel=1,
    dtype="bfloat16",
    kv_cache_dtype="auto",
    context_length=32_768,
    max_num_seqs=256,
    max_num_batched_tokens=2048,
    target_ongoing_requests=80,
    max_ongoing_requests=230,
    start_deadline_seconds=1156,
    kv_cache_bytes_per_token=28_672,
    kv_cache_tokens=344_064,
    concurrency="10.5",
    memory=MemoryPlan(
        budget_bytes=20 * GIB,
        weights_bytes=7_700_000_000,
        kv_cache_bytes=344_064 * 28_672,
        activations_bytes=1_503_238_553,
        graphs_bytes=322_122_547,
        overhead_bytes=1_288_490_188,
        headroom_bytes=20 * GIB - 7_700_000_000 - 344_064 * 28_672 - 1_503_238_553 - 322_122_547 - 1_288_490_188,
    ),
    pod_memory_bytes=24 * GIB,
    pod_cpu="4",
    explanation=[
        "Qwen2ForCausalLM with 7,615,616,512 parameters takes 7,700,000,000 bytes of weights in each of 2 GPUs.",
        "A token takes 28,672 bytes of KV cache in each GPU.",
    ],
    alternatives=[ONE_GPU, TOO_LONG],
)


def answer(facts: ModelFacts | None, planned: PlanStatus | Refusal) -> Answer:
    notes = ("Planned for 1 node with 2 × L4; each node taken to have 64 CPUs and 512 GiB.",)
    return Answer("chat", "hf://HuggingFaceTB/SmolLM2-135M-Instruct", facts, planned, notes=notes)


def shown(one: Answer, width: int = 80, colours: str | None = None) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=colours, force_terminal=bool(colours), highlight=False)
    console.print(page(one))
    # What a line is padded with is nobody's business.
    return "".join(line.rstrip() + "\n" for line in file.getvalue().splitlines())


@pytest.fixture
def answers(smollm2: ModelFacts, cpu_spec: ModelDeploymentSpec) -> dict[str, Answer]:
    refusal = Refusal(
        Reason.INSUFFICIENT_MEMORY,
        "weights 140.0 GiB do not fit 2 × L4 (2 × 22.0 GiB × 0.92); 4 × L40S would",
        (TOO_LONG,),
    )
    described = {
        "handles_tools": True,
        "languages": ["en", "fr", "de", "es", "it", "pt"],
        "hub_task": "text-generation",
        "context_extension": ContextExtension(kind="yarn", factor="4", original_context_length=8192),
    }
    on_cpus = plan(cpu_spec, smollm2, UNKNOWN_INVENTORY)
    bge = facts_of("BAAI__bge-base-en-v1.5")
    return {
        "a-plan-for-cpus": answer(smollm2, on_cpus),
        "a-plan-for-gpus": answer(smollm2.model_copy(update=described), ON_GPUS),
        "an-embedding-model": answer(bge, plan(gpu_wish(), bge, cluster(("L4", 1)))),
        "a-refusal": answer(smollm2, refusal),
        "a-refusal-without-facts": answer(None, refusal),
    }


@pytest.mark.parametrize(
    "name", ["a-plan-for-cpus", "a-plan-for-gpus", "an-embedding-model", "a-refusal", "a-refusal-without-facts"]
)
def test_the_page_is_as_it_was_reviewed(name: str, answers: dict[str, Answer], pytestconfig: pytest.Config) -> None:
    path = GOLDEN / f"{name}.txt"
    text = shown(answers[name])
    if pytestconfig.getoption("golden_update"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize("colours", [None, "truecolor"])
def test_no_line_is_longer_than_the_console(answers: dict[str, Answer], width: int, colours: str | None) -> None:
    lines = [
        Text.from_ansi(line).cell_len for one in answers.values() for line in shown(one, width, colours).split("\n")
    ]
    assert max(lines) <= width


def test_colours_change_no_word(answers: dict[str, Answer]) -> None:
    plain = shown(answers["a-plan-for-gpus"])
    coloured = Text.from_ansi(shown(answers["a-plan-for-gpus"], colours="truecolor")).plain
    assert [line.strip(" █▚▌▒▓░") for line in plain.split()] == [line.strip(" █▚▌▒▓░") for line in coloured.split()]


def test_without_colours_the_parts_differ_in_filling(answers: dict[str, Answer]) -> None:
    [bar] = [line for line in shown(answers["a-plan-for-gpus"]).splitlines() if line.startswith(" ████")][:1]
    assert ["█", "▚", "▌", "▒", "▓", "░"] == list(dict.fromkeys(bar.strip()))


def test_what_a_config_holds_is_shown_as_text(smollm2: ModelFacts) -> None:
    facts = smollm2.model_copy(update={"architecture": "[red]Llama\x1b[2J"})
    text = shown(answer(facts, ON_GPUS), colours="truecolor")
    assert "[red]Llama�[2J" in text


@pytest.mark.parametrize(
    ("sizes", "width", "expected"),
    [
        pytest.param([1, 1], 10, [5, 5], id="halves"),
        pytest.param([1, 1, 1], 10, [4, 3, 3], id="thirds"),
        pytest.param([1000, 1, 0], 10, [9, 1, 0], id="little is not nothing"),
        pytest.param([0, 0], 10, [0, 0], id="nothing"),
        pytest.param([1, 1, 1], 2, [1, 1, 1], id="too narrow"),
    ],
)
def test_a_bar_is_in_proportion(sizes: list[int], width: int, expected: list[int]) -> None:
    assert expected == columns(sizes, width)
