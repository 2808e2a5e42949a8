"""The serve document: everything the pods of one revision must know, written by the operator, read by the runtime.

It is the only thing the two share. Replica counts and what autoscaling aims at are not in it: they change without new
pods. A field is added with
a default; a field whose meaning changes takes a new `schemaVersion`.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from tonnage.contract.base import Bytes, Contract, Count, ShortText, TokenCount


class Device(StrEnum):
    """What a replica computes on."""

    GPU = "Gpu"
    CPU = "Cpu"


class Task(StrEnum):
    """What a model is for. One engine serves one task."""

    GENERATE = "Generate"
    """Text after text: chat and completions."""
    EMBED = "Embed"
    """A vector for a text."""
    SCORE = "Score"
    """A number for two texts, which rerankers give."""
    CLASSIFY = "Classify"
    """Classes for a text; nothing serves it yet."""


class ServedModel(Contract):
    """Where the pods get the weights, and under which name they answer."""

    # `hf://org/name`, `modelscope://org/name`, `s3://bucket/prefix` or `pvc://claim/path`
    source: ShortText
    # 40 hex digits; every pod of the revision uses exactly this commit, or the objects of this digest.
    commit: ShortText
    # The folder in the worker's file system that holds config, tokenizer and safetensors once they are there.
    path: ShortText
    served_name: ShortText
    download_bytes: Bytes = 0
    # The hub's address, if not the public one; a bucket's is among its credentials.
    hub_endpoint: ShortText | None = None


class EngineSettings(Contract):
    """What vLLM is started with. All of it comes from the plan; the runtime decides nothing."""

    architecture: ShortText
    task: Task = Task.GENERATE
    # Entries of the model's config.json that are others for this task.
    config_overrides: dict[str, Any] = Field(default_factory=dict)
    device: Device
    dtype: ShortText
    quantization: ShortText | None = None
    kv_cache_dtype: ShortText = "auto"
    # Tokens of one sequence, prompt and answer together.
    context_length: Count
    max_num_seqs: Count
    max_num_batched_tokens: Count
    tensor_parallel: Count = 1
    pipeline_parallel: Count = 1
    # Of one replica: a worker, which holds it and its first pipeline stages, and followers with the others.
    pods: Count = 1
    # Bytes of KV cache in one replica; None on a GPU, where the engine takes what the utilization leaves; 0 for a model
    # that keeps none.
    kv_cache_bytes: Bytes | None = None
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] | None = None
    cpu_threads: Count | None = None
    trust_remote_code: bool = False
    # Checked against the deny list by the planner before it comes here.
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def gpus(self) -> int:
        """GPUs of one replica."""
        return 0 if self.device is Device.CPU else self.tensor_parallel * self.pipeline_parallel

    @property
    def gpus_per_pod(self) -> int:
        """Of which each of its pods has as many as the others."""
        return self.gpus // self.pods


class ServingLimits(Contract):
    """How Ray Serve treats a replica."""

    max_ongoing_requests: Count
    # A replica that has not answered by then is given up.
    start_deadline_seconds: Count
    # How long a pod goes on answering streams after SIGTERM; less than its termination grace period.
    drain_seconds: Count


class ServeDocument(Contract):
    """One revision, as its pods see it."""

    schema_version: Literal[1] = 1
    namespace: ShortText
    deployment: ShortText
    revision: ShortText
    model: ServedModel
    engine: EngineSettings
    limits: ServingLimits


class EngineReport(Contract):
    """What the engine of one replica said of its memory; a figure that it did not say is absent."""

    weights_bytes: Bytes | None = None
    """The model's parameters."""
    kv_cache_bytes: Bytes | None = None
    """The KV cache."""
    kv_cache_tokens: TokenCount | None = None
    """Tokens that the KV cache holds."""
    graphs_bytes: Bytes | None = None
    """CUDA graphs."""


class ApplicationArguments(Contract):
    """The `args` of the application in `PUT /api/serve/applications/`; the import path is `IMPORT_PATH`.

    Ray Serve takes changed arguments for changed code and restarts every replica. So replica counts are not here:
    they go into the same request's `deployments` (name `APPLICATION_NAME`), which Serve applies in place.
    """

    # Where the serve document is mounted, the same in every pod.
    document: ShortText


# Of the application and of its only Serve deployment.
APPLICATION_NAME = "model"
IMPORT_PATH = "tonnage_runtime.application:build"
DOCUMENT_PATH = "/etc/tonnage/serve.json"
TOKEN_PATH = "/etc/tonnage-ray/token"  # noqa: S105 # where it is, not what it is
MODEL_PATH = "/models"

# Ports of the pods of a revision, the same in every pod.
SERVE_PORT = 8000
METRICS_PORT = 8080
# What a worker tells the operator: GET /progress while its download runs gives {"doneBytes", "totalBytes"}, GET /engine
# once its replica has answered an `EngineReport`.
REPORT_PORT = 8081
GCS_PORT = 6379
DASHBOARD_PORT = 8265
AGENT_PORT = 52365
