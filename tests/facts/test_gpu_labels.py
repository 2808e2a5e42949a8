"""GPUs as the labels of nodes describe them, and who shares them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.facts.gpu_memory_pairs import PAIRS, Pair
from tonnage.facts.gpu_labels import Sharing, engine_memory_bytes, gpu_of_labels, sharing
from tonnage.facts.gpus import Capability, Gpu, Vendor, gpu

MIB = 2**20
UNKNOWN = {
    "nvidia.com/gpu.product": "NVIDIA-X1000",
    "nvidia.com/gpu.memory": "65536",
    "nvidia.com/gpu.compute.major": "13",
    "nvidia.com/gpu.compute.minor": "0",
}


def test_a_gpu_in_the_table_is_taken_from_there() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.memory": "23034"}
    assert gpu("L4") == gpu_of_labels(labels)


def test_a_label_that_tells_of_another_memory_wins() -> None:
    # With ECC off an L40S has all of its 48 GiB.
    labels = {"nvidia.com/gpu.product": "NVIDIA-L40S", "nvidia.com/gpu.memory": "49140"}
    found = gpu_of_labels(labels)
    assert found is not None
    assert (49140, (49140 - 448 - 191) * MIB) == (found.driver_memory_mib, found.memory_bytes)


@pytest.mark.parametrize("pair", [pytest.param(pair, id=f"{pair.product} {pair.torch_mib}") for pair in PAIRS])
def test_the_label_is_corrected_to_what_torch_was_seen_to_show(pair: Pair) -> None:
    labels = {"nvidia.com/gpu.product": pair.product, "nvidia.com/gpu.memory": str(pair.driver_mib)}
    found = gpu_of_labels(labels)
    assert found is not None
    # The table has the least of recent drivers; older ones leave the engine up to 0.4 % more, one less.
    assert -0.02 <= found.memory_bytes / (pair.torch_mib * MIB) - 1 <= 0.004


@pytest.mark.parametrize("pair", [pytest.param(pair, id=f"{pair.product} {pair.torch_mib}") for pair in PAIRS])
def test_the_label_alone_overstates_and_the_rule_corrects_it(pair: Pair) -> None:
    assert pair.driver_mib > 1.003 * pair.torch_mib
    assert -0.021 <= engine_memory_bytes(pair.driver_mib) / (pair.torch_mib * MIB) - 1 <= 0.003


@pytest.mark.parametrize(
    ("product", "label_mib", "expected_mib"),
    [
        pytest.param("NVIDIA-RTX-A5000", 23028, 23028 - 448 - 89, id="ECC switched on: torch saw 22721 with it"),
        pytest.param("NVIDIA-GB300", 256703, 256703 - 448 - 1002, id="DGX Station"),
        pytest.param("NVIDIA-GeForce-RTX-5060-Ti", 8151, 8151 - 448 - 31, id="the card with 8 GB"),
        pytest.param("NVIDIA-A100-SXM4-80GB", 81251, 81152, id="a driver of before 2023"),
        pytest.param("Tesla-T4", 15109, 14913, id="a driver that shows less"),
    ],
)
def test_a_label_wins_only_where_it_tells_of_another_memory(product: str, label_mib: int, expected_mib: int) -> None:
    found = gpu_of_labels({"nvidia.com/gpu.product": product, "nvidia.com/gpu.memory": str(label_mib)})
    assert found is not None
    assert expected_mib == found.memory_bytes // MIB


def test_a_gpu_missing_in_the_table_is_made_from_labels_and_says_so() -> None:
    expected = Gpu(
        name="NVIDIA-X1000",
        vendor=Vendor.NVIDIA,
        memory_bytes=(65536 - 448 - 256) * MIB,
        capability=Capability(13, 0),
        driver_memory_mib=65536,
        is_in_table=False,
    )
    assert expected == gpu_of_labels(UNKNOWN)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, Capability(13, 0), id="numbers"),
        pytest.param({"major": "lots", "family": "hopper"}, Capability(9, 0), id="family"),
        pytest.param({"minor": "-1", "family": "ampere"}, Capability(8, 0), id="a family's least able"),
        pytest.param({"major": "0", "family": "undefined"}, None, id="nothing known"),
    ],
)
def test_the_capability_of_an_unknown_gpu(changes: dict[str, str], expected: Capability | None) -> None:
    keys = {
        "major": "nvidia.com/gpu.compute.major",
        "minor": "nvidia.com/gpu.compute.minor",
        "family": "nvidia.com/gpu.family",
    }
    found = gpu_of_labels(UNKNOWN | {keys[key]: value for key, value in changes.items()})
    assert found is not None
    assert expected == found.capability


@pytest.mark.parametrize(
    "memory",
    [
        pytest.param("lots", id="words"),
        pytest.param("-1", id="negative"),
        pytest.param("", id="empty"),
        pytest.param("0", id="zero"),
        pytest.param("1e5", id="exponent"),
        pytest.param("٣", id="other digits"),
        pytest.param("9" * 63, id="beyond all bounds"),
        pytest.param("5", id="less than the driver keeps"),
    ],
)
def test_a_memory_label_without_sense_counts_as_none(memory: str) -> None:
    assert gpu_of_labels(UNKNOWN | {"nvidia.com/gpu.memory": memory}) is None
    l4 = {"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.memory": memory}
    assert gpu("L4") == gpu_of_labels(l4)


def test_a_gpu_whose_driver_reports_no_total_is_taken_from_the_table() -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-GB10", "nvidia.com/gpu.memory": "1000"}
    assert gpu("GB10") == gpu_of_labels(labels)


@pytest.mark.parametrize(
    ("resource", "labels"),
    [
        pytest.param(
            "nvidia.com/gpu",
            {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "nvidia.com/gpu.memory": "4864"},
            id="single",
        ),
        pytest.param(
            "nvidia.com/mig-1g.5gb",
            {
                "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB",
                "nvidia.com/gpu.memory": "40960",
                "nvidia.com/mig-1g.5gb.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
                "nvidia.com/mig-1g.5gb.memory": "4864",
            },
            id="mixed",
        ),
    ],
)
def test_a_mig_slice_has_the_memory_of_its_label(resource: str, labels: dict[str, str]) -> None:
    found = gpu_of_labels(labels, resource)
    assert found is not None
    assert ("1g.5gb", 4864 * MIB, Capability(8, 0)) == (found.mig_profile, found.memory_bytes, found.capability)


def test_a_mig_slice_of_an_unknown_gpu_is_known_by_its_label() -> None:
    labels = UNKNOWN | {"nvidia.com/gpu.product": "NVIDIA-X1000-MIG-2g.16gb-SHARED", "nvidia.com/gpu.memory": "16000"}
    found = gpu_of_labels(labels)
    assert found is not None
    assert ("2g.16gb", 16000 * MIB) == (found.mig_profile, found.memory_bytes)


def test_a_mig_slice_is_known_by_its_resource_alone() -> None:
    found = gpu_of_labels({"nvidia.com/mig-1g.5gb.memory": "4864"}, "nvidia.com/mig-1g.5gb")
    assert found is not None
    assert ("1g.5gb", 4864 * MIB, False) == (found.mig_profile, found.memory_bytes, found.is_in_table)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param(
            {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM", "amd.com/gpu.vram": "192G"},
            ("MI300X", 196592 * MIB, True),
            id="in the table",
        ),
        pytest.param(
            {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM", "amd.com/gpu.vram": "191G"},
            ("MI300X", 196592 * MIB, True),
            id="cut off, not rounded",
        ),
        pytest.param(
            {"amd.com/gpu.product-name": "AMD_Radeon_RX_7900_XTX", "amd.com/gpu.vram": "23G"},
            ("RX-7900-XTX", 24560 * MIB, True),
            id="cut off, of little",
        ),
        pytest.param(
            {"amd.com/gpu.product-name": "AMD_Instinct_MI355_OAM"}, ("MI355X", 294896 * MIB, True), id="without an X"
        ),
        pytest.param(
            {"beta.amd.com/gpu.product-name": "AMD_Instinct_MI210"}, ("MI210", 65520 * MIB, True), id="older labeller"
        ),
        pytest.param(
            {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM", "amd.com/gpu.vram": "24G"},
            ("MI300X", 24560 * MIB, True),
            id="partitioned",
        ),
        pytest.param({"amd.com/gpu.vram": "48G"}, ("amd.com/gpu", 49136 * MIB, False), id="by its memory alone"),
    ],
)
def test_amd_gpus_are_described_by_their_own_labels(labels: dict[str, str], expected: tuple[str, int, bool]) -> None:
    found = gpu_of_labels(labels, "amd.com/gpu")
    assert found is not None
    assert expected == (found.name, found.memory_bytes, found.is_in_table)


@pytest.mark.parametrize("vram", ["", "G", "lots", "-1G", "0G"])
def test_an_amd_gpu_without_a_memory_is_not_known(vram: str) -> None:
    assert gpu_of_labels({"amd.com/gpu.vram": vram}, "amd.com/gpu") is None


@pytest.mark.parametrize(
    ("resource", "labels", "expected"),
    [
        pytest.param("nvidia.com/gpu", {}, (Sharing.NONE, 1), id="no labels"),
        pytest.param(
            "nvidia.com/gpu",
            {"nvidia.com/gpu.replicas": "1", "nvidia.com/gpu.sharing-strategy": "none"},
            (Sharing.NONE, 1),
            id="not shared",
        ),
        pytest.param(
            "nvidia.com/gpu",
            {"nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.sharing-strategy": "time-slicing"},
            (Sharing.TIME_SLICING, 4),
            id="time-slicing",
        ),
        pytest.param(
            "nvidia.com/gpu",
            {"nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.sharing-strategy": "mps"},
            (Sharing.MPS, 4),
            id="MPS",
        ),
        pytest.param(
            "nvidia.com/gpu",
            {"nvidia.com/gpu.product": "Tesla-T4-SHARED"},
            (Sharing.TIME_SLICING, 1),
            id="by the product's suffix",
        ),
        pytest.param(
            "nvidia.com/gpu.shared", {"nvidia.com/gpu.replicas": "2"}, (Sharing.TIME_SLICING, 2), id="renamed resource"
        ),
        pytest.param("nvidia.com/gpu", {"nvidia.com/gpu.replicas": "-4"}, (Sharing.NONE, 1), id="negative"),
        pytest.param("nvidia.com/gpu", {"nvidia.com/gpu.replicas": "many"}, (Sharing.NONE, 1), id="words"),
    ],
)
def test_who_shares_a_gpu(resource: str, labels: dict[str, str], expected: tuple[Sharing, int]) -> None:
    assert expected == sharing(labels, resource)


KEYS = [
    "nvidia.com/gpu.product",
    "nvidia.com/gpu.memory",
    "nvidia.com/gpu.compute.major",
    "nvidia.com/gpu.compute.minor",
    "nvidia.com/gpu.family",
    "nvidia.com/gpu.replicas",
    "nvidia.com/gpu.sharing-strategy",
    "amd.com/gpu.vram",
    "amd.com/gpu.product-name",
]
VALUES = st.one_of(
    st.text(max_size=63),
    st.integers().map(str),
    st.from_regex(r"(NVIDIA-)?(L4|A100-SXM4-40GB|X1)(-MIG-[0-9]g\.[0-9]{1,3}gb)?(-SHARED)?", fullmatch=True),
)


@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES),
    st.sampled_from(["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "amd.com/gpu"]),
)
def test_no_labels_whatever_make_it_fail(labels: dict[str, str], resource: str) -> None:
    found = gpu_of_labels(labels, resource)
    assert found is None or found.memory_bytes > 0
    assert sharing(labels, resource)[1] >= 1
