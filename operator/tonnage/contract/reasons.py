"""Every condition type and reason, once. A reason is CamelCase and stable, people alert on it; messages may change."""

from enum import StrEnum


class ConditionType(StrEnum):
    """The conditions of a ModelDeployment, in the order of its life; all are set on the first visit."""

    ACCEPTED = "Accepted"
    PLANNED = "Planned"
    SCHEDULED = "Scheduled"
    MODEL_LOADED = "ModelLoaded"
    READY = "Ready"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    # kstatus's own word for "will not go on without a change": Argo CD, Flux and `kubectl wait` users look for it.
    STALLED = "Stalled"


class Reason(StrEnum):
    """Why a condition is as it is."""

    # Accepted
    ACCEPTED = "Accepted"
    NOT_YET_SUPPORTED = "NotYetSupported"
    INVALID_SPEC = "InvalidSpec"
    PAUSED = "Paused"

    # Model sources
    RESOLVING = "Resolving"
    MODEL_NOT_FOUND = "ModelNotFound"
    REVISION_NOT_FOUND = "RevisionNotFound"
    MODEL_CHANGED = "ModelChanged"
    ACCESS_DENIED = "AccessDenied"
    GATED_MODEL = "GatedModel"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 # the name of a reason
    HUB_UNREACHABLE = "HubUnreachable"
    UNSAFE_WEIGHTS = "UnsafeWeights"
    UNUSABLE_CONFIG = "UnusableConfig"
    VOLUME_NOT_FOUND = "VolumeNotFound"

    # Planned
    PLANNED = "Planned"
    WAITING_FOR_GPUS = "WaitingForGpus"
    ARCHITECTURE_UNSUPPORTED = "ArchitectureUnsupported"
    REMOTE_CODE_REQUIRED = "RemoteCodeRequired"
    QUANTIZATION_UNSUPPORTED = "QuantizationUnsupported"
    CONTEXT_TOO_LONG = "ContextTooLong"
    INSUFFICIENT_MEMORY = "InsufficientMemory"
    NO_NODES = "NoNodes"
    GPU_UNSUITABLE = "GpuUnsuitable"

    # Scheduled, ModelLoaded
    SCHEDULED = "Scheduled"
    UNSCHEDULABLE = "Unschedulable"
    IMAGE_PULL = "ImagePull"
    STARTING = "Starting"
    DOWNLOADING = "Downloading"
    LOADING = "Loading"
    LOADED = "Loaded"
    DISK_FULL = "DiskFull"
    SHARED_MEMORY_TOO_SMALL = "SharedMemoryTooSmall"
    HOST_OUT_OF_MEMORY = "HostOutOfMemory"
    GPU_OUT_OF_MEMORY = "GpuOutOfMemory"
    DRIVER_TOO_OLD = "DriverTooOld"
    KV_CACHE_TOO_SMALL = "KvCacheTooSmall"
    ENGINE_FAILED = "EngineFailed"
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded"
    CONTAINER_FAILED = "ContainerFailed"

    # Ready, Progressing, Degraded, Stalled
    READY = "Ready"
    WAITING = "Waiting"
    NO_READY_REPLICA = "NoReplicaReady"
    SCALED_TO_ZERO = "ScaledToZero"
    REPLICAS_UNAVAILABLE = "ReplicasUnavailable"
    ROLLING_OUT = "RollingOut"
    SCALING = "Scaling"
    SETTLED = "Settled"
    HEALTHY = "Healthy"
    API_ERROR = "ApiError"
