"""What the driver and what torch showed of one kind of GPU, in MiB, on Linux: measurements, not the table's choices.

Sources: issues by repository and number, else printouts in files of public repositories. Where two are named, the first
has the driver's total; a few of those (L40S, GH200-144G, RTX 6000 Ada, RTX A5500, RTX 4060) are only quoted in a test
there. What torch shows is always measured.
"""

from typing import NamedTuple


class Pair(NamedTuple):
    """One sighting; `product` as a node's label has it."""

    product: str
    driver_mib: int
    torch_mib: int
    source: str


PAIRS = (
    Pair("Tesla-T4", 15360, 14913, "a public file; a public file: 14.56 GiB"),
    Pair("Tesla-V100-SXM2-32GB", 32768, 32494, "a public file; vllm-project/vllm issue 9356: 31.73 GiB"),
    Pair("NVIDIA-A100-SXM4-40GB", 40960, 40441, "a public file; a public file, torch 2.11+cu130"),
    Pair("NVIDIA-A100-SXM4-40GB", 40960, 40326, "a public file; vllm-project/vllm issue 16378: 39.38 GiB"),
    Pair("NVIDIA-A100-SXM4-80GB", 81920, 81153, "a public file; a public file, torch 2.7+cu126"),
    Pair("NVIDIA-A800-80GB-PCIe", 81920, 81051, "a public file; a public file, torch 2.8+cu128"),
    Pair("NVIDIA-A30", 24576, 24164, "a public file; a public file, torch 2.8+cu128"),
    Pair("NVIDIA-A10", 23028, 22620, "a public file; vllm-project/vllm issue 10034: 22.09 GiB"),
    Pair("NVIDIA-A10G", 23028, 22587, "a public file; a public file, torch 2.15"),
    Pair("NVIDIA-A10G", 23028, 22517, "a public file; vllm-project/vllm issue 15360: 21.99 GiB"),
    Pair("NVIDIA-A40", 46068, 45416, "a public file; a public file"),
    Pair("NVIDIA-L4", 23034, 22563, "a public file; a public file, torch 2.11+cu128"),
    Pair("NVIDIA-L4", 23034, 22491, "bottlerocket-os/bottlerocket-kernel-kit pull request 139, driver for CUDA 12.2"),
    Pair("NVIDIA-L40S", 46068, 45455, "a public file; a public file: 44.40 GiB"),
    Pair("NVIDIA-L40S", 46068, 45589, "a public file; a public file"),
    Pair("NVIDIA-H100-80GB-HBM3", 81559, 81089, "a public file; a public file, torch 2.7+cu128"),
    Pair("NVIDIA-H100-PCIe", 81559, 81008, "a public file; a public file"),
    Pair("NVIDIA-H100-NVL", 95830, 95320, "a public file; a public file, torch 2.13+cu130"),
    Pair("NVIDIA-H20", 97871, 97285, "a public file; a public file"),
    Pair("NVIDIA-H200", 143771, 143073, "a public file; vllm-project/vllm issue 15394: 139.72 GiB"),
    Pair("NVIDIA-H200", 143771, 143156, "a public file; a public file, torch 2.11+cu128"),
    Pair("NVIDIA-GH200-480GB", 97871, 96768, "a public file; a public file: 94.50 GiB"),
    Pair("NVIDIA-GH200-144G-HBM3e", 146831, 145920, "a public file; a public file: 153008209920 bytes"),
    Pair("NVIDIA-B200", 183359, 182631, "a public file; a public file, torch 2.8+cu128"),
    Pair("NVIDIA-GB200", 189471, 188733, "a public file; a public file: 184.31 GiB"),
    Pair("NVIDIA-B300-SXM6-AC", 275040, 274115, "a public file; a public file: 267.69 GiB"),
    Pair("NVIDIA-GB300", 284208, 283136, "a public file; a public file: 276.50 GiB"),
    Pair(
        "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition",
        97887,
        97250,
        "ai-dynamo/aiconfigurator, rtx_pro_6000_server.yaml; a public file, torch 2.7.1+cu128",
    ),
    Pair("NVIDIA-RTX-6000-Ada-Generation", 49140, 48497, "a public file; a public file, torch 2.7+cu128"),
    Pair("NVIDIA-RTX-4000-SFF-Ada-Generation", 20475, 20055, "a public file; a public file, torch 2.8+cu128"),
    Pair("NVIDIA-RTX-A6000", 49140, 48537, "a public file; a public file: 47.40 GiB"),
    Pair("NVIDIA-RTX-A5500", 24564, 24090, "a public file; a public file, torch 2.7+cu126"),
    Pair("NVIDIA-RTX-A5000", 24564, 24114, "a public file; a public file"),
    Pair("Quadro-RTX-8000", 49152, 48380, "a public file; a public file"),
    Pair("NVIDIA-GeForce-RTX-2080-Ti", 11264, 10825, "a public file; a public file, torch 2.6+cu124"),
    Pair("NVIDIA-GeForce-RTX-3060", 12288, 11910, "a public file; a public file, torch 2.10+cu128"),
    Pair("NVIDIA-GeForce-RTX-3060-Ti", 8192, 7833, "a public file; a public file, torch 2.11+cu130"),
    Pair("NVIDIA-GeForce-RTX-3070", 8192, 7753, "a public file; a public file, torch 2.6+cu124"),
    Pair("NVIDIA-GeForce-RTX-3090", 24576, 24124, "a public file; a public file, torch 2.13+cu130"),
    Pair("NVIDIA-GeForce-RTX-3090-Ti", 24564, 24110, "a public file; a public file, torch 2.9.1+cu128"),
    Pair("NVIDIA-GeForce-RTX-4060", 8188, 7807, "a public file; a public file, torch 2.5.1+cu121"),
    # The card with 8 GB, whose name is that of the card with 16.
    Pair("NVIDIA-GeForce-RTX-4060-Ti", 8188, 7806, "as RTX 4060; a public file, torch 2.12.1+cu130"),
    Pair("NVIDIA-GeForce-RTX-4080-SUPER", 16376, 15944, "a public file; a public file, torch 2.12.1+cu130"),
    Pair("NVIDIA-GeForce-RTX-4090", 24564, 24081, "vllm-project/vllm issue 7553; a public file"),
    Pair("NVIDIA-GeForce-RTX-5060-Ti", 16311, 15848, "a public file; a public file, torch 2.12+cu130"),
    Pair("NVIDIA-GeForce-RTX-5080", 16303, 15840, "a public file; a public file"),
    Pair("NVIDIA-GeForce-RTX-5090", 32607, 32102, "ai-dynamo/aiconfigurator, rtx_5090.yaml; a public file"),
    Pair("NVIDIA-GeForce-RTX-5090", 32607, 32089, "ai-dynamo/aiconfigurator, rtx_5090.yaml; a public file"),
)
