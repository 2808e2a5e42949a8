"""What there is to plan for: kinds of GPUs, how many of each a single node has, and how a pod asks for them.

What is taken at the moment does not count, as with nodes: the plan says what fits the cluster, the scheduler says when.
A GPU that the author names and no node has is an offer too, because nodes may be made when pods wait for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tonnage.contract.spec import Candidate, ModelDeploymentSpec, Serving, Toleration
from tonnage.facts.gpu_labels import AMD_RESOURCE, NVIDIA_RESOURCE, Sharing
from tonnage.facts.gpus import Gpu, Vendor, gpu
from tonnage.facts.inventory import Inventory, Node, NodeGpus
from tonnage.plan.budget import fitting_nodes

# More than this on one node is not sold.
_MOST_GPUS = 16


@dataclass(frozen=True)
class Offer:
    """GPUs of one kind; `per_node` is the most that one node has."""

    gpu: Gpu
    resource: str
    per_node: int
    # What nodes are labelled with.
    products: tuple[str, ...] = ()
    # How many a replica must take, where the author said.
    count: int | None = None
    is_present: bool = True


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


def offers(spec: ModelDeploymentSpec, inventory: Inventory) -> Offers:
    """What a deployment may be planned for."""
    nodes = fitting_nodes(_with_gpu_tolerations(spec), inventory)
    usable, rejected = _of_nodes(nodes)
    if not spec.placement.candidates:
        return Offers(tuple(sorted(usable, key=_size)), tuple(rejected))
    named = [_named(candidate, usable) for candidate in spec.placement.candidates]
    return Offers(
        tuple(one for one in named if isinstance(one, Offer)),
        (*rejected, *(one for one in named if isinstance(one, Rejected))),
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
    return Offer(group.gpu, group.resource, per_node, (group.product,) if group.product else ())


def _named(candidate: Candidate, present: list[Offer]) -> Offer | Rejected:
    wanted = gpu(candidate.gpu)
    matching = [one for one in present if candidate.gpu in one.products or (wanted and wanted.name == one.gpu.name)]
    if matching:
        largest = max(matching, key=lambda one: one.per_node)
        return replace(largest, count=candidate.count, is_present=candidate.count <= largest.per_node)
    if wanted is None:
        return Rejected(candidate.gpu, "UnknownGpu", "no node has it, and the table of GPUs does not know it")
    resource = AMD_RESOURCE if wanted.vendor is Vendor.AMD else NVIDIA_RESOURCE
    return Offer(wanted, resource, candidate.count, wanted.products, candidate.count, is_present=False)


def _size(offer: Offer) -> tuple[int, str, str]:
    return offer.gpu.memory_bytes, offer.gpu.name, offer.resource


def counts(offer: Offer, serving: Serving) -> Iterator[int]:
    """GPUs of one replica, fewest first: powers of two, as models have powers of two in their heads.

    Multiples of the parallelism that the author wants, if any.
    """
    if offer.count is not None:
        yield offer.count
        return
    number = (serving.tensor_parallel or 1) * (serving.pipeline_parallel or 1)
    while number <= offer.per_node:
        yield number
        number *= 2
