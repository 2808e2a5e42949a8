"""What a model is served for, and what it can be served for besides.

The files of a model say one task. Generating models can be told another, because the engine can put a pooler in place
of their output head; other models can do nothing else, their heads are made for one thing.
"""

from collections.abc import Mapping
from typing import Any

from tonnage.contract.model_facts import AttentionKind, ModelFacts
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task
from tonnage.contract.spec import Serving
from tonnage.facts.architectures import engine, task
from tonnage.facts.shape import WHOLE_TEXT_POOLING
from tonnage.plan.refusal import Refusal

# How a generating model's head becomes a score: the weight of one word minus that of another. Only for families whose
# rerankers are published so (vLLM models/config.py, Qwen3ForSequenceClassificationConfig).
_SCORED_BY_HEAD: Mapping[str, Mapping[str, Any]] = {
    "Qwen3ForCausalLM": {
        "architectures": ["Qwen3ForSequenceClassification"],
        "classifier_from_token": ["no", "yes"],
        "is_original_qwen3_reranker": True,
    },
}


def own_task(facts: ModelFacts) -> Task | None:
    """What the model is for by itself; None if the engine does not know it."""
    return facts.task or task(facts.architecture)


def served(facts: ModelFacts, serving: Serving) -> ModelFacts:
    """The facts of the model as it is served: with the task that was chosen."""
    return facts.model_copy(update={"task": serving.task or own_task(facts)})


def config_overrides(facts: ModelFacts, wanted: Task) -> dict[str, Any]:
    """What the engine must read otherwise in the model's config for this task."""
    is_named_otherwise = task(facts.architecture) is Task.GENERATE and wanted is Task.SCORE
    return dict(_SCORED_BY_HEAD[facts.architecture]) if is_named_otherwise else {}


def takes_whole_texts(facts: ModelFacts) -> bool:
    """Whether a text must be computed in one step: its tokens see each other, or are pooled together."""
    is_pooled_together = facts.task in (Task.EMBED, Task.SCORE) and facts.pooling in WHOLE_TEXT_POOLING
    return facts.attention is AttentionKind.ENCODER_ONLY or is_pooled_together


def refuse_task(facts: ModelFacts, serving: Serving) -> Refusal | None:
    """The model must be able to do what it is served for."""
    own = own_task(facts)
    if own is None:
        message = f"{engine()} does not serve the architecture {facts.architecture}: choose another model"
        return Refusal(Reason.ARCHITECTURE_UNSUPPORTED, message)
    if own is Task.CLASSIFY:
        message = (
            f"{facts.architecture} puts texts into classes, and only Generate, Embed and Score are served: Score needs "
            "one class (id2label in config.json)"
        )
        return Refusal(Reason.ARCHITECTURE_UNSUPPORTED, message)
    wanted = serving.task or own
    if wanted is own or wanted in _other_tasks(facts):
        return None
    return Refusal(
        Reason.INVALID_SPEC, f"spec.serving.task {wanted}: {_why_not(facts, own, wanted)}; leave it out for {own}"
    )


def _other_tasks(facts: ModelFacts) -> tuple[Task, ...]:
    if task(facts.architecture) is not Task.GENERATE:
        return ()
    generates = () if facts.attention is AttentionKind.ENCODER_ONLY else (Task.GENERATE,)
    scores = (Task.SCORE,) if facts.architecture in _SCORED_BY_HEAD else ()
    return (*generates, Task.EMBED, *scores)


def _why_not(facts: ModelFacts, own: Task, wanted: Task) -> str:
    if wanted is Task.SCORE and own is Task.EMBED:
        return f"{facts.architecture} gives vectors, and answers /v1/score by their likeness under Embed too"
    if wanted is Task.SCORE and own is Task.GENERATE:
        known = ", ".join(_SCORED_BY_HEAD)
        return (
            f"how to score with the output head is known for {known}, not for {facts.architecture}: use a copy of the "
            "model as ...ForSequenceClassification"
        )
    if wanted is Task.GENERATE and task(facts.architecture) is Task.GENERATE:
        return f"tokens of {facts.architecture} see those after them, so it cannot write (is_causal in config.json)"
    return f"{facts.architecture} is made for {own} alone"
