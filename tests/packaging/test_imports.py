"""What must not be installed for the operator to start."""

import subprocess
import sys

SERVING_STACK = ("ray", "vllm", "torch", "transformers")

PROGRAM = f"""
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {SERVING_STACK}:
            raise ImportError(f"{{name}} is not there")

sys.meta_path.insert(0, Refuse())
import tonnage
for module in pkgutil.walk_packages(tonnage.__path__, "tonnage."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def test_every_module_of_the_operator_imports_without_the_serving_stack():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
