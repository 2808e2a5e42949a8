"""The choice as an answer: the plan with every byte and every alternative, or a refusal with the nearest miss."""

from functools import lru_cache

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Device
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.contract.status import Alternative, MemoryPlan, PlanStatus
from tonnage.facts.errors import FactsError
from tonnage.facts.inventory import Inventory
from tonnage.facts.packed import unpacked
from tonnage.facts.shape import Shape, shape
from tonnage.memory import Estimate
from tonnage.plan.budget import Budget
from tonnage.plan.context import context_wish
from tonnage.plan.engine import GIB
from tonnage.plan.gpu.candidates import Candidate, candidates
from tonnage.plan.gpu.choice import Choice, choose
from tonnage.plan.gpu.fit import MEMORY_PERCENT, Arithmetic, Fit, batch
from tonnage.plan.gpu.nearest import nearest
from tonnage.plan.gpu.offers import Offers, Rejected, offers
from tonnage.plan.gpu.rules import engine_dtype
from tonnage.plan.limits import gpu_limits, start_deadline_seconds
from tonnage.plan.memory import gib
from tonnage.plan.refusal import Refusal

_MOST_ALTERNATIVES = 32
_LONGEST_TEXT = 256
# Of the host, for a worker pod: measured on a CPU without weights 3.5 GiB; each GPU has a process of its own with a
# CUDA context. What the page cache holds of the weights is given back under pressure. Not measured on a GPU yet.
_POD_BYTES = 6 * GIB
_POD_BYTES_PER_GPU = 3 * GIB
# vLLM's advice is two cores and one for each GPU (docs/configuration/optimization.md, "CPU resources").
_CORES = 2


def gpu_plan(
    spec: ModelDeploymentSpec, facts: ModelFacts, inventory: Inventory, budget: Budget, answers_digest: str
) -> PlanStatus | Refusal:
    """The plan or the refusal; only for what the common rules did not refuse."""
    read = _shape(facts)
    if isinstance(read, Refusal):
        return read
    found = offers(spec, inventory)
    if not found.found:
        return _no_gpus(spec, read, facts, inventory, found)
    wish = context_wish(spec.serving, facts)
    tried = candidates(spec, read, found.found)
    choice = choose(read, tried, wish, has_image=spec.template.image is not None)
    if choice.fit is None:
        return _nothing_fits(spec, read, facts, found, choice)
    pod_bytes = _pod_bytes(choice.fit.candidate, budget)
    if isinstance(pod_bytes, Refusal):
        return pod_bytes
    made = _plan(spec, facts, read, found, choice, choice.fit, answers_digest)
    return made.model_copy(update={"pod_memory_bytes": pod_bytes})


def _pod_bytes(candidate: Candidate, budget: Budget) -> int | Refusal:
    """Memory of the host for a worker pod: what the author gave, if that is enough."""
    needed = _POD_BYTES + _POD_BYTES_PER_GPU * candidate.gpus
    given = budget.limit_bytes if budget.is_given else None
    if given is None or given >= needed:
        return given or needed
    return Refusal(
        Reason.INSUFFICIENT_MEMORY,
        f"spec.template.resources.memory is {gib(given)}; a pod with {candidate.hardware} needs {gib(needed)} of the "
        "node's memory: raise it or leave it out",
    )


def _shape(facts: ModelFacts) -> Shape | Refusal:
    if not facts.config:
        return Refusal(
            Reason.UNUSABLE_CONFIG,
            f"the config.json of {facts.source} had no room in the facts pod's message, and plans for GPUs need it: "
            "use a public source",
        )
    try:
        return _read(facts.config)
    except (FactsError, ValueError) as error:
        return Refusal(Reason.UNUSABLE_CONFIG, f"the config.json of {facts.source}: {error}")


# A model is planned again whenever its wishes or the nodes change, and visits of several models take turns.
@lru_cache(maxsize=8)
def _read(config: str) -> Shape:
    return shape(unpacked(config))


