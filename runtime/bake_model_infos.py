"""Fills vLLM's cache of what each model class can do, at image build: at run time a miss costs a process and 11 s.

Classes that do not import on this platform are left out; vLLM looks at those itself when it is asked for one.
"""

import sys
from unittest import mock

from vllm.model_executor.models import registry


def main() -> None:
    """Write one file per model class below VLLM_CACHE_ROOT."""
    skipped = []
    # vLLM starts a process per class, so as not to touch a GPU; there is none here.
    with mock.patch.object(registry, "_run_in_subprocess", lambda inspect: inspect()):
        for architecture, model in registry.ModelRegistry.models.items():
            try:
                model.inspect_model_cls()
            except Exception as error:  # noqa: BLE001 # whatever a model's module raises
                skipped.append(f"{architecture} ({error})")
    inspected = len(registry.ModelRegistry.models) - len(skipped)
    sys.stdout.write(f"{inspected} model classes inspected; not here: {'; '.join(skipped)}\n")


if __name__ == "__main__":
    main()
