"""The machine's side of a cluster's network: one bridge, and one link pair per node.

Every link carries the cluster's name as its alias, so `remove_links` finds them without any record. The nodes' ends
live in the nodes' network namespaces and go with them.
"""

import json
import re
from ipaddress import IPv4Network
from typing import Any

from e2e.cluster.commands import CommandError, run
from e2e.cluster.host.addresses import Addresses, is_route


def routed_networks() -> list[IPv4Network]:
    """What this machine already sends somewhere: a new cluster must not take any of it."""
    routes = _ip_json("route", "show", "table", "all")
    return [IPv4Network(route["dst"], strict=False) for route in routes if is_route(route["dst"])]


def create_bridge(cluster: str, addresses: Addresses) -> None:
    """Make the bridge and give this machine its address on it."""
    bridge = addresses.bridge
    _ip("link", "add", bridge, "type", "bridge")
    _ip("link", "set", bridge, "alias", _alias(cluster), "up")
    _ip("address", "add", f"{addresses.host}/24", "dev", bridge)


def attach(cluster: str, addresses: Addresses, node: int, pid: int) -> None:
    """Give the node whose process 1 is `pid` its eth0, and route its pods, and with node 1 the Services, to it."""
    link = addresses.link(node)
    _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("link", "set", link, "alias", _alias(cluster), "master", addresses.bridge, "up")
    _ip("route", "replace", addresses.node_pods(node), "via", addresses.node(node), "dev", addresses.bridge)
    if node == 1:
        _ip("route", "replace", addresses.services, "via", addresses.node(node), "dev", addresses.bridge)


def detach(addresses: Addresses, node: int) -> None:
    """Forget the routes of a node that is gone, and its link if the kernel has not removed it yet."""
    run("ip", "route", "flush", addresses.node_pods(node))
    _delete(addresses.link(node))


def set_link(addresses: Addresses, node: int, *, is_up: bool) -> None:
    """Cut or join a node's link."""
    _ip("link", "set", addresses.link(node), "up" if is_up else "down")


def remove_links(cluster: str, addresses: Addresses | None) -> None:
    """Delete every link of the cluster; routes go with their link."""
    for link in links_of(cluster, addresses):
        _delete(link)


def _delete(link: str) -> None:
    """Delete a link that the kernel may be removing at this very moment, with the namespace of its other end."""
    try:
        _ip("link", "delete", link)
    except CommandError:
        if any(found["ifname"] == link for found in _ip_json("link", "show")):
            raise


def links_of(cluster: str, addresses: Addresses | None) -> list[str]:
    """The names of the cluster's links on this machine: by their alias, and by the addresses that it has claimed.

    A link made by a command that was killed before it gave the alias has only its name.
    """
    ours = re.compile(rf"{addresses.bridge}(n\d)?") if addresses else None
    return [
        link["ifname"]
        for link in _ip_json("link", "show")
        if link.get("ifalias") == _alias(cluster) or (ours and ours.fullmatch(link["ifname"]))
    ]


def _alias(cluster: str) -> str:
    return f"tonnage {cluster}"


def _ip(*words: str) -> None:
    run("ip", *words)


def _ip_json(*words: str) -> list[dict[str, Any]]:
    parsed: list[dict[str, Any]] = json.loads(run("ip", "-json", *words) or "[]")
    # Removed links leave empty entries in what `ip` prints.
    return [entry for entry in parsed if entry]
