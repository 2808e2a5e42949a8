"""What the modules of sentence-transformers say of an embedding model: `modules.json` and a folder for each module.

It is by these files, not by its name, that the engine tells Qwen3-Embedding from Qwen3 (vLLM config/model.py,
_get_default_runner_type). What they say is read as the engine reads it, its blind spots included: it knows a module by
one exact type, and takes no text for the kind of pooling.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tonnage.contract.model_files import CONFIG
from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError, unusable

# transformers_utils/config.py: get_pooling_config, try_get_dense_modules.
_POOLING_TYPE = "sentence_transformers.models.Pooling"
_DENSE_TYPES = ("sentence_transformers.models.Dense", "pylate.models.Dense.Dense")
_MODE = "pooling_mode_"
_KINDS = {"cls": "CLS", "mean": "MEAN", "lasttoken": "LAST"}


@dataclass(frozen=True)
class Pooling:
    """How tokens' vectors become a text's: `kind` is the engine's word; None leaves it to the architecture."""

    kind: str | None = None


def pooling_config(where: str, modules: Sequence[Any], names: Collection[str]) -> str | None:
    """The name of the pooling module's config; None for a model without that module. Raises FactsError.

    What a module lacks is refused, safetensors too: the engine would go on without it, and give other vectors.
    """
    read = [module for module in modules if isinstance(module, Mapping)]
    for module in read:
        folder = str(module.get("path") or "")
        if module.get("type") in _DENSE_TYPES and f"{folder}/model.safetensors" not in names:
            raise FactsError(
                Reason.UNSAFE_WEIGHTS,
                f"{where} projects its vectors with {folder or 'a module'}, which has no model.safetensors: choose a "
                "revision or a copy of the model with safetensors files",
                is_permanent=True,
            )
    found = next((module for module in read if module.get("type") == _POOLING_TYPE), None)
    if found is None:
        return None
    name = f"{found.get('path') or ''}/{CONFIG}"
    if name not in names:
        raise unusable(
            f"modules.json of {where} names {name}, which was not found: use a copy that has it; folders are read from "
            "hf:// and pvc:// only"
        )
    return name


def pooling(config: Mapping[str, Any]) -> Pooling:
    """The pooling of a module's config; the last mode that is set counts, as for the engine."""
    modes = [name.removeprefix(_MODE) for name, value in config.items() if value is True and name.startswith(_MODE)]
    kinds = [_KINDS[mode.split("_")[0]] for mode in modes if mode.split("_")[0] in _KINDS]
    return Pooling(kinds[-1] if kinds else None)
