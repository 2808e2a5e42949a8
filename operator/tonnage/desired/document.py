"""The serve document of a revision, from the plan: what the pods will do, decided here and nowhere in the pods."""

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.model_source import Scheme
from tonnage.contract.serve_document import (
    MODEL_PATH,
    Device,
    EngineSettings,
    ServedModel,
    ServeDocument,
    ServingLimits,
)
from tonnage.contract.spec import ModelDeploymentSpec, TrustRemoteCode
from tonnage.contract.status import PlanStatus
from tonnage.desired.names import Owner
from tonnage.facts.source import parse_source
from tonnage.plan.tasks import config_overrides
from tonnage.settings import Settings

# A worker that is told to go serves on until its successor is ready, which takes this and the loading of the weights.
_DRAIN_SECONDS = 60
_DRAIN_SECONDS_PER_GIB = 18
_LONGEST_DRAIN_SECONDS = 600


def serve_document(
    owner: Owner, spec: ModelDeploymentSpec, facts: ModelFacts, plan: PlanStatus, settings: Settings
) -> ServeDocument:
    """The document, without the revision's name, which is a digest of it."""
    is_gpu = plan.device is Device.GPU
    return ServeDocument(
        namespace=owner.namespace,
        deployment=owner.name,
        revision="",
        model=ServedModel(
            source=facts.source,
            commit=facts.commit,
            path=model_folder(facts.source),
            served_name=spec.model.served_name or owner.name,
            download_bytes=facts.download_bytes,
            hub_endpoint=settings.endpoint(parse_source(facts.source).scheme),
        ),
        engine=EngineSettings(
            architecture=facts.architecture,
            task=plan.task,
            config_overrides=config_overrides(facts, plan.task),
            device=plan.device,
            dtype=plan.dtype,
            quantization=plan.quantization,
            kv_cache_dtype=plan.kv_cache_dtype,
            context_length=plan.context_length,
            max_num_seqs=plan.max_num_seqs,
            max_num_batched_tokens=plan.max_num_batched_tokens,
            tensor_parallel=plan.tensor_parallel,
            pipeline_parallel=plan.pipeline_parallel,
            pods=plan.pods_per_replica,
            kv_cache_bytes=None if is_gpu else plan.memory.kv_cache_bytes,
            gpu_memory_utilization=plan.gpu_memory_percent / 100 if is_gpu else None,
            trust_remote_code=spec.model.trust_remote_code is TrustRemoteCode.ALLOWED,
        ),
        limits=ServingLimits(
            max_ongoing_requests=plan.max_ongoing_requests,
            start_deadline_seconds=plan.start_deadline_seconds,
            # On GPUs the plan's memory is that of one.
            drain_seconds=_drain_seconds(plan.memory.weights_bytes * max(1, plan.gpus_per_replica)),
        ),
    )


def model_folder(source_text: str) -> str:
    """Where the model's files are in a pod: a claim is mounted whole, others are fetched into the same place."""
    source = parse_source(source_text)
    return f"{MODEL_PATH}/{source.path}" if source.scheme is Scheme.PVC and source.path else MODEL_PATH


def _drain_seconds(weights_bytes: int) -> int:
    return min(_LONGEST_DRAIN_SECONDS, _DRAIN_SECONDS + weights_bytes * _DRAIN_SECONDS_PER_GIB // 2**30)
