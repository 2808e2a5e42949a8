"""Why a start fails: an ordered chain of small functions, each with one reason that names its numbers.

The order is the engine's own: it checks the free memory, loads, profiles, sizes the KV cache, and captures graphs last.
"""

from collections.abc import Callable

from tonnage.memory.devices import GIB
from tonnage.memory.pool import Pool
from tonnage.memory.stage import Stage


def reason(stage: Stage, pool: Pool | None) -> str:
    """The first thing that goes wrong on a stage; empty where nothing does. Models that keep nothing have no pool."""
    return next((text for check in _CHECKS if (text := check(stage, pool))), "")


def _budget_is_not_free(stage: Stage, _: Pool | None) -> str:
    # V0 did not look.
    if not stage.run.rules.is_v1 or stage.budget_bytes <= stage.free_bytes:
        return ""
    return f"the budget {_budget(stage)} is more than the {_gib(stage.free_bytes)} that are free when the engine starts"


def _weights_do_not_fit(stage: Stage, _: Pool | None) -> str:
    if stage.weights_bytes <= stage.free_bytes:
        return ""
    return f"weights {_gib(stage.weights_bytes)} do not fit {_gib(stage.free_bytes)} of free memory"


def _profiling_does_not_fit(stage: Stage, _: Pool | None) -> str:
    peak = stage.weights_bytes + stage.activation_bytes + stage.non_torch_bytes
    return "" if peak <= stage.free_bytes else f"{_parts(stage)} do not fit {_gib(stage.free_bytes)} of free memory"


def _budget_is_exceeded(stage: Stage, pool: Pool | None) -> str:
    # Without a KV cache the engine profiles nothing, so that it would start and run out of memory at a full batch.
    if pool is not None or stage.kv_cache_bytes >= 0:
        return ""
    return f"{_parts(stage)} are more than the budget {_budget(stage)}"


def _nothing_is_left(stage: Stage, pool: Pool | None) -> str:
    if pool is None or stage.kv_cache_bytes > 0:
        return ""
    return f"nothing is left for the KV cache: {_parts(stage)} take the budget {_budget(stage)}"


def _sequence_does_not_fit(stage: Stage, pool: Pool | None) -> str:
    needed = pool.needed_bytes(stage.run) if pool else 0
    if needed <= stage.kv_cache_bytes or pool is None:
        return ""
    return (
        f"one sequence of {stage.run.max_model_len:,} tokens needs {_gib(needed)} of KV cache, "
        f"{_gib(stage.kv_cache_bytes)} are left of the budget {_budget(stage)} after {_parts(stage)}"
    )


def _graphs_do_not_fit(stage: Stage, _: Pool | None) -> str:
    # What activations had at their peak is free again when graphs are captured.
    room = stage.free_bytes - stage.budget_bytes + stage.activation_bytes
    if stage.run.rules.subtracts_graphs or stage.graph_bytes <= room:
        return ""
    return (
        f"CUDA graphs of {_gib(stage.graph_bytes)} do not fit {_gib(room)} that the budget {_budget(stage)} leaves free"
    )


_CHECKS: tuple[Callable[[Stage, Pool | None], str], ...] = (
    _budget_is_not_free,
    _weights_do_not_fit,
    _profiling_does_not_fit,
    _budget_is_exceeded,
    _nothing_is_left,
    _sequence_does_not_fit,
    _graphs_do_not_fit,
)


def _budget(stage: Stage) -> str:
    return f"{_gib(stage.run.memory_bytes)} x {stage.run.utilization:g} = {_gib(stage.budget_bytes)}"


def _parts(stage: Stage) -> str:
    return (
        f"weights {_gib(stage.weights_bytes)}, activations {_gib(stage.activation_bytes)}, "
        f"other {_gib(stage.non_torch_bytes)} and graphs {_gib(stage.subtracted_graph_bytes)}"
    )


def _gib(size_bytes: int) -> str:
    """Down to hundredths where tenths would say nothing."""
    return f"{size_bytes / GIB:.1f} GiB" if abs(size_bytes) >= GIB else f"{size_bytes / GIB:.2f} GiB"
