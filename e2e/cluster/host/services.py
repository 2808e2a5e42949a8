"""What runs in a cluster before anybody's tests do: names and storage, as Kubernetes objects from `manifests/`."""

from pathlib import Path
from string import Template

from e2e.cluster.host.addresses import Addresses
from e2e.cluster.host.certificates import CLUSTER_DOMAIN
from e2e.cluster.host.components import STORAGE_CLASS_PROVISIONER

MANIFESTS = Path(__file__).parent / "manifests"
API_NAME = f"kubernetes.default.svc.{CLUSTER_DOMAIN}"


def manifests(addresses: Addresses, dns_image: str, node: str) -> str:
    """All objects as one YAML stream; `node` is where CoreDNS runs."""
    values = {
        "address": addresses.dns_service,
        "domain": CLUSTER_DOMAIN,
        "image": dns_image,
        "node": node,
        "provisioner": STORAGE_CLASS_PROVISIONER,
    }
    texts = [Template(file.read_text()).substitute(values) for file in sorted(MANIFESTS.glob("*.yaml"))]
    return "---\n".join(texts)
