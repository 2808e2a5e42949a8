"""All that a node is made of: programs and image archives, built once, and where the node sees them."""

import os
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.host import builds, packages
from e2e.cluster.host.addresses import Addresses, Place
from e2e.cluster.host.archives import archive, archives_folder, image_name
from e2e.cluster.host.components import control_plane, every_node
from e2e.cluster.host.configs import files
from e2e.cluster.host.node import Node
from e2e.cluster.progress import Progress
from e2e.cluster.states import cache_folder

CONTROL_PLANE = (builds.ETCD, builds.REGISTRY)
IN_IMAGES = (builds.PAUSE, builds.COREDNS)


@dataclass(frozen=True)
class Parts:
    """By name: the build's folder of each program; of each image its name, and the archives."""

    folders: dict[str, str]
    images: dict[str, str]
    archives: list[str]

    def make(self, node: Node, addresses: Addresses, cache: Path) -> None:
        """Write the node's folder; `cache` is what of this node outlives the cluster."""
        place = Place(addresses, node.number, node.name)
        components = every_node(place, self.folders, self.archives)
        binds = {
            builds.builds_folder(): "tonnage/programs",
            archives_folder(): "tonnage/images",
            cache / node.name: "containerd",
        }
        if node.number == 1:
            components |= control_plane(addresses, self.folders)
            binds[cache / "registry"] = "registry"
        texts = files(place, node.group, pause_image=self.images["pause"], cni_folder=packages.cni_folder())
        node.make(binds, texts, components)


def build_parts(progress: Progress) -> Parts:
    """Build what is not built yet."""
    programs = {program.name: builds.build(program, progress) for program in (builds.KUBE, *CONTROL_PLANE, *IN_IMAGES)}
    images, archives = {}, []
    for program in IN_IMAGES:
        folder = programs[program.name]
        key = folder.name.removeprefix(f"{program.name}-")
        images[program.name] = image_name(program.name, key)
        archives.append(archive(program.name, key, folder / program.name, os.uname().machine).name)
    return Parts({name: folder.name for name, folder in programs.items()}, images, archives)


def node_cache(cluster: str) -> Path:
    """What of a cluster outlives `down`: the images that its nodes and its registry have."""
    return cache_folder() / "clusters" / cluster
