"""The cluster's certificates and kubeconfigs, made with openssl: one authority signs for everybody.

All parts trust one authority, also for the aggregated API, where only the name `front-proxy-client` counts.
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.commands import run
from e2e.cluster.host.addresses import Addresses

DAYS = "3650"
CLUSTER_DOMAIN = "cluster.local"
API_PORT = 6443
# Kubernetes knows who somebody is by the certificate's common name, and what they may by its organizations.
CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "proxy": "/CN=system:kube-proxy",
    "kubelet-client": "/O=system:masters/CN=kubelet-client",
    "front-proxy": "/CN=front-proxy-client",
}
KUBECONFIGS = ("admin", "controller-manager", "scheduler", "proxy")


@dataclass(frozen=True)
class Authority:
    """Signs certificates into `folder`."""

    folder: Path
    server: str

    def make(self) -> None:
        """Make the authority itself and the key that signs the tokens of service accounts."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._openssl("req", "-x509", *_new_key("ca"), "-subj", "/CN=kubernetes")
        self._openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "accounts.key")
        self._openssl("pkey", "-in", "accounts.key", "-pubout", "-out", "accounts.pub")

    def sign(self, name: str, subject: str, also: tuple[str, ...] = ()) -> None:
        """Make NAME.key and NAME.crt; `also` are `DNS:` and `IP:` names a server is reached under."""
        names = ("-addext", f"subjectAltName={','.join(also)}") if also else ()
        self._openssl(
            *("req", "-x509", "-CA", "ca.crt", "-CAkey", "ca.key", *_new_key(name), "-subj", subject),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", "extendedKeyUsage=clientAuth,serverAuth", *names),
        )

    def write_kubeconfig(self, name: str, context: str) -> None:
        """Write NAME.kubeconfig for the owner of NAME.crt."""
        authority, certificate, key = (self._base64(file) for file in ("ca.crt", f"{name}.crt", f"{name}.key"))
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": context, "cluster": {"server": self.server, "certificate-authority-data": authority}},
            ],
            "users": [{"name": name, "user": {"client-certificate-data": certificate, "client-key-data": key}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": name}}],
            "current-context": context,
        }
        file = self.folder / f"{name}.kubeconfig"
        file.touch(mode=0o600)
        file.write_text(json.dumps(config, indent=1))

    def _base64(self, file: str) -> str:
        return base64.b64encode((self.folder / file).read_bytes()).decode()

    def _openssl(self, *words: str) -> None:
        run("openssl", *words, cwd=self.folder)


def make_all(authority: Authority, addresses: Addresses, context: str) -> None:
    """Everything but the nodes' own certificates."""
    authority.make()
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}"]
    names = [f"DNS:{name}" for name in [*service, "localhost"]]
    numbers = [f"IP:{address}" for address in (addresses.api_service, "127.0.0.1", addresses.node(1))]
    authority.sign("apiserver", "/CN=kube-apiserver", (*names, *numbers))
    for name, subject in CLIENTS.items():
        authority.sign(name, subject)
    for name in KUBECONFIGS:
        authority.write_kubeconfig(name, context)


def make_node(authority: Authority, node: str, address: str, context: str) -> None:
    """A kubelet's certificate, as server and as client, and its kubeconfig."""
    authority.sign(node, f"/O=system:nodes/CN=system:node:{node}", (f"DNS:{node}", f"IP:{address}"))
    authority.write_kubeconfig(node, context)


def _new_key(name: str) -> tuple[str, ...]:
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    return (*curve, "-days", DAYS, "-keyout", f"{name}.key", "-out", f"{name}.crt")
