"""What runs on a node: each component's command line, and the gates it waits for (`init` opens them).

The first node also runs the control plane, the registry and, when asked for, KWOK. `folders` says which build of a
module is meant: its folder's name below PROGRAMS.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from e2e.cluster.host.addresses import Addresses, Place
from e2e.cluster.host.certificates import API_PORT
from e2e.cluster.host.configs import CONFIGS, CONTAINERD_SOCKET, HOME, KEYS, PLUGINS

PROGRAMS = HOME / "programs"
IMAGES = HOME / "images"
STORAGE_CLASS_PROVISIONER = "tonnage.dev/node-folder"
VOLUMES = "/var/lib/volumes"
KWOK_CONFIG = CONFIGS / "kwok.yaml"

ETCD_HEALTH = "http://127.0.0.1:2379/health"
CONTAINERD_ANSWERS = f"unix:{CONTAINERD_SOCKET}"


@dataclass(frozen=True)
class Declared:
    """A component as `init` reads it."""

    argv: list[str]
    after: list[str] = field(default_factory=list)
    once: bool = False

    def as_dict(self) -> dict[str, object]:
        """The content of its file."""
        return asdict(self)


def control_plane(addresses: Addresses, folders: Mapping[str, str]) -> dict[str, Declared]:
    """What the first node runs beside what every node runs."""
    ready = [_api_ready("127.0.0.1")]
    return {
        "etcd": Declared(
            [
                *(_program(folders, "etcd"), "--name=e", "--data-dir=/var/lib/etcd", "--unsafe-no-fsync"),
                *("--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379"),
                "--listen-peer-urls=http://127.0.0.1:2380",
            ]
        ),
        "kube-apiserver": Declared(_api_server(addresses, folders), [ETCD_HEALTH]),
        "kube-controller-manager": Declared(
            [
                *(
                    _program(folders, "kube", "kube-controller-manager"),
                    "--leader-elect=false",
                    "--use-service-account-credentials=true",
                ),
                *(f"{flag}={KEYS}/controller-manager.kubeconfig" for flag in _KUBECONFIG_FLAGS),
                *(f"--service-account-private-key-file={KEYS}/accounts.key", f"--root-ca-file={KEYS}/ca.crt"),
                *(f"--cluster-signing-cert-file={KEYS}/ca.crt", f"--cluster-signing-key-file={KEYS}/ca.key"),
                f"--flex-volume-plugin-dir={PLUGINS}",
                # With its own limit, asking tokens for all of its controllers takes 4 s.
                *("--kube-api-qps=500", "--kube-api-burst=1000"),
            ],
            # Started earlier it may not read its own configuration from the API, and ends.
            ready,
        ),
        "kube-scheduler": Declared(
            [
                *(_program(folders, "kube", "kube-scheduler"), "--leader-elect=false"),
                *(f"{flag}={KEYS}/scheduler.kubeconfig" for flag in _KUBECONFIG_FLAGS),
            ],
            ready,
        ),
        "registry": Declared([_program(folders, "registry"), "serve", str(CONFIGS / "registry.yaml")]),
    }


def every_node(place: Place, folders: Mapping[str, str], images: list[str]) -> dict[str, Declared]:
    """What every node runs; `images` are the archives that containerd must have before the first pod."""
    ready = _api_ready(place.addresses.node(1))
    imports = {
        f"image-{archive.rpartition('-')[0]}": Declared(
            ["ctr", f"--address={CONTAINERD_SOCKET}", "--namespace=k8s.io", "images", "import", str(IMAGES / archive)],
            [CONTAINERD_ANSWERS],
            once=True,
        )
        for archive in images
    }
    return {
        "containerd": Declared(["containerd", f"--config={CONFIGS}/containerd.toml"]),
        **imports,
        "kubelet": Declared(
            [
                *(
                    _program(folders, "kube", "kubelet"),
                    f"--config={CONFIGS}/kubelet.json",
                    f"--kubeconfig={KEYS}/{place.node}.kubeconfig",
                ),
                *(f"--hostname-override={place.node}", f"--node-ip={place.address}"),
            ],
            [CONTAINERD_ANSWERS, *(f"done:{name}" for name in imports), ready],
        ),
        "kube-proxy": Declared([_program(folders, "kube", "kube-proxy"), f"--config={CONFIGS}/proxy.json"], [ready]),
        "volume-provisioner": Declared(
            [
                *(
                    _program(folders, "kube", "volume-provisioner"),
                    f"--kubeconfig={KEYS}/admin.kubeconfig",
                    f"--node={place.node}",
                ),
                *(f"--provisioner={STORAGE_CLASS_PROVISIONER}", f"--root={VOLUMES}"),
            ],
            [ready],
        ),
    }


def kwok(addresses: Addresses, folder: str) -> Declared:
    """Plays the kubelet of every node that is annotated as fake."""
    return Declared(
        [
            *(str(PROGRAMS / folder / "kwok"), f"--kubeconfig={KEYS}/admin.kubeconfig"),
            *(f"--config={KWOK_CONFIG}", f"--cidr={addresses.fake_pods}", f"--node-ip={addresses.node(1)}"),
            *("--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--node-lease-duration-seconds=40"),
        ],
        [_api_ready("127.0.0.1")],
    )


_KUBECONFIG_FLAGS = ("--kubeconfig", "--authentication-kubeconfig", "--authorization-kubeconfig")


def _api_server(addresses: Addresses, folders: Mapping[str, str]) -> list[str]:

    return [
        *(_program(folders, "kube", "kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379"),
        *(f"--secure-port={API_PORT}", f"--advertise-address={addresses.node(1)}"),
        f"--tls-cert-file={KEYS}/apiserver.crt",
        f"--tls-private-key-file={KEYS}/apiserver.key",
        f"--client-ca-file={KEYS}/ca.crt",
        f"--kubelet-client-certificate={KEYS}/kubelet-client.crt",
        f"--kubelet-client-key={KEYS}/kubelet-client.key",
        f"--kubelet-certificate-authority={KEYS}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={KEYS}/accounts.pub",
        f"--service-account-signing-key-file={KEYS}/accounts.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--requestheader-client-ca-file={KEYS}/ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={KEYS}/front-proxy.crt",
        f"--proxy-client-key-file={KEYS}/front-proxy.key",
        "--enable-aggregator-routing=true",
        f"--service-cluster-ip-range={addresses.services}",
        *("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true"),
    ]


def _api_ready(host: str) -> str:
    return f"https://{host}:{API_PORT}/readyz"


def _program(folders: Mapping[str, str], module: str, name: str | None = None) -> str:
    return str(PROGRAMS / folders[module] / (name or module))