def _plan(  # noqa: PLR0913, PLR0917 # each is a stage's result
    spec: ModelDeploymentSpec,
    facts: ModelFacts,
    read: Shape,
    found: Offers,
    choice: Choice,
    fit: Fit,
    answers_digest: str,
) -> PlanStatus:
    candidate, context_length = fit.candidate, fit.context_length
    defaults = batch(read, candidate, context_length, fit.sequences)
    counts = gpu_limits(fit.estimate.kv_cache_tokens, context_length, defaults, spec.serving.expected_request)
    # Fewer sequences take less memory, which goes to the KV cache.
    final = Arithmetic(read).estimate(candidate, context_length, counts.max_num_seqs)
    tokens = final.kv_cache_tokens
    wanted = context_wish(spec.serving, facts).wanted
    return PlanStatus(
        device=Device.GPU,
        gpu=candidate.offer.gpu.name,
        gpu_resource=candidate.offer.resource,
        gpu_products=list(candidate.offer.products)[:16],
        gpu_memory_percent=MEMORY_PERCENT,
        gpus_per_replica=candidate.gpus,
        pods_per_replica=1,
        tensor_parallel=candidate.tensor_parallel,
        pipeline_parallel=candidate.pipeline_parallel,
        dtype=engine_dtype(read, candidate),
        quantization=candidate.quantization,
        kv_cache_dtype=candidate.kv_cache_dtype,
        context_length=context_length,
        max_num_seqs=counts.max_num_seqs,
        max_num_batched_tokens=counts.max_num_batched_tokens,
        target_ongoing_requests=counts.target_ongoing_requests,
        max_ongoing_requests=counts.max_ongoing_requests,
        start_deadline_seconds=start_deadline_seconds(max(facts.weights_bytes, facts.download_bytes)),
        kv_cache_bytes_per_token=final.kv_cache_bytes // tokens if tokens else 0,
        kv_cache_tokens=tokens,
        concurrency=_concurrency(final),
        memory=_memory(candidate, final),
        pod_memory_bytes=0,
        pod_cpu=spec.template.resources.cpu or str(_CORES + candidate.gpus),
        explanation=_explanation(facts, read, fit, final, wanted),
        alternatives=_alternatives((*found.rejected, *choice.rejected)),
        answers_digest=answers_digest,
    )


def _concurrency(final: Estimate) -> str:
    """To one decimal, never more than there is."""
    tenths = int(final.concurrency * 10)
    return f"{tenths // 10}.{tenths % 10}"


def _memory(candidate: Candidate, final: Estimate) -> MemoryPlan:
    """Of one GPU, whole; the headroom is what the engine is not allowed to take."""
    total = candidate.offer.gpu.memory_bytes
    return MemoryPlan(
        budget_bytes=total,
        weights_bytes=final.weights_bytes,
        kv_cache_bytes=final.kv_cache_bytes,
        activations_bytes=final.activation_bytes,
        graphs_bytes=final.graph_bytes,
        overhead_bytes=final.non_torch_bytes,
        headroom_bytes=total - final.budget_bytes,
    )


