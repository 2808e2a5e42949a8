"""GPUs by the names that people and labels give them."""

import json
from importlib.resources import files
from typing import Any

import pytest

from tonnage.facts.gpu_labels import engine_memory_bytes
from tonnage.facts.gpus import Capability, Gpu, Kind, Vendor, gpu, table

BY_NAME = [pytest.param(one, id=one.name) for one in table()]
WITH_DRIVER_TOTAL = [pytest.param(one, id=one.name) for one in table() if one.driver_memory_mib]
ROWS = json.loads(files("tonnage.facts").joinpath("gpu_table.json").read_text())
FIGURES = ("driverMib", "torchMib", "multiprocessors", "bandwidthGbPerSecond", "interconnectGbPerSecond")


def known(name: str) -> Gpu:
    found = gpu(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("T4", "T4", id="T4"),
        pytest.param("L4", "L4", id="L4"),
        pytest.param("A10", "A10", id="A10"),
        pytest.param("A100-40", "A100-40GB", id="A100-40"),
        pytest.param("A100-80", "A100-80GB", id="A100-80"),
        pytest.param("L40S", "L40S", id="L40S"),
        pytest.param("H100", "H100", id="H100"),
        pytest.param("H200", "H200", id="H200"),
        pytest.param("B200", "B200", id="B200"),
        pytest.param("Tesla-T4", "T4", id="label"),
        pytest.param("Tesla T4", "T4", id="as the driver writes it"),
        pytest.param("A100-SXM4-80GB", "A100-80GB", id="label of older drivers, without the vendor"),
        pytest.param("NVIDIA-H100-80GB-HBM3", "H100", id="label that names the memory"),
        pytest.param("h100_pcie", "H100-PCIe", id="case and separators"),
        pytest.param("NVIDIA A100 (80GB)", "A100-80GB", id="parentheses"),
        pytest.param("NVIDIA-L4-SHARED", "L4", id="shared"),
        pytest.param("GeForce RTX 4090", "RTX-4090", id="consumer"),
        pytest.param("NVIDIA-RTX-6000-Ada-Generation", "RTX-6000-Ada", id="workstation"),
        pytest.param("AMD_Instinct_MI300X_OAM", "MI300X", id="AMD label"),
        pytest.param("MI355X", "MI355X", id="AMD"),
        pytest.param("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "A100-40GB 1g.5gb", id="MIG"),
        pytest.param("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED", "A100-40GB 1g.5gb", id="MIG, shared"),
    ],
)
def test_a_gpu_is_found_by_the_names_people_and_labels_use(name: str, expected: str) -> None:
    assert expected == known(name).name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("A100", id="40 or 80 GB"),
        pytest.param("V100", id="16 or 32 GB"),
        pytest.param("K80", id="too old"),
        pytest.param("", id="empty"),
        pytest.param("NVIDIA", id="the vendor alone"),
        pytest.param("NVIDIA-A100-SXM4-40GB-MIG-INVALID", id="MIG that is not set up"),
        pytest.param("NVIDIA-A100-SXM4-40GB-MIG-1g.999gb", id="a slice greater than the GPU"),
        pytest.param("NVIDIA-A100-SXM4-40GB-MIG-1g.0gb", id="a slice of nothing"),
        pytest.param("NVIDIA-L4-MIG-1g." + "9" * 5000 + "gb", id="digits without end"),
    ],
)
def test_what_is_no_one_gpu_is_not_found(name: str) -> None:
    assert gpu(name) is None


def test_the_engine_sees_less_than_the_driver_reports() -> None:
    expected = Gpu(
        name="H100",
        vendor=Vendor.NVIDIA,
        memory_bytes=81089 * 2**20,
        capability=Capability(9, 0),
        driver_memory_mib=81559,
        marketed_gb=80,
        products=("NVIDIA-H100-80GB-HBM3",),
        short_names=("H100-80", "H100-80GB", "H100-SXM", "H100-SXM5", "H100-SXM5-80GB"),
        kind=Kind.DATA_CENTRE,
        multiprocessors=132,
        bandwidth_bytes_per_second=3_350_000_000_000,
        interconnect="NVLink 4",
        interconnect_bytes_per_second=900_000_000_000,
    )
    assert expected == gpu("H100")


