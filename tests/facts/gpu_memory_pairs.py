"""What the driver and what torch showed of one kind of GPU, in MiB, on Linux: measurements, not the table's choices.

Sources: issues by repository and number; `index N` is a public file by its number in the index of public code that
`find_string` and `read_file` search. Where two are named, the first has the driver's total; a few of those (L40S,
GH200-144G, RTX 6000 Ada, RTX A5500, RTX 4060) are only quoted in a test there. What torch shows is always measured.
"""

from typing import NamedTuple


class Pair(NamedTuple):
    """One sighting; `product` as a node's label has it."""

    product: str
    driver_mib: int
    torch_mib: int
    source: str


PAIRS = (
    Pair("Tesla-T4", 15360, 14913, "index 71624822744; index 68501470917: 14.56 GiB"),
    Pair("Tesla-V100-SXM2-32GB", 32768, 32494, "index 58442594871; vllm-project/vllm issue 9356: 31.73 GiB"),
    Pair("NVIDIA-A100-SXM4-40GB", 40960, 40441, "index 65742760196; index 71093986343, torch 2.11+cu130"),
    Pair("NVIDIA-A100-SXM4-40GB", 40960, 40326, "index 65742760196; vllm-project/vllm issue 16378: 39.38 GiB"),
    Pair("NVIDIA-A100-SXM4-80GB", 81920, 81153, "index 60636478191; index 42836623327, torch 2.7+cu126"),
    Pair("NVIDIA-A800-80GB-PCIe", 81920, 81051, "index 56138106643; index 22356272911, torch 2.8+cu128"),
    Pair("NVIDIA-A30", 24576, 24164, "index 43963573585; index 52461638465, torch 2.8+cu128"),
    Pair("NVIDIA-A10", 23028, 22620, "index 65854294547; vllm-project/vllm issue 10034: 22.09 GiB"),
    Pair("NVIDIA-A10G", 23028, 22587, "index 71624822744; index 67234836605, torch 2.15"),
    Pair("NVIDIA-A10G", 23028, 22517, "index 71624822744; vllm-project/vllm issue 15360: 21.99 GiB"),
    Pair("NVIDIA-A40", 46068, 45416, "index 61385133697; index 31224020222"),
    Pair("NVIDIA-L4", 23034, 22563, "index 69579789932; index 59867994114, torch 2.11+cu128"),
    Pair("NVIDIA-L4", 23034, 22491, "bottlerocket-os/bottlerocket-kernel-kit pull request 139, driver for CUDA 12.2"),
    Pair("NVIDIA-L40S", 46068, 45455, "index 57443513474; index 66593076004: 44.40 GiB"),
    Pair("NVIDIA-L40S", 46068, 45589, "index 57443513474; index 22161947869"),
    Pair("NVIDIA-H100-80GB-HBM3", 81559, 81089, "index 61129875554; index 43466784132, torch 2.7+cu128"),
    Pair("NVIDIA-H100-PCIe", 81559, 81008, "index 62991806511; index 33356850601"),
    Pair("NVIDIA-H100-NVL", 95830, 95320, "index 71246027304; index 61377807633, torch 2.13+cu130"),
    Pair("NVIDIA-H20", 97871, 97285, "index 58041439371; index 16230249453"),
    Pair("NVIDIA-H200", 143771, 143073, "index 56353045991; vllm-project/vllm issue 15394: 139.72 GiB"),
    Pair("NVIDIA-H200", 143771, 143156, "index 56353045991; index 61377807633, torch 2.11+cu128"),
    Pair("NVIDIA-GH200-480GB", 97871, 96768, "index 63088167599; index 67650789906: 94.50 GiB"),
    Pair("NVIDIA-GH200-144G-HBM3e", 146831, 145920, "index 71515830599; index 71276350143: 153008209920 bytes"),
    Pair("NVIDIA-B200", 183359, 182631, "index 57123778888; index 25224556183, torch 2.8+cu128"),
    Pair("NVIDIA-GB200", 189471, 188733, "index 60167695339; index 66768263030: 184.31 GiB"),
    Pair("NVIDIA-B300-SXM6-AC", 275040, 274115, "index 69110044173; index 65719067222: 267.69 GiB"),
    Pair("NVIDIA-GB300", 284208, 283136, "index 61984871060; index 69276532955: 276.50 GiB"),
    Pair(
        "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition",
        97887,
        97250,
        "ai-dynamo/aiconfigurator, rtx_pro_6000_server.yaml; index 57372906612, torch 2.7.1+cu128",
    ),
    Pair("NVIDIA-RTX-6000-Ada-Generation", 49140, 48497, "index 69391820548; index 54150812406, torch 2.7+cu128"),
    Pair("NVIDIA-RTX-4000-SFF-Ada-Generation", 20475, 20055, "index 70551198966; index 28345230570, torch 2.8+cu128"),
    Pair("NVIDIA-RTX-A6000", 49140, 48537, "index 57425464115; index 56760545149: 47.40 GiB"),
    Pair("NVIDIA-RTX-A5500", 24564, 24090, "index 53807739503; index 65850775218, torch 2.7+cu126"),
    Pair("NVIDIA-RTX-A5000", 24564, 24114, "index 67132678331; index 36903445345"),
    Pair("Quadro-RTX-8000", 49152, 48380, "index 56247635640; index 60313152358"),
    Pair("NVIDIA-GeForce-RTX-2080-Ti", 11264, 10825, "index 66561487812; index 23646681945, torch 2.6+cu124"),
    Pair("NVIDIA-GeForce-RTX-3060", 12288, 11910, "index 63117823063; index 55688940935, torch 2.10+cu128"),
    Pair("NVIDIA-GeForce-RTX-3060-Ti", 8192, 7833, "index 40979041604; index 63137960356, torch 2.11+cu130"),
    Pair("NVIDIA-GeForce-RTX-3070", 8192, 7753, "index 29519269825; index 67336073362, torch 2.6+cu124"),
    Pair("NVIDIA-GeForce-RTX-3090", 24576, 24124, "index 69472685236; index 69490830269, torch 2.13+cu130"),
    Pair("NVIDIA-GeForce-RTX-3090-Ti", 24564, 24110, "index 62866338804; index 53443089858, torch 2.9.1+cu128"),
    Pair("NVIDIA-GeForce-RTX-4060", 8188, 7807, "index 69055612857; index 61661377491, torch 2.5.1+cu121"),
    # The card with 8 GB, whose name is that of the card with 16.
    Pair("NVIDIA-GeForce-RTX-4060-Ti", 8188, 7806, "as RTX 4060; index 56571017174, torch 2.12.1+cu130"),
    Pair("NVIDIA-GeForce-RTX-4080-SUPER", 16376, 15944, "index 63565374082; index 56169284282, torch 2.12.1+cu130"),
    Pair("NVIDIA-GeForce-RTX-4090", 24564, 24081, "vllm-project/vllm issue 7553; index 61361947911"),
    Pair("NVIDIA-GeForce-RTX-5060-Ti", 16311, 15848, "index 70576791450; index 66917428739, torch 2.12+cu130"),
    Pair("NVIDIA-GeForce-RTX-5080", 16303, 15840, "index 37432237124; index 56229221341"),
    Pair("NVIDIA-GeForce-RTX-5090", 32607, 32102, "ai-dynamo/aiconfigurator, rtx_5090.yaml; index 59847601954"),
    Pair("NVIDIA-GeForce-RTX-5090", 32607, 32089, "ai-dynamo/aiconfigurator, rtx_5090.yaml; index 70266988120"),
)
