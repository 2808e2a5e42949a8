"""Which addresses and link names the cluster of an index has; everything follows from the index.

A cluster has one /16 of 10.64.0.0/10: its nodes in .0.0/24, its pods in .64.0/18 (a /24 per node), its Services in
.128.0/17. Pods and nodes must not share a range: kube-proxy rewrites the source of what does not come from pods, and
without that an answer to this machine from a second node's pod would come back by another way than it went.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network

FIRST = 64
INDEXES = range(64)
MAX_NODES = 9


@dataclass(frozen=True)
class Addresses:
    """The network of one cluster."""

    index: int

    @property
    def network(self) -> IPv4Network:
        """All of the cluster's addresses."""
        return IPv4Network(f"10.{FIRST + self.index}.0.0/16")

    @property
    def host(self) -> str:
        """This machine, as nodes and pods see it."""
        return str(self.network[254])

    @property
    def pods(self) -> str:
        """All pods of the cluster."""
        return f"10.{FIRST + self.index}.64.0/18"

    @property
    def services(self) -> str:
        """All Services of the cluster."""
        return f"10.{FIRST + self.index}.128.0/17"

    @property
    def api_service(self) -> str:
        """The Service `kubernetes`."""
        return str(IPv4Network(self.services)[1])

    @property
    def dns_service(self) -> str:
        """The Service `kube-dns`."""
        return str(IPv4Network(self.services)[10])

    @property
    def bridge(self) -> str:
        """The link that joins this machine and the nodes; the kernel allows 15 characters."""
        return f"tn{self.index}"

    def node(self, number: int) -> str:
        """A node's address; nodes are numbered from 1."""
        return str(self.network[number])

    def node_pods(self, number: int) -> str:
        """The pods of one node."""
        return f"10.{FIRST + self.index}.{64 + number}.0/24"

    @property
    def fake_pods(self) -> str:
        """Pods of fake nodes: nobody answers there, and no real node's pods are there."""
        return f"10.{FIRST + self.index}.112.0/20"

    def link(self, number: int) -> str:
        """This machine's end of a node's link."""
        return f"{self.bridge}n{number}"


@dataclass(frozen=True)
class Place:
    """A node's number and name in the network of its cluster."""

    addresses: Addresses
    number: int
    node: str

    @property
    def address(self) -> str:
        """The node's address."""
        return self.addresses.node(self.number)


def first_free_index(taken_indexes: set[int], taken_networks: list[IPv4Network]) -> int | None:
    """The first index that no cluster holds and whose /16 overlaps nothing this machine already routes."""
    for index in INDEXES:
        network = Addresses(index).network
        if index not in taken_indexes and not any(network.overlaps(taken) for taken in taken_networks):
            return index
    return None


def is_route(text: str) -> bool:
    """Whether a destination printed by `ip route` is a network that could collide, not a default or a local kind."""
    try:
        return IPv4Network(text, strict=False).prefixlen > 0
    except ValueError:
        return False
