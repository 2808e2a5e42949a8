"""The planner against programs that know the answer: the engine's own grouping of KV caches, transformers' own counts.

Both are in the runtime image and far too large for the tests' environment, so `tests/oracles` runs in a pod of that
image, with this checkout's code and the test runner copied into it.
"""

import base64
import io
import json
import re
import tarfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from e2e.kit.deployments import Json
from e2e.kit.install import Installation

pytestmark = pytest.mark.timeout(400)
ROOT = Path(__file__).parents[1]
POD = "oracles"
COPIED = ("operator/tonnage", "runtime/tonnage_runtime", "tests/oracles", "tests/data")
# What pytest is made of, where the image does not have it.
RUNNER = ("_pytest", "pytest", "pluggy", "iniconfig", "py")
# Each in a process of its own: the engine changes transformers' classes as it imports them. What one says of a failure
# is read below.
COMMAND = (
    "cd /work && base64 -d | tar xz && for each in tests/oracles/test_*.py; do "
    "PYTHONPATH=operator:runtime:.:runner "
    "python -m pytest $each -q -c /dev/null --rootdir . -p no:cacheprovider || true; done"
)


def test_engine_and_transformers_agree_with_the_planner(tonnage: Installation, namespace: str) -> None:
    kubectl = partial(tonnage.cluster.kubectl_run, "-n", namespace)
    kubectl("apply", "-f", "-", stdin=json.dumps(pod(runtime_image(tonnage))))
    kubectl("wait", f"pod/{POD}", "--for=condition=Ready", "--timeout=120s", deadline_seconds=130)
    copied = base64.b64encode(archive()).decode()
    said = kubectl("exec", "-i", POD, "--", "sh", "-c", COMMAND, stdin=copied, deadline_seconds=300)
    kubectl("delete", "pod", POD, "--grace-period=0", "--force")
    # One that fails or is skipped does not say that all passed.
    passed = re.findall(r"^(\d+) passed(?:, \d+ warnings?)? in", said, re.MULTILINE)
    assert len(passed) == len(list((ROOT / "tests/oracles").glob("test_*.py"))), said
    assert sum(map(int, passed)) > 300


def pod(image: str) -> Json:
    """A pod that waits to be told what to run."""
    container = {
        "name": "oracles",
        "image": image,
        "command": ["sleep", "600"],
        "env": [{"name": "HOME", "value": "/work"}],
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
    }
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsUser": 1000, "fsGroup": 1000},
        "containers": [container],
        "volumes": [{"name": "work", "emptyDir": {}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD}, "spec": spec}


def runtime_image(tonnage: Installation) -> str:
    """The image that replicas on CPUs run."""
    path = "{.items[0].spec.template.spec.containers[0].env[?(@.name=='TONNAGE_CPU_IMAGE')].value}"
    return tonnage.cluster.kubectl_run("-n", tonnage.namespace, "get", "deployments", "-o", f"jsonpath={path}")


def archive() -> bytes:
    """A tar of what the pod lacks."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in COPIED:
            tar.add(ROOT / name, name, filter=without_bytecode)
        for name in RUNNER:
            spec = find_spec(name)
            assert spec
            path = Path(str(spec.origin))
            path = path.parent if path.name == "__init__.py" else path
            tar.add(path, f"runner/{path.name}", filter=without_bytecode)
    return buffer.getvalue()


def without_bytecode(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
