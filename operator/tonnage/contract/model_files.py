"""Which files of a model are its model: the operator counts their bytes, the pods download exactly these.

Files beside `config.json` count, and those of an embedding model's modules (`1_Pooling`, `2_Dense`): without them the
engine makes other vectors, and says nothing. Any other folder holds other things under the same names (the authors' own
format, ONNX, adapters), and those would double the download or, worse, be loaded.
"""

import re
from collections.abc import Iterable

CONFIG = "config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
# The engine's defaults for sampling, max_new_tokens among them, come from it at run time (vLLM config/model.py,
# get_diff_sampling_param): no plan depends on it, but every pod needs it.
GENERATION_CONFIG = "generation_config.json"
# Where the engine looks for the limit of an embedding model, in its order (vLLM transformers_utils/config.py,
# get_sentence_transformer_tokenizer_config).
SENTENCE_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
MODULES = "modules.json"

# Loading one of these runs code that its author chose.
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

_WEIGHTS = ".safetensors"
# The same weights again in the authors' own layout, or something that is laid over a base model.
_NOT_THE_MODEL = re.compile(r"(consolidated|adapter_|training_)")
_SMALL_FILES = (".json", ".txt", ".model", ".tiktoken", ".jinja")
_CODE = ".py"
# How sentence-transformers names the folder of a module: its place and its class (SentenceTransformer.save).
_MODULE = re.compile(r"\d+_[A-Za-z]+")
_MODULE_FILES = (CONFIG, "model.safetensors")


def weight_files(names: Iterable[str]) -> tuple[str, ...]:
    """The safetensors files that hold the model, sorted; empty if there are none."""
    found = sorted(name for name in names if "/" not in name and name.endswith(_WEIGHTS))
    return tuple(name for name in found if not _NOT_THE_MODEL.match(name))


def needed_files(names: Iterable[str], *, with_code: bool = False) -> tuple[str, ...]:
    """Weights, config, tokenizer and modules, sorted; the repository's own code only for those who allowed it."""
    suffixes = (*_SMALL_FILES, _CODE) if with_code else _SMALL_FILES
    listed = list(names)
    small = {name for name in listed if "/" not in name and name.endswith(suffixes)}
    return tuple(sorted(small.union(weight_files(listed), filter(_is_of_module, listed))))


def is_module(folder: str) -> bool:
    """Whether a folder beside the config is a module's."""
    return _MODULE.fullmatch(folder) is not None


def has_module(folders: Iterable[str]) -> bool:
    """Whether one of the folders beside the config is a module's, so that the files in folders count."""
    return any(map(is_module, folders))


def _is_of_module(name: str) -> bool:
    folder, _, file = name.partition("/")
    return is_module(folder) and file in _MODULE_FILES
