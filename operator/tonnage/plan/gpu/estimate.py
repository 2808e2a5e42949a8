"""The sum: what is left for the KV cache of a set-up, how many tokens that is, and whether the engine would start.

With pipeline parallelism the figures in bytes are the first stage's, as the engine's log gives them; tokens are those of
the stage that holds the fewest.
"""

from dataclasses import dataclass

from tonnage.facts.shape import Shape
from tonnage.plan.gpu.activations import activation_bytes
from tonnage.plan.gpu.overhead import context_bytes, graph_bytes, non_torch_bytes
from tonnage.plan.gpu.pool import Pool, pool
from tonnage.plan.gpu.setup import Run, Setup, run
from tonnage.plan.gpu.weights import stage_layers, weights_bytes
from tonnage.plan.memory import gib


@dataclass(frozen=True)
class Estimate:
    """Bytes of one GPU. `reason` says why it does not start, with the numbers; empty where it does."""

    budget_bytes: int
    weights_bytes: int
    activation_bytes: int
    non_torch_bytes: int
    graph_bytes: int
    kv_cache_bytes: int
    """What is left for it; 0 or less where nothing is."""
    kv_cache_tokens: int
    concurrency: float
    """Sequences at full context; 0 where there is no KV cache."""
    reason: str

    @property
    def starts(self) -> bool:
        """Whether the engine comes up."""
        return not self.reason


def estimate(setup: Setup, shape: Shape, given_weights_bytes: int | None = None) -> Estimate:
    """The memory of a set-up; `given_weights_bytes` are the first stage's, where they were measured."""
    prepared = run(setup, shape)
    stages = [_stage(prepared, index, given_weights_bytes) for index in range(setup.pipeline_parallel)]
    first = stages[0]
    pools = [pool(prepared, index) for index in range(setup.pipeline_parallel)]
    pairs = [(stage, found) for stage, found in zip(stages, pools, strict=True) if found is not None]
    blocks = min((found.blocks(stage.kv_cache_bytes) for stage, found in pairs), default=0)
    whole = pairs[0][1] if pairs else None
    return Estimate(
        budget_bytes=first.budget_bytes,
        weights_bytes=first.weights_bytes,
        activation_bytes=first.activation_bytes,
        non_torch_bytes=first.non_torch_bytes,
        graph_bytes=first.graph_bytes,
        kv_cache_bytes=first.kv_cache_bytes,
        kv_cache_tokens=whole.tokens(prepared, blocks) if whole else 0,
        concurrency=blocks / whole.blocks_per_sequence(prepared) if whole else 0.0,
        reason=next((text for stage, found in zip(stages, pools, strict=True) if (text := _reason(stage, found))), ""),
    )


@dataclass(frozen=True)
class _Stage:
    """One rank of one stage."""

    run: Run
    budget_bytes: int
    weights_bytes: int
    activation_bytes: int
    non_torch_bytes: int
    graph_bytes: int

    @property
    def subtracted_graph_bytes(self) -> int:
        return self.graph_bytes if self.run.rules.subtracts_graphs else 0

    @property
    def kv_cache_bytes(self) -> int:
        used = self.weights_bytes + self.activation_bytes + self.non_torch_bytes + self.subtracted_graph_bytes
        return self.budget_bytes - used


def _stage(prepared: Run, index: int, given: int | None) -> _Stage:
    own = weights_bytes(prepared, index)
    begin, end = stage_layers(len(prepared.shape.layers), prepared.pipeline_parallel)[index]
    if given is not None:
        # Only the first stage's were measured: the others' are in proportion.
        own = given if index == 0 else given * own // weights_bytes(prepared, 0)
    return _Stage(
        run=prepared,
        budget_bytes=int(prepared.memory_bytes * prepared.utilization),
        weights_bytes=own,
        activation_bytes=activation_bytes(prepared, index),
        non_torch_bytes=non_torch_bytes(prepared, index),
        graph_bytes=graph_bytes(prepared, end - begin),
    )


def _reason(stage: _Stage, found: Pool | None) -> str:
    """The first thing that goes wrong, in the order in which the engine meets it."""
    prepared = stage.run
    free = prepared.memory_bytes - context_bytes(prepared)
    budget = f"{gib(prepared.memory_bytes)} x {prepared.utilization:g} = {gib(stage.budget_bytes)}"
    if prepared.rules.is_v1 and stage.budget_bytes > free:
        return f"the budget {budget} is more than the {gib(free)} that are free when the engine starts"
    if stage.weights_bytes > free:
        return f"weights {gib(stage.weights_bytes)} do not fit {gib(free)} of free memory"
    needs = (
        f"weights {gib(stage.weights_bytes)}, activations {gib(stage.activation_bytes)}, "
        f"other {gib(stage.non_torch_bytes)} and graphs {gib(stage.subtracted_graph_bytes)}"
    )
    peak = stage.weights_bytes + stage.activation_bytes + stage.non_torch_bytes
    if peak > free:
        return f"{needs} do not fit {gib(free)} of free memory"
    if found is None:
        return ""
    if stage.kv_cache_bytes <= 0:
        return f"nothing is left for the KV cache: {needs} take the budget {budget}"
    needed = found.needed_bytes(prepared)
    if needed > stage.kv_cache_bytes:
        return (
            f"one sequence of {prepared.max_model_len:,} tokens needs {gib(needed)} of KV cache, "
            f"{gib(stage.kv_cache_bytes)} are left of the budget {budget} after {needs}"
        )
    outside = free - stage.budget_bytes
    if not prepared.rules.subtracts_graphs and stage.graph_bytes > outside + stage.activation_bytes:
        return (
            f"CUDA graphs of {gib(stage.graph_bytes)} do not fit the {gib(outside + stage.activation_bytes)} that the "
            f"budget {budget} leaves free"
        )
    return ""
