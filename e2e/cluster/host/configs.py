"""The configuration files of a node, as text; what is inside a node's own file system has its usual path.

JSON is YAML, so what Kubernetes reads is written as JSON.
"""

import json
from pathlib import Path
from typing import Any

from e2e.cluster.host.addresses import Place
from e2e.cluster.host.certificates import CLUSTER_DOMAIN

HOME = Path("/var/lib/tonnage")
KEYS = HOME / "pki"
CONFIGS = HOME / "configs"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
PLUGINS = "/var/lib/kubelet/volume-plugins"
REGISTRY_PORT = 5000
# What pods call the cluster's own registry; each node's containerd is told where that is.
REGISTRY_NAME = f"localhost:{REGISTRY_PORT}"

CONTAINERD = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image}"
  # Without CAP_SYS_RESOURCE no process may become less likely to be killed than its parent.
  restrict_oom_score_adj = true
  max_concurrent_downloads = 8
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{configs}/certs.d"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_folder}"
    conf_dir = "{configs}/cni"
"""

REGISTRY_HOSTS = """\
server = "http://{address}"
[host."http://{address}"]
  capabilities = ["pull", "resolve"]
"""

REGISTRY = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: /var/lib/registry}}
  delete: {{enabled: true}}
http: {{addr: "0.0.0.0:{port}"}}
"""


def files(place: Place, cgroup: str, *, pause_image: str, cni_folder: Path) -> dict[str, str]:
    """Path below CONFIGS -> text, for one node."""
    registry = f"{place.addresses.node(1)}:{REGISTRY_PORT}"
    return {
        "kubelet.json": _json(kubelet(place, cgroup)),
        "proxy.json": _json(proxy(place)),
        "containerd.toml": CONTAINERD.format(
            configs=CONFIGS, socket=CONTAINERD_SOCKET, pause_image=pause_image, cni_folder=cni_folder
        ),
        "cni/10-tonnage.conflist": _json(cni(place)),
        f"certs.d/{REGISTRY_NAME}/hosts.toml": REGISTRY_HOSTS.format(address=registry),
        "registry.yaml": REGISTRY.format(port=REGISTRY_PORT),
        # For pods that want the node's name servers. There is none, which the node's own address says at once.
        "resolv.conf": f"nameserver {place.address}\n",
    }


def kubelet(place: Place, cgroup: str) -> dict[str, Any]:
    """KubeletConfiguration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(KEYS / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(KEYS / f"{place.node}.crt"),
        "tlsPrivateKeyFile": str(KEYS / f"{place.node}.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "enforceNodeAllocatable": ["pods"],
        "failCgroupV1": False,
        "failSwapOn": False,
        # Go on where a kernel setting or a process's kill score cannot be changed.
        "featureGates": {"KubeletInUserNamespace": True},
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "clusterDNS": [place.addresses.dns_service],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": str(CONFIGS / "resolv.conf"),
        "volumePluginDir": PLUGINS,
        # The disk is the machine's: a full one is its owner's business, not a reason to evict test pods.
        "evictionHard": {
            "memory.available": "100Mi",
            **dict.fromkeys(["nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree"], "1%"),
        },
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "oomScoreAdj": 0,
    }


def proxy(place: Place) -> dict[str, Any]:
    """KubeProxyConfiguration; nftables needs no kernel module, and no connection tracking limits are touched."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(KEYS / "proxy.kubeconfig")},
        "mode": "nftables",
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
        "clusterCIDR": place.addresses.pods,
        "hostnameOverride": place.node,
        "oomScoreAdj": 0,
        "conntrack": dict.fromkeys(["maxPerCore", "min"], 0)
        | dict.fromkeys(["tcpCloseWaitTimeout", "tcpEstablishedTimeout"], "0s"),
    }


def cni(place: Place) -> dict[str, Any]:
    """The pods' network: every pod has a link of its own to the node, which routes.

    With a bridge, a pod's answer to another pod of its node would pass kube-proxy's rules by, unless a kernel module
    hands bridged packets to them.
    """
    ipam = {
        "type": "host-local",
        "dataDir": "/run/cni-addresses",
        "ranges": [[{"subnet": place.addresses.node_pods(place.number)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    return {
        "cniVersion": "0.4.0",
        "name": "tonnage",
        "plugins": [{"type": "ptp", "ipMasq": False, "ipam": ipam}],
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1) + "\n"
