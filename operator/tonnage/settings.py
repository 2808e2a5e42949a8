"""What the chart tells the operator through its environment; read once, at start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tonnage.contract.model_source import Scheme


class SettingsError(Exception):
    """A setting is missing or makes no sense; the message names it."""


@dataclass(frozen=True)
class Settings:
    """How this operator was installed."""

    # The namespace it runs in.
    namespace: str
    # The one namespace it watches; None means all.
    watched_namespace: str | None
    # Runtime images by device, and its own image, which facts pods run.
    cpu_image: str
    cuda_image: str
    operator_image: str
    image_pull_secrets: tuple[str, ...]
    # The Hugging Face hub and ModelScope, for itself and for pods; None means the public one.
    hub_endpoint: str | None
    modelscope_endpoint: str | None
    # A file of random bytes that Ray tokens are derived from.
    ray_token_key: Path
    # Size and class of the volume that keeps Ray's control state when a head's pod goes; without a size it goes with
    # the pod, without a class the cluster's default is used.
    head_storage: str | None = None
    head_storage_class: str | None = None
    metrics_port: int = 8080
    health_port: int = 8081
    # Every deployment is visited at least this often, whatever events said.
    resync_seconds: float = 300.0

    def endpoint(self, scheme: Scheme) -> str | None:
        """The address of the hub of these sources; None is the public one, and for a source that is in no hub."""
        return {Scheme.HF: self.hub_endpoint, Scheme.MODELSCOPE: self.modelscope_endpoint}.get(scheme)


def settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises SettingsError."""

    def required(name: str) -> str:
        value = environment.get(name, "")
        if not value:
            raise SettingsError(f"{name} is not set: install with the chart, or set it")
        return value

    return Settings(
        namespace=required("TONNAGE_NAMESPACE"),
        watched_namespace=environment.get("TONNAGE_WATCHED_NAMESPACE") or None,
        cpu_image=required("TONNAGE_CPU_IMAGE"),
        cuda_image=required("TONNAGE_CUDA_IMAGE"),
        operator_image=required("TONNAGE_OPERATOR_IMAGE"),
        image_pull_secrets=tuple(environment.get("TONNAGE_IMAGE_PULL_SECRETS", "").split()),
        hub_endpoint=environment.get("TONNAGE_HUB_ENDPOINT") or None,
        modelscope_endpoint=environment.get("TONNAGE_MODELSCOPE_ENDPOINT") or None,
        ray_token_key=Path(environment.get("TONNAGE_RAY_TOKEN_KEY", "/etc/tonnage/ray-token-key/key")),
        head_storage=environment.get("TONNAGE_HEAD_STORAGE") or None,
        head_storage_class=environment.get("TONNAGE_HEAD_STORAGE_CLASS") or None,
        metrics_port=int(environment.get("TONNAGE_METRICS_PORT", "8080")),
        health_port=int(environment.get("TONNAGE_HEALTH_PORT", "8081")),
        resync_seconds=float(environment.get("TONNAGE_RESYNC_SECONDS", "300")),
    )
