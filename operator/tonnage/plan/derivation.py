"""Where each limit comes from, in sentences with their arithmetic."""

from tonnage.plan.engine import GIB
from tonnage.plan.limits import (
    START_SECONDS,
    START_SECONDS_PER_GIB,
    Batch,
    Limits,
    Load,
    in_step,
    start_deadline_seconds,
)


def limit_sentences(load: Load, held: int | None, most: Batch, found: Limits) -> list[str]:
    """Of the batch and of Ray Serve's targets; `held` are the requests that the KV cache holds, `most` the engine's."""
    if held is None:
        return _of_steps(load, most, found)
    holds = f"the KV cache holds {held:,} of these, the engine takes at most {most.sequences:,}"
    return [
        f"{_request(load)}; {holds}: {found.max_num_seqs:,} run at once.",
        _step(most, found),
        (
            f"Autoscaling aims at {load.target_percent} % of {found.max_num_seqs:,}, which are "
            f"{found.target_ongoing_requests:,} requests for a replica. Beyond {found.max_ongoing_requests:,}, one "
            "batch that runs and one that waits, requests wait outside of it."
        ),
    ]


def _of_steps(load: Load, most: Batch, found: Limits) -> list[str]:
    each = in_step(most, load)
    return [
        (
            f"{_request(load)}; nothing of it is kept, and a step of {found.max_num_batched_tokens:,} tokens computes "
            f"{each:,} of these whole. The engine takes at most {found.max_num_seqs:,} at once."
        ),
        (
            f"Autoscaling aims at {load.target_percent} % of a step that runs and one that waits, which are "
            f"{found.target_ongoing_requests:,} requests for a replica. Beyond {found.max_ongoing_requests:,}, "
            "requests wait outside of it."
        ),
    ]


def start_sentence(size_bytes: int) -> str:
    """Of the start's deadline."""
    return (
        f"A start may take {START_SECONDS:,} s and {START_SECONDS_PER_GIB} s for each of {size_bytes / GIB:.1f} GiB to "
        f"fetch and load: {start_deadline_seconds(size_bytes):,} s."
    )


def _request(load: Load) -> str:
    expected, tokens = load.expected, load.request_tokens
    origin = "spec.serving.expectedRequest" if load.is_given else "spec.serving.expectedRequest is not set"
    is_cut = tokens < expected.input_tokens + expected.output_tokens
    each = f"{expected.input_tokens:,} tokens in and {expected.output_tokens:,} out"
    end = ", where the context ends" if is_cut else ""
    return f"A request is taken to have {each} ({origin}), {tokens:,} in all{end}"


def _step(most: Batch, found: Limits) -> str:
    tokens = found.max_num_batched_tokens
    origin = "the engine's default"
    if tokens != most.tokens:
        what = "one of each request" if tokens > most.tokens else "all requests at full context"
        origin = f"{what}, instead of the engine's {most.tokens:,}"
    return f"A step computes up to {tokens:,} tokens, {origin}."