def test_a_slice_has_its_share_and_no_link_to_others() -> None:
    one_of_eight = known("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb")
    assert ("1g.10gb", None) == (one_of_eight.mig_profile, one_of_eight.interconnect)


# The labels nvidia.com/mig-*.memory: a public file (A100) (H100). What torch saw: a public file.
@pytest.mark.parametrize(
    ("name", "seen_mib"),
    [
        pytest.param("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", 9728, id="A100-80, an eighth"),
        pytest.param("NVIDIA-A100-SXM4-80GB-MIG-3g.40gb", 40192, id="A100-80, half"),
        pytest.param("NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", 9984, id="H100, an eighth"),
        pytest.param("NVIDIA-H200-MIG-1g.18gb", 16384, id="H200, an eighth"),
    ],
)
def test_a_slice_is_never_taken_for_more_than_it_is(name: str, seen_mib: int) -> None:
    assert 0.92 * seen_mib <= known(name).memory_bytes / 2**20 <= seen_mib


@pytest.mark.parametrize("one", BY_NAME)
def test_memory_is_within_6_percent_of_the_size_on_the_box(one: Gpu) -> None:
    # A T4 of `16 GB` is neither 16 * 1000**3 bytes nor 16 * 1024**3 to the engine.
    assert one.marketed_gb is not None
    assert 0.94 * one.marketed_gb * 1000**3 <= one.memory_bytes <= one.marketed_gb * 1024**3


@pytest.mark.parametrize("one", BY_NAME)
def test_a_row_makes_sense(one: Gpu) -> None:
    assert one.capability is not None
    assert (7, 0) <= one.capability <= (12, 1)
    assert one.multiprocessors is not None
    assert 10 <= one.multiprocessors <= 304
    assert one.bandwidth_bytes_per_second is not None
    assert 200 * 10**9 <= one.bandwidth_bytes_per_second <= 8000 * 10**9
    assert one.products
    assert [one] * len(one.products) == [gpu(product) for product in one.products]
    assert gpu(one.name) == one


def test_no_product_is_in_two_rows() -> None:
    products = [product.lower() for one in table() for product in one.products]
    assert len(set(products)) == len(products)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in ROWS])
def test_each_figure_has_a_source_or_is_marked_as_unconfirmed(row: dict[str, Any]) -> None:
    # A source that is another row's, or the rule, confirms nothing.
    figures = {figure for figure in FIGURES if row[figure] is not None}
    derived = {name for name, source in row["source"].items() if source.startswith(("as ", "from the driver's total"))}
    assert figures - set(row["source"]) | derived == set(row["unconfirmed"])


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in ROWS])
def test_memory_by_the_rule_is_what_the_rule_gives(row: dict[str, Any]) -> None:
    if row["source"].get("torchMib", "").startswith("from the driver's total"):
        assert engine_memory_bytes(row["driverMib"]) == row["torchMib"] * 2**20


@pytest.mark.parametrize("one", WITH_DRIVER_TOTAL)
def test_the_engines_memory_follows_from_the_drivers(one: Gpu) -> None:
    assert one.driver_memory_mib is not None
    ratio = engine_memory_bytes(one.driver_memory_mib) / one.memory_bytes
    assert 1 - 0.02 <= ratio <= 1 + 0.003


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("T4", (False, False), id="Turing"),
        pytest.param("A100-80", (False, False), id="Ampere"),
        pytest.param("L4", (True, False), id="Ada"),
        pytest.param("H100", (True, False), id="Hopper"),
        pytest.param("B200", (True, True), id="Blackwell"),
        pytest.param("RTX 5090", (True, True), id="Blackwell, consumer"),
        pytest.param("MI250X", (False, False), id="CDNA 2"),
        pytest.param("MI300X", (True, False), id="CDNA 3"),
        pytest.param("MI355X", (True, True), id="CDNA 4"),
        pytest.param("RX 7900 XTX", (False, False), id="RDNA 3"),
    ],
)
def test_tensor_cores_for_short_floats(name: str, expected: tuple[bool, bool]) -> None:
    one = known(name)
    assert expected == (one.has_fp8, one.has_fp4)