def _explanation(facts: ModelFacts, read: Shape, fit: Fit, final: Estimate, wanted: int) -> list[str]:
    candidate = fit.candidate
    total, weights = candidate.offer.gpu.memory_bytes, final.weights_bytes
    used = (
        f"Activations take {final.activation_bytes:,} bytes, CUDA graphs {final.graph_bytes:,}, other libraries "
        f"{final.non_torch_bytes:,}."
    )
    cache = (
        f"{final.kv_cache_bytes:,} bytes ({gib(final.kv_cache_bytes)}) are left for the KV cache, which are "
        f"{final.kv_cache_tokens:,} tokens: {_concurrency(final)} requests of {fit.context_length:,} at once."
    )
    model = (
        f"{facts.architecture} with {read.parameters:,} parameters, of which a token uses {read.active_parameters:,}, "
        f"takes {weights:,} bytes ({gib(weights)}) of weights on each GPU."
    )
    budget = (
        f"The engine may take {MEMORY_PERCENT} % of the {total:,} bytes ({gib(total)}) of one "
        f"{candidate.offer.gpu.name}."
    )
    sentences = [f"{candidate}: the first of what fits, fewest GPUs first.", model, used, budget, cache]
    if fit.context_length < wanted:
        sentences.append(f"The context is {fit.context_length:,}, the longest that fits, instead of {wanted:,}.")
    if read.dtype and engine_dtype(read, candidate) != read.dtype:
        sentences.append(f"The checkpoint is in {read.dtype}; it is computed in {engine_dtype(read, candidate)}.")
    if not candidate.offer.is_present:
        sentences.append(f"No node has {candidate.hardware} now: pods wait for one.")
    sentences += [f"Not known, and so not counted: {text}." for text in read.unknown]
    return sentences


def _alternatives(rejected: tuple[Rejected, ...]) -> list[Alternative]:
    return [
        Alternative(what=one.what[:_LONGEST_TEXT], reason=one.reason, message=one.message)
        for one in rejected[:_MOST_ALTERNATIVES]
    ]


def _nothing_fits(spec: ModelDeploymentSpec, read: Shape, facts: ModelFacts, found: Offers, choice: Choice) -> Refusal:
    alternatives = tuple(_alternatives((*found.rejected, *choice.rejected)))
    wish = context_wish(spec.serving, facts)
    advice = _advice(spec, read, wish.least)
    if not choice.possible:
        # All for the same reason, mostly; the first is the cheapest.
        first = choice.rejected[0]
        return Refusal(_reason(first), f"{first.what}: {first.message}; {advice}", alternatives)
    arithmetic = Arithmetic(read)
    best = max(choice.possible, key=lambda one: _reach(one, arithmetic.estimate(one, wish.least)))
    why = arithmetic.estimate(best, wish.least).reason
    return Refusal(Reason.INSUFFICIENT_MEMORY, f"{best}, the most that there is: {why}; {advice}", alternatives)


def _reach(candidate: Candidate, found: Estimate) -> tuple[int, int, int]:
    """The more memory in all the better, and of that the more is left for the KV cache."""
    return candidate.gpus * candidate.offer.gpu.memory_bytes, -candidate.pipeline_parallel, found.kv_cache_bytes


def _reason(rejected: Rejected) -> Reason:
    known = {"QuantizationUnsupported": Reason.QUANTIZATION_UNSUPPORTED}
    return known.get(rejected.reason, Reason.GPU_UNSUITABLE)


def _no_gpus(spec: ModelDeploymentSpec, read: Shape, facts: ModelFacts, inventory: Inventory, found: Offers) -> Refusal:
    least = context_wish(spec.serving, facts).least
    advice = _advice(spec, read, least)
    alternatives = tuple(_alternatives(found.rejected))
    if found.rejected:
        first = found.rejected[0]
        return Refusal(Reason.NO_NODES, f"no GPU can be used: {first.what}: {first.message}; {advice}", alternatives)
    if not inventory.is_known:
        return Refusal(
            Reason.NO_NODES, f"the operator may not list nodes: name GPUs in spec.placement.candidates; {advice}"
        )
    return Refusal(
        Reason.NO_NODES,
        f"none of {len(inventory.nodes)} nodes is ready, fits spec.placement and has a GPU: add a node, or name GPUs "
        f"that may come in spec.placement.candidates; {advice}",
    )


def _advice(spec: ModelDeploymentSpec, read: Shape, context_length: int) -> str:
    would = nearest(spec, read, context_length)
    if would is None:
        return f"no eight GPUs of one machine hold a context of {context_length:,}"
    return f"{would} would serve a context of {context_length:,}"
