"""How much memory one replica's pod may have: what the author gave, else what the largest fitting node can spare.

A node that is busy now still counts: the plan says what fits the cluster, the scheduler says when.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tonnage.contract.spec import ModelDeploymentSpec, Toleration
from tonnage.facts.inventory import Inventory, Node, Taint
from tonnage.facts.quantity import whole
from tonnage.plan.engine import GIB
from tonnage.plan.memory import gib

# The head's pod, and what every node runs beside its pods of models.
_NODE_RESERVE_BYTES = 2 * GIB


@dataclass(frozen=True)
class Budget:
    """`limit_bytes` None: nobody said, as where the operator may not list nodes."""

    limit_bytes: int | None
    # The author's own number: then the pod gets exactly this, not what it needs.
    is_given: bool
    # Where the limit comes from, for messages.
    origin: str


def budget(spec: ModelDeploymentSpec, inventory: Inventory) -> Budget:
    """The memory for one replica; 0 where no node may take it. Raises FactsError for a malformed quantity."""
    given = spec.template.resources.memory
    if given is not None:
        return Budget(whole(given), is_given=True, origin="spec.template.resources.memory")
    if not inventory.is_known:
        return Budget(None, is_given=False, origin="nodes unknown")
    largest = max(fitting_nodes(spec, inventory), key=lambda node: node.memory_bytes, default=None)
    if largest is None:
        return Budget(0, is_given=False, origin="no node")
    return Budget(
        max(0, largest.memory_bytes - _NODE_RESERVE_BYTES),
        is_given=False,
        origin=f"node {largest.name}: {gib(largest.memory_bytes)} allocatable, {gib(_NODE_RESERVE_BYTES)} of them left "
        "to the head and the node's own pods",
    )


def fitting_nodes(spec: ModelDeploymentSpec, inventory: Inventory) -> tuple[Node, ...]:
    """The nodes that the deployment's selector and tolerations allow."""
    return tuple(
        node
        for node in inventory.nodes
        if node.is_schedulable
        and spec.placement.node_selector.items() <= node.labels.items()
        and all(_is_tolerated(taint, spec.placement.tolerations) for taint in node.taints)
    )


def _is_tolerated(taint: Taint, tolerations: Sequence[Toleration]) -> bool:
    return any(
        toleration.key in (None, taint.key)
        and toleration.effect in (None, "", taint.effect)
        and (toleration.operator == "Exists" or (toleration.value or "") == taint.value)
        for toleration in tolerations
        if toleration.key is not None or toleration.operator == "Exists"
    )
