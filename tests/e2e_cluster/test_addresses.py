from ipaddress import IPv4Network

import pytest

from e2e.cluster.host.addresses import INDEXES, MAX_NODES, Addresses, first_free_index, is_route


def test_no_two_ranges_of_a_cluster_overlap():
    addresses = Addresses(3)
    pods = [addresses.node_pods(number) for number in range(1, MAX_NODES + 1)]
    ranges = [f"{addresses.node(1)}/24", addresses.services, addresses.fake_pods, *pods]
    networks = [IPv4Network(text, strict=False) for text in ranges]
    overlapping = [(a, b) for a in networks for b in networks if a is not b and a.overlaps(b)]
    assert overlapping == []


def test_all_pods_are_in_the_range_that_kube_proxy_takes_for_pods():
    addresses = Addresses(0)
    pods = IPv4Network(addresses.pods)
    assert all(IPv4Network(addresses.node_pods(number)).subnet_of(pods) for number in range(1, MAX_NODES + 1))
    assert IPv4Network(addresses.fake_pods).subnet_of(pods)


def test_every_index_stays_in_its_own_network():
    networks = [Addresses(index).network for index in INDEXES]
    assert len(INDEXES) == len(set(networks))
    assert all(network.subnet_of(IPv4Network("10.64.0.0/10")) for network in networks)


def test_link_names_are_short_enough_for_the_kernel():
    longest = Addresses(max(INDEXES)).link(MAX_NODES)
    assert len(longest) <= 15


@pytest.mark.parametrize(
    ("indexes", "routed", "expected"),
    [
        pytest.param(set(), [], 0, id="nothing-taken"),
        pytest.param({0, 1}, [], 2, id="by-clusters"),
        pytest.param({1}, ["10.64.5.0/24"], 2, id="by-a-route-of-the-machine"),
        pytest.param(set(), ["10.0.0.0/8"], None, id="everything-routed"),
    ],
)
def test_the_first_index_that_collides_with_nothing_is_free(indexes, routed, expected):
    assert expected == first_free_index(indexes, [IPv4Network(text) for text in routed])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("10.1.0.0/16", True, id="network"),
        pytest.param("10.1.2.3", True, id="one-address"),
        pytest.param("default", False, id="default-route"),
        pytest.param("0.0.0.0/0", False, id="default-route-in-numbers"),
        pytest.param("fe80::/64", False, id="version-6"),
    ],
)
def test_what_counts_as_a_route(text, expected):
    assert expected == is_route(text)
