"""An answer as a page for people: what was chosen, where the memory goes, why, and what was not chosen. Pure.

Made for 80 columns, with or without colours: a style only repeats what the words say. What comes from a model's files
may hold anything, so all text is shown as text: no markup, no control characters.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tonnage.cli.answer import Answer
from tonnage.cli.memory_bar import MemoryBar
from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.serve_document import Device, Task
from tonnage.contract.status import Alternative, PlanStatus, ReplicaBounds
from tonnage.plan import Refusal
from tonnage.plan.memory import gib

_TASKS = {
    Task.GENERATE: "chat and completions",
    Task.EMBED: "/v1/embeddings, and /v1/score by likeness",
    Task.SCORE: "/v1/score and /v1/rerank",
}
_MILLION, _BILLION = 10**6, 10**9
_COMMIT_DIGITS = 12
_ALTERNATIVE_COLUMNS = 28
_SHOWN_LANGUAGES = 4

Row = tuple[str, str, str]


def page(answer: Answer) -> RenderableType:
    """The whole answer."""
    plan = answer.plan
    body = _refused(plan) if isinstance(plan, Refusal) else _planned(plan)
    document = answer.document
    return Group(
        _title(answer),
        *body,
        *_section("Not chosen", _alternatives(plan.alternatives) if plan.alternatives else None),
        *_section("Notes", _sentences(answer.notes) if answer.notes else None),
        *_section("Serve document", _text(_json(document.to_json_object())) if document else None),
    )


def rows(plan: PlanStatus) -> Iterator[Row]:
    """What was chosen: a name, a value, and what goes with it."""
    yield "task", plan.task, _TASKS[plan.task]
    yield _device(plan)
    if plan.gpu_products:
        yield "nodes", ", ".join(plan.gpu_products), ""
    yield "parallel", f"tensor {plan.tensor_parallel} × pipeline {plan.pipeline_parallel}", ""
    yield (
        "precision",
        plan.dtype,
        f"quantized: {plan.quantization}" if plan.quantization else "weights as the checkpoint has them",
    )
    if plan.kv_cache_tokens:
        detail = f"type {plan.kv_cache_dtype}, {plan.kv_cache_bytes_per_token:,} bytes per token"
        yield "KV cache", f"{plan.kv_cache_tokens:,} tokens", detail
    else:
        yield "KV cache", "none", "a text is done in one step"
    yield "context", f"{plan.context_length:,} tokens", f"{plan.concurrency} requests of that length at once"
    yield "batch", f"{plan.max_num_batched_tokens:,} tokens", f"of up to {plan.max_num_seqs:,} sequences"
    yield (
        "replica",
        f"{plan.target_ongoing_requests:,} requests",
        f"to aim at; beyond {plan.max_ongoing_requests:,} they wait",
    )
    if plan.replicas is not None:
        yield "replicas", _range(plan.replicas), "" if plan.replicas.fit is None else _fit(plan.replicas.fit)
    yield "pod", gib(plan.pod_memory_bytes), f"{plan.pod_memory_bytes:,} bytes; CPU {plan.pod_cpu}"
    minutes, seconds = divmod(plan.start_deadline_seconds, 60)
    yield "start", f"within {minutes} min {seconds} s", "or the replica is given up"


def _range(replicas: ReplicaBounds) -> str:
    return f"{replicas.min:,}" if replicas.min == replicas.max else f"{replicas.min:,} to {replicas.max:,}"


def _fit(replicas: int) -> str:
    return f"{replicas:,} fit on the nodes' GPUs"


def _device(plan: PlanStatus) -> Row:
    pods = "1 pod" if plan.pods_per_replica == 1 else f"{plan.pods_per_replica} pods of {plan.gpus_per_pod}"
    if plan.device is Device.CPU:
        return "device", "CPU", f"{pods} for each replica"
    resource = f"{plan.gpu_resource}, " if plan.gpu_resource else ""
    return "device", f"{plan.gpus_per_replica} × {plan.gpu or 'GPU'}", f"{resource}{pods} for each replica"


def _title(answer: Answer) -> RenderableType:
    source = _text(answer.source, style="bold")
    lines = [source] if answer.facts is None else [source, *map(_text, _model(answer.facts))]
    return Panel(Group(*lines), title=_text(answer.deployment, style="bold"), title_align="left", box=ROUNDED)


def _model(facts: ModelFacts) -> Iterator[str]:
    size = f"{_parameters(facts.parameters)} parameters" if facts.parameters else ""
    revision = facts.commit[:_COMMIT_DIGITS]
    if facts.requested_revision != facts.commit:
        revision = f"{facts.requested_revision} is {revision}"
    yield " · ".join(part for part in (facts.architecture, size, revision) if part)
    chat = ("chat template with tools" if facts.handles_tools else "chat template") if facts.has_chat_template else ""
    extension = f"context by {facts.context_extension}" if facts.context_extension else ""
    known = [part for part in (facts.licence, facts.hub_task, _languages(facts), chat, extension) if part]
    if known:
        yield " · ".join(known)


def _languages(facts: ModelFacts) -> str:
    languages = facts.languages or []
    more = len(languages) - _SHOWN_LANGUAGES
    return ", ".join([*languages[:_SHOWN_LANGUAGES], *([f"{more} more"] if more > 0 else [])])


def _parameters(number: int) -> str:
    return f"{number / _BILLION:,.1f} billion" if number >= _BILLION else f"{number / _MILLION:,.1f} million"


def _planned(plan: PlanStatus) -> Iterator[RenderableType]:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for style in ("cyan", "bold", "dim"):
        grid.add_column(style=style)
    for row in rows(plan):
        grid.add_row(*map(_text, row))
    yield Padding(grid, (1, 0, 0, 1), expand=False)
    yield from _section(_memory_of(plan), MemoryBar(plan.memory))
    yield from _section("Why", _sentences(plan.explanation) if plan.explanation else None)


def _memory_of(plan: PlanStatus) -> str:
    budget = gib(plan.memory.budget_bytes)
    if plan.device is Device.CPU:
        return f"Memory of a pod: {budget}"
    part = f", of which the engine may take {plan.gpu_memory_percent} %" if plan.gpu_memory_percent else ""
    return f"Memory of {'each' if plan.gpus_per_replica > 1 else 'the'} GPU: {budget}{part}"


def _refused(refusal: Refusal) -> Iterator[RenderableType]:
    title = _text(f"Refused: {refusal.reason}", style="bold red")
    yield Panel(_text(refusal.message), title=title, title_align="left", border_style="red", box=ROUNDED)


def _alternatives(alternatives: Iterable[Alternative]) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(max_width=_ALTERNATIVE_COLUMNS)
    grid.add_column()
    for one in alternatives:
        grid.add_row(Group(_text(one.what, style="bold"), _text(one.reason, style="yellow")), _text(one.message))
    return grid


def _sentences(sentences: Sequence[str]) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column()
    grid.add_column()
    for sentence in sentences:
        grid.add_row("•", _text(sentence))
    return grid


def _section(heading: str, content: RenderableType | None) -> tuple[RenderableType, ...]:
    if content is None:
        return ()
    return (
        Padding(_text(heading, style="bold underline"), (1, 0, 0, 1), expand=False),
        Padding(content, (0, 1), expand=False),
    )


def _text(text: str, style: str = "") -> Text:
    shown = "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)
    return Text(shown, style=style)


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
