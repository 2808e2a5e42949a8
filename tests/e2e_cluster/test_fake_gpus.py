import json

import pytest

from e2e.cluster import ClusterError
from e2e.cluster.existing import ExistingCluster
from e2e.cluster.fake_gpus import FakeGpus, fake_node, give_gpus


def test_labels_are_those_of_gpu_feature_discovery():
    labels = FakeGpus.of("NVIDIA-L4", 2).labels
    assert labels["nvidia.com/gpu.product"] == "NVIDIA-L4"
    assert labels["nvidia.com/gpu.memory"] == "23034"
    assert labels["nvidia.com/gpu.count"] == "2"
    assert labels["nvidia.com/gpu.family"] == "ada-lovelace"
    assert (labels["nvidia.com/gpu.compute.major"], labels["nvidia.com/gpu.compute.minor"]) == ("8", "9")
    assert labels["nvidia.com/gpu.present"] == "true"
    assert labels["nvidia.com/mig.capable"] == "false"


def test_an_unknown_product_needs_its_memory():
    with pytest.raises(ClusterError, match="give its memory in MiB"):
        FakeGpus.of("NVIDIA-X1")
    assert FakeGpus.of("NVIDIA-X1", memory_mib=1000).labels["nvidia.com/gpu.memory"] == "1000"


def test_a_fake_node_keeps_away_what_should_really_run():
    node = fake_node("fake-0", FakeGpus.of("NVIDIA-L4", 2))
    assert node["spec"]["taints"][0]["effect"] == "NoSchedule"
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "2"


def test_a_real_node_claims_gpus_in_its_status(settings, recorder):
    give_gpus(ExistingCluster(settings), "n1", FakeGpus.of("NVIDIA-L4", 2))
    patch = json.loads(recorder.lines[-1].partition(" -p ")[2])
    assert [each["path"] for each in patch] == [
        "/status/capacity/nvidia.com~1gpu",
        "/status/allocatable/nvidia.com~1gpu",
    ]
