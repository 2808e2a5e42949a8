"""What there is to plan for: kinds of GPUs, how many of each a single node has, and how a pod asks for them.

What is taken at the moment does not count, as with nodes: the plan says what fits the cluster, the scheduler says when.
Only where the author said how long to wait, GPUs must be free, and `turns` waits for them. A GPU that the author names
and no node has is an offer too, because nodes may be made when pods wait for them.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from tonnage.contract.base import duration
from tonnage.contract.spec import Candidate, ModelDeploymentSpec, Toleration
from tonnage.facts.gpu_labels import AMD_RESOURCE, NVIDIA_RESOURCE, Sharing
from tonnage.facts.gpus import Gpu, Vendor, gpu
from tonnage.facts.inventory import Inventory, Node, NodeGpus
from tonnage.plan.budget import fitting_nodes

# More than this on one node is not sold, and more than eight hardly.
_MOST_GPUS = 16
_USUAL_GPUS = 8


@dataclass(frozen=True)
class NodeShare:
    """GPUs of one kind on one node; `free` is None where it is not known what pods have taken."""

    allocatable: int
    free: int | None


@dataclass(frozen=True)
class Room:
    """How many pods there is room for, all in all and on what is free; None where that is not known."""

    total: int
    free: int | None

    def replicas(self, pods: int) -> "Room":
        """How many replicas of so many pods each."""
        return Room(self.total // pods, None if self.free is None else self.free // pods)


@dataclass(frozen=True)
class Wait:
    """How long the author waits for GPUs to be free; `text` is as it was written."""

    field: str
    text: str
    time: timedelta


@dataclass(frozen=True)
class Offer:
    """GPUs of one kind; `per_node` is the most that one node has."""

    gpu: Gpu
    resource: str
    per_node: int
    # What nodes are labelled with.
    products: tuple[str, ...] = ()
    # How many a replica must take, where the author said, and on how many nodes.
    count: int | None = None
    pods: int = 1
    is_present: bool = True
    # The nodes that have them.
    shares: tuple[NodeShare, ...] = ()
    wait: Wait | None = None

    @property
    def is_there(self) -> bool:
        """Whether a replica is planned for it at once: on GPUs that are free, where the author would wait for such."""
        if not self.is_present or self.wait is None or self.count is None:
            return self.is_present
        free = self.room(self.count // self.pods).free
        return free is None or free >= self.pods

    def room(self, gpus: int) -> Room:
        """How many pods with so many GPUs the nodes hold."""
        free = [share.free // gpus for share in self.shares if share.free is not None]
        total = sum(share.allocatable // gpus for share in self.shares)
        return Room(total, sum(free) if len(free) == len(self.shares) else None)


@dataclass(frozen=True)
class Rejected:
    """Something that was looked at and cannot be used; both texts are for people."""

    what: str
    reason: str
    message: str


@dataclass(frozen=True)
class Offers:
    """In the author's order of preference, else the smallest GPU first; and what was left out."""

    found: tuple[Offer, ...]
    rejected: tuple[Rejected, ...] = ()
    # Whether nodes were seen: what nobody can see come is not waited for.
    is_known: bool = True


def offers(spec: ModelDeploymentSpec, inventory: Inventory) -> Offers:
    """What a deployment may be planned for."""
    nodes = fitting_nodes(_with_gpu_tolerations(spec), inventory)
    usable, rejected = _of_nodes(nodes)
    if not spec.placement.candidates:
        return Offers(tuple(sorted(usable, key=_size)), tuple(rejected))
    named = [_named(candidate, usable, index) for index, candidate in enumerate(spec.placement.candidates)]
    return Offers(
        tuple(one for one in named if isinstance(one, Offer)),
        (*rejected, *(one for one in named if isinstance(one, Rejected))),
        is_known=inventory.is_known,
    )


