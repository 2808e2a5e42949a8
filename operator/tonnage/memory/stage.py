"""One rank of one pipeline stage: its parts in bytes, and what they leave for the KV cache."""

from dataclasses import dataclass

from tonnage.memory.activations import activation_bytes
from tonnage.memory.overhead import context_bytes, graph_bytes, non_torch_bytes
from tonnage.memory.setup import Run
from tonnage.memory.weights import stages, weights_bytes


@dataclass(frozen=True)
class Stage:
    """Bytes of one GPU."""

    run: Run
    budget_bytes: int
    """What the engine may take: physical memory times utilization."""
    free_bytes: int
    """What there is when the engine starts."""
    weights_bytes: int
    activation_bytes: int
    non_torch_bytes: int
    graph_bytes: int

    @property
    def subtracted_graph_bytes(self) -> int:
        """What of the graphs comes off the budget; before 0.21 they took from what the budget left free."""
        return self.graph_bytes if self.run.rules.subtracts_graphs else 0

    @property
    def used_bytes(self) -> int:
        """Everything but the KV cache that the budget holds."""
        return self.weights_bytes + self.activation_bytes + self.non_torch_bytes + self.subtracted_graph_bytes

    @property
    def kv_cache_bytes(self) -> int:
        """What is left; negative where nothing is."""
        return self.budget_bytes - self.used_bytes


def stage(prepared: Run, index: int, given_weights_bytes: int | None) -> Stage:
    """The stage with this number; the given weights were measured on the first."""
    own = weights_bytes(prepared, index)
    begin, end = stages(prepared)[index]
    if given_weights_bytes is not None:
        # The other stages' are in proportion.
        own = given_weights_bytes if index == 0 else given_weights_bytes * own // weights_bytes(prepared, 0)
    return Stage(
        run=prepared,
        budget_bytes=int(prepared.memory_bytes * prepared.utilization),
        free_bytes=prepared.memory_bytes - context_bytes(prepared),
        weights_bytes=own,
        activation_bytes=activation_bytes(prepared, index),
        non_torch_bytes=non_torch_bytes(prepared, index),
        graph_bytes=graph_bytes(prepared, end - begin),
    )
