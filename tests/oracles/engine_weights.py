"""Writes tests/data/engine_weights.json: bytes of the parameters of one rank, by the engine, for each config it builds.

python tests/oracles/engine_weights.py > tests/data/engine_weights.json

The engine's modules are made on the meta device, as the first of so many ranks makes them; nothing is loaded. Left out
is what a machine without a GPU cannot make: sparse attention, kernels for FP4, what imports torchvision; and what the
engine reads from code or files of the repository.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"
RANKS = (1, 2, 4, 8)
# Made an embedding model by other files than its config: the engine drops its head for them.
LEFT_OUT = ("intfloat__e5-mistral-7b-instruct",)
# Kernels of CPUs pad the experts' ranks otherwise than those of GPUs do.
ONE_RANK_ONLY = ("openai__gpt-oss-120b",)


@contextmanager
def one_process() -> Iterator[None]:
    """A group of processes with nobody else in it, as the engine's modules want one."""
    import torch  # noqa: PLC0415
    from vllm import distributed  # noqa: PLC0415
    from vllm.model_executor.models import registry  # noqa: PLC0415

    # The engine asks each class what it can do in a process of its own, 5 s each.
    registry._run_in_subprocess = lambda ask: ask()
    with tempfile.TemporaryDirectory() as folder:
        distributed.init_distributed_environment(1, 0, f"file://{folder}/store", 0, "gloo")
        yield
        distributed.destroy_model_parallel()
        torch.distributed.destroy_process_group()


def size(path: Path, ranks: int) -> int:
    """Bytes of all parameters of the first of these ranks. Raises whatever the engine does where it cannot build it."""
    import torch  # noqa: PLC0415
    from vllm import distributed  # noqa: PLC0415
    from vllm.config import set_current_vllm_config  # noqa: PLC0415
    from vllm.engine.arg_utils import EngineArgs  # noqa: PLC0415
    from vllm.model_executor.model_loader.utils import initialize_model  # noqa: PLC0415
    from vllm.utils.torch_utils import set_default_torch_dtype  # noqa: PLC0415

    document: dict[str, Any] = json.loads(path.read_text())
    document.pop("auto_map", None)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(document))
        arguments = EngineArgs(folder, skip_tokenizer_init=True, load_format="dummy", max_model_len=512)
        engine = arguments.create_engine_config()
        with set_current_vllm_config(engine):
            distributed.destroy_model_parallel()
            distributed.initialize_model_parallel(1, 1)
            # Modules only ask how many ranks there are; what they would say to the others is never said.
            engine.parallel_config.tensor_parallel_size = ranks
            distributed.get_tp_group().world_size = ranks
            with set_default_torch_dtype(engine.model_config.dtype), torch.device("meta"):
                model = initialize_model(engine, model_config=engine.model_config)
    return sum(each.numel() * each.element_size() for _, each in model.named_parameters())


def sizes(path: Path) -> dict[int, int]:
    """By the number of ranks; empty where the engine cannot build it here."""
    found: dict[int, int] = {}
    for ranks in RANKS[:1] if path.stem in ONE_RANK_ONLY else RANKS:
        try:
            found[ranks] = size(path, ranks)
        except Exception as error:  # noqa: BLE001 # whatever it is, it is not built
            sys.stderr.write(f"{path.stem} on {ranks}: {type(error).__name__}\n")
            break
    return found


def main() -> None:
    """Print the sizes."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    with one_process():
        found = {path.stem: sizes(path) for path in sorted(CONFIGS.glob("*.json")) if path.stem not in LEFT_OUT}
    rows = (f'"{name}": {json.dumps(by_ranks)}' for name, by_ranks in found.items() if by_ranks)
    sys.stdout.write("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