def _with_gpu_tolerations(spec: ModelDeploymentSpec) -> ModelDeploymentSpec:
    """The pods tolerate what keeps others away from GPUs, see `desired`."""
    added = [Toleration(key=key, operator="Exists", effect="NoSchedule") for key in (NVIDIA_RESOURCE, AMD_RESOURCE)]
    placement = spec.placement.model_copy(update={"tolerations": [*spec.placement.tolerations, *added]})
    return spec.model_copy(update={"placement": placement})


def _of_nodes(nodes: tuple[Node, ...]) -> tuple[list[Offer], list[Rejected]]:
    found: dict[tuple[str, str, int], Offer] = {}
    rejected: dict[str, Rejected] = {}
    for node in nodes:
        for group in node.gpus:
            offer = _offer(group)
            if isinstance(offer, Rejected):
                rejected.setdefault(offer.what, replace(offer, message=f"node {node.name}: {offer.message}"))
                continue
            key = (offer.gpu.name, offer.resource, offer.gpu.memory_bytes)
            known = found.get(key, offer)
            found[key] = replace(
                known,
                per_node=max(known.per_node, offer.per_node),
                products=tuple(sorted({*known.products, *offer.products})),
                shares=known.shares + offer.shares if known is not offer else offer.shares,
            )
    return list(found.values()), list(rejected.values())


def _offer(group: NodeGpus) -> Offer | Rejected:
    what = group.product or group.resource
    if group.gpu is None:
        return Rejected(what, "UnknownGpu", "neither a label nor the table of GPUs says how much memory it has")
    if group.sharing is not Sharing.NONE:
        return Rejected(
            what, "SharedGpu", f"its memory is shared by {group.replicas} pods ({group.sharing}): no plan could hold"
        )
    # Slices do not reach each other's memory, and a process gets one.
    per_node = 1 if group.gpu.mig_profile else min(group.allocatable, _MOST_GPUS)
    products = (group.product,) if group.product else ()
    return Offer(group.gpu, group.resource, per_node, products, shares=(NodeShare(group.allocatable, group.free),))


def _named(candidate: Candidate, present: list[Offer], index: int) -> Offer | Rejected:
    wanted, wait = gpu(candidate.gpu), _wait(candidate, index)
    matching = [one for one in present if candidate.gpu in one.products or (wanted and wanted.name == one.gpu.name)]
    if matching:
        largest = max(matching, key=lambda one: one.per_node)
        pods = _pods(candidate.count, largest)
        return replace(
            largest,
            count=candidate.count,
            pods=pods or _usual_pods(candidate.count),
            is_present=pods is not None,
            wait=wait,
        )
    if wanted is None:
        return Rejected(candidate.gpu, "UnknownGpu", "no node has it, and the table of GPUs does not know it")
    resource = AMD_RESOURCE if wanted.vendor is Vendor.AMD else NVIDIA_RESOURCE
    pods = _usual_pods(candidate.count)
    per_node = candidate.count // pods
    return Offer(wanted, resource, per_node, wanted.products, candidate.count, pods, is_present=False, wait=wait)


def _pods(count: int, offer: Offer) -> int | None:
    """The fewest pods of one size that have so many GPUs together, where the nodes have room for them."""
    most = 1 if offer.gpu.mig_profile else count
    return next((pods for pods in _divisors(count) if pods <= most and offer.room(count // pods).total >= pods), None)


def _usual_pods(count: int) -> int:
    """The same for nodes that have yet to come."""
    return next(pods for pods in _divisors(count) if count // pods <= _USUAL_GPUS)


def _divisors(number: int) -> list[int]:
    return [one for one in range(1, number + 1) if number % one == 0]


def _wait(candidate: Candidate, index: int) -> Wait | None:
    text = candidate.wait_for
    return None if text is None else Wait(f"spec.placement.candidates[{index}].waitFor", text, duration(text))


def _size(offer: Offer) -> tuple[int, str, str]:
    return offer.gpu.memory_bytes, offer.gpu.name, offer.resource
