"""The choice as an answer: the plan with every byte and every alternative, or a refusal with the nearest miss."""

from functools import lru_cache

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device, Task
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import MemoryPlan, PlanStatus
from tonnage.facts.errors import FactsError
from tonnage.facts.inventory import Inventory
from tonnage.facts.packed import unpacked
from tonnage.facts.shape import Shape, pooled, shape
from tonnage.memory import Estimate
from tonnage.memory.checkpoint import completed, doubted
from tonnage.plan.budget import Budget
from tonnage.plan.derivation import start_sentence
from tonnage.plan.engine import GIB
from tonnage.plan.gpu.candidates import Candidate, candidates, spanning
from tonnage.plan.gpu.choice import Choice
from tonnage.plan.gpu.explanation import alternatives, concurrency, explanation, notes
from tonnage.plan.gpu.fit import MEMORY_PERCENT, Fit
from tonnage.plan.gpu.offers import offers
from tonnage.plan.gpu.question import Question
from tonnage.plan.gpu.refusals import (
    refuse_choice,
    refuse_for_now,
    refuse_pod_memory,
    refuse_split,
    refuse_without_gpus,
)
from tonnage.plan.gpu.rules import engine_dtype
from tonnage.plan.gpu.sizing import size
from tonnage.plan.gpu.turns import Pause, turn
from tonnage.plan.limits import bounds, start_deadline_seconds
from tonnage.plan.moment import Asked
from tonnage.plan.refusal import Refusal

_MOST_PRODUCTS = 16
# Of the host, for a worker pod: measured on a CPU without weights 3.5 GiB; each GPU has a process of its own with a
# CUDA context. What the page cache holds of the weights is given back under pressure. Not measured on a GPU yet.
_POD_BYTES = 6 * GIB
_POD_BYTES_PER_GPU = 3 * GIB
# vLLM's advice is two cores and one for each GPU (docs/configuration/optimization.md, "CPU resources").
_CORES = 2


def gpu_plan(
    spec: ModelDeploymentSpec, facts: ModelFacts, inventory: Inventory, budget: Budget, asked: Asked
) -> PlanStatus | Refusal:
    """The plan or the refusal; only for what the common rules did not refuse."""
    read = _shape(facts)
    if isinstance(read, Refusal):
        return read
    question = Question(spec, facts, read, offers(spec, inventory), asked)
    if not question.offers.found:
        return refuse_without_gpus(question, inventory)
    found = question.offers.found
    if not candidates(spec, read, found) and not spanning(spec, read, found):
        return refuse_split(question)
    choice = turn(question)
    if isinstance(choice, Pause):
        return refuse_for_now(question, choice)
    return refuse_choice(question, choice) if choice.fit is None else _in_pod(question, choice, choice.fit, budget)


def _shape(facts: ModelFacts) -> Shape | Refusal:
    if not facts.config:
        return Refusal(
            Reason.UNUSABLE_CONFIG,
            f"the config.json of {facts.source} had no room in the facts pod's message, and plans for GPUs need it: "
            "use a public source",
        )
    try:
        weights_bytes = tuple(sorted(facts.weights_bytes_by_dtype.items()))
        return _read(facts.config, weights_bytes, facts.task or Task.GENERATE, facts.pooling)
    except (FactsError, ValueError) as error:
        return Refusal(Reason.UNUSABLE_CONFIG, f"the config.json of {facts.source}: {error}")


# A model is planned again whenever its wishes or the nodes change, and visits of several models take turns.
@lru_cache(maxsize=8)
def _read(config: str, weights_bytes: tuple[tuple[str, int], ...], task: Task, pooling: str | None) -> Shape:
    # Completed first: the headers may hold the head that a pooled model does not load.
    held = dict(weights_bytes)
    read = completed(shape(unpacked(config)), held)
    return doubted(read if task is Task.GENERATE else pooled(read, pooling), held)


def _in_pod(question: Question, choice: Choice, fit: Fit, budget: Budget) -> PlanStatus | Refusal:
    needed_bytes = _POD_BYTES + _POD_BYTES_PER_GPU * fit.candidate.gpus_per_pod
    given_bytes = budget.limit_bytes if budget.is_given else None
    if given_bytes is not None and given_bytes < needed_bytes:
        return refuse_pod_memory(fit.candidate, given_bytes, needed_bytes)
    return _plan(question, choice, fit, given_bytes or needed_bytes)


def _plan(question: Question, choice: Choice, fit: Fit, pod_bytes: int) -> PlanStatus:
    spec, facts, read, candidate = question.spec, question.facts, question.shape, fit.candidate
    sizing = size(question, fit)
    counts, final = sizing.limits, sizing.estimate
    tokens = final.kv_cache_tokens
    load_bytes = max(facts.weights_bytes, facts.download_bytes)
    offers, offer = question.offers, candidate.offer
    room = offer.room(candidate.gpus_per_pod).replicas(candidate.pods)
    return PlanStatus(
        task=facts.task or Task.GENERATE,
        device=Device.GPU,
        gpu=offer.gpu.name,
        gpu_resource=offer.resource,
        gpu_products=list(offer.products)[:_MOST_PRODUCTS],
        gpu_memory_percent=MEMORY_PERCENT,
        gpus_per_replica=candidate.gpus,
        pods_per_replica=candidate.pods,
        tensor_parallel=candidate.tensor_parallel,
        pipeline_parallel=candidate.pipeline_parallel,
        dtype=engine_dtype(read, candidate),
        quantization=candidate.quantization,
        kv_cache_dtype=candidate.kv_cache_dtype,
        context_length=fit.context_length,
        max_num_seqs=counts.max_num_seqs,
        max_num_batched_tokens=counts.max_num_batched_tokens,
        target_ongoing_requests=counts.target_ongoing_requests,
        max_ongoing_requests=counts.max_ongoing_requests,
        replicas=bounds(spec, room.total if offers.is_known else None),
        start_deadline_seconds=start_deadline_seconds(load_bytes),
        kv_cache_bytes_per_token=final.kv_cache_bytes // tokens if tokens else 0,
        kv_cache_tokens=tokens,
        concurrency=concurrency(final, sizing.most.tokens, fit.context_length),
        memory=_memory(candidate, final),
        pod_memory_bytes=pod_bytes,
        pod_cpu=spec.template.resources.cpu or str(_CORES + candidate.gpus_per_pod),
        explanation=[*explanation(question, fit, sizing), start_sentence(load_bytes), *notes(question, fit)],
        alternatives=alternatives((*question.offers.rejected, *choice.rejected)),
        answers_digest=question.asked.answers_digest,
    )


def _memory(candidate: Candidate, final: Estimate) -> MemoryPlan:
    """Of one GPU, whole; the headroom is what the engine is not allowed to take, and what it has no use for."""
    total = candidate.offer.gpu.memory_bytes
    kv_cache_bytes = final.kv_cache_bytes if final.keeps_kv_cache else 0
    return MemoryPlan(
        budget_bytes=total,
        weights_bytes=final.weights_bytes,
        kv_cache_bytes=kv_cache_bytes,
        activations_bytes=final.activation_bytes,
        graphs_bytes=final.graph_bytes,
        overhead_bytes=final.non_torch_bytes,
        headroom_bytes=total - final.budget_bytes + final.kv_cache_bytes - kv_cache_bytes,
    )
