"""Writes tests/data/parameter_counts.json: parameters by transformers, on the meta device, for each config it knows.

python tests/oracles/parameter_counts.py > tests/data/parameter_counts.json
"""

import json
import sys
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parents[1] / "data" / "model_configs"
# Its names of sizes are not those that transformers reads: it would count the class's defaults.
FOREIGN = ("microsoft__phi-2",)
# The same family under the name its first repository gave it.
ALIASES = {"phi-msft": "phi"}


def count(path: Path) -> int | None:
    """Parameters of one config, or None where transformers cannot build it."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    document: dict[str, Any] = json.loads(path.read_text())
    for part in (document, document.get("text_config")):
        if isinstance(part, dict):
            for name in ("quantization_config", "auto_map"):
                part.pop(name, None)
    model_type = ALIASES.get(document.get("model_type", ""), document.get("model_type", ""))
    architecture = (document.get("architectures") or [""])[0]
    model_class = getattr(transformers, architecture, None)
    if path.stem in FOREIGN or model_class is None or model_type not in transformers.CONFIG_MAPPING:
        return None
    try:
        with torch.device("meta"):
            model = model_class(transformers.CONFIG_MAPPING[model_type].from_dict(document))
    except (IndexError, KeyError, TypeError, ValueError, AttributeError):
        return None
    model.tie_weights()
    return sum(parameter.numel() for parameter in model.parameters())


def main() -> None:
    """Print the counts."""
    counts = {path.stem: found for path in sorted(CONFIGS.glob("*.json")) if (found := count(path)) is not None}
    json.dump(counts, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
