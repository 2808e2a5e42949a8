"""The peak of the profiling run: the largest of an encoder's pass, the decoder's pass and the sampler's warm-up.

The engine runs them one after the other. What an earlier one leaves behind is still there in the later ones: encoder
outputs, the hidden states of the whole batch, the buffers of fused experts. All bytes of one rank.
"""

from tonnage.facts.shape import Attention, AttentionKind, FeedForward, State, Tower
from tonnage.memory.cache import state_bytes
from tonnage.memory.setup import Run, has_cross_attention

_MIB = 2**20
# cuBLAS workspaces that PyTorch allocates once: 32 MiB on Hopper and later, 8 MiB before (aten/src/ATen/cuda/
# CUDABlas.cpp), and what else is small: block tables, positions, random states.
_WORKSPACE_BYTES = (8 * _MIB, 32 * _MIB)
_SMALL_BYTES = 12 * _MIB
# Vectors of the model's width that are alive together in a compiled layer: residual, normed input, output, embedding.
_HIDDEN_COPIES = 4
# Vectors of an encoder's width: residual and normed input.
_TOWER_COPIES = 2
_FLOAT32_BYTES = 4
# v1/attention/backends/mla: prefill context is decompressed in chunks of at most 64K tokens.
_MAX_PREFILL_CHUNK = 65536


def activation_bytes(run: Run, stage: int = 0) -> int:
    """The peak of one rank of a pipeline stage, without the weights."""
    base = _WORKSPACE_BYTES[run.device.is_hopper_or_later] + _SMALL_BYTES
    kept = _encoder_kept_bytes(run) if stage == 0 else 0
    kept += _states_bytes(run)
    experts = _expert_workspace_bytes(run)
    peaks = [base + kept + experts + _forward_bytes(run, stage)]
    if stage == 0:
        peaks.append(base + _encoder_bytes(run))
    if stage == run.pipeline_parallel - 1:
        hidden = run.max_num_batched_tokens * run.shape.hidden_size * run.element_bytes
        after = _kept_expert_bytes(run, experts) if run.rules.keeps_expert_workspace else 0
        peaks.append(base + kept + after + hidden + _sampler_bytes(run))
    return max(peaks)


def _forward_bytes(run: Run, stage: int) -> int:
    tokens, size = run.max_num_batched_tokens, run.element_bytes
    hidden = tokens * run.shape.hidden_size * size
    layers = run.shape.distinct_layers
    widest = max((_layer_bytes(run, layer.mixer, layer.feed_forward) for layer in layers), default=0)
    # A stage that is not the last hands on hidden states and residual in buffers of their own.
    handed_on = 2 * hidden if stage < run.pipeline_parallel - 1 else 0
    return _HIDDEN_COPIES * hidden + widest + handed_on


def _layer_bytes(run: Run, mixer: Attention | State | None, part: FeedForward | None) -> int:
    return max(_mixer_bytes(run, mixer), _feed_forward_bytes(run, part))


def _feed_forward_bytes(run: Run, part: FeedForward | None) -> int:
    """Of what a token's dense part is wide: input of the activation, its output, and a quantized copy of that."""
    if part is None:
        return 0
    width = part.shared if part.experts else part.intermediate
    copies = 3 if part.is_gated else 2
    per_value = copies * run.element_bytes + (1 if run.quantization and run.quantization.quantizes_activations else 0)
    return run.max_num_batched_tokens * -(-width // run.tensor_parallel) * per_value


def _mixer_bytes(run: Run, mixer: Attention | State | None) -> int:
    if isinstance(mixer, Attention):
        tokens, size = run.max_num_batched_tokens, run.element_bytes
        heads = -(-mixer.heads // run.tensor_parallel)
        if mixer.kind is AttentionKind.LATENT:
            return _latent_bytes(run, mixer, heads)
        kv_heads = max(1, mixer.kv_heads // run.tensor_parallel)
        return tokens * (2 * heads * mixer.value_dim + 2 * kv_heads * mixer.key_dim) * size
    return 0


def _latent_bytes(run: Run, mixer: Attention, heads: int) -> int:
    """Keys and values of a prompt, decompressed; V0 has no context beside the batch, but its queries too."""
    if run.rules.is_v1:
        chunk = min(max(8 * run.max_model_len, 64 * run.max_num_seqs), _MAX_PREFILL_CHUNK)
        return chunk * heads * mixer.prefill_dim * run.element_bytes
    # Queries, keys, values filled up to the same width, and the output.
    return run.max_num_batched_tokens * heads * 4 * mixer.prefill_dim * run.element_bytes


def _states_bytes(run: Run) -> int:
    """Of V0: states of all sequences that may run together, made in the profiling run (models/mamba_cache.py)."""
    if run.rules.is_v1:
        return 0
    mixers = (layer.mixer for layer in run.shape.layers)
    return run.max_num_seqs * sum(state_bytes(run.share, mixer) for mixer in mixers if isinstance(mixer, State))


def _expert_workspace_bytes(run: Run) -> int:
    """Two buffers for every token and each of its experts, as wide as the model or as the experts' input.

    model_executor/layers/fused_moe/fused_moe.py, workspace_shapes.
    """
    found = 0
    for part in run.shape.feed_forwards:
        if part.experts:
            inner = part.expert_hidden or run.shape.hidden_size
            width = -(-part.intermediate // run.tensor_parallel)
            both = max(width, inner) + max((2 if part.is_gated else 1) * width, inner)
            found = max(found, run.max_num_batched_tokens * part.active * both * run.element_bytes)
    return found


def _kept_expert_bytes(run: Run, workspace_bytes: int) -> int:
    """What of these buffers stays: Hopper's kernels for MXFP4 allocate all but their output inside, and free it.

    model_executor/layers/fused_moe/gpt_oss_triton_kernels_moe.py, workspace_shapes.
    """
    quantization = run.quantization
    if quantization is None or quantization.method != "mxfp4" or not run.device.is_hopper_or_later:
        return workspace_bytes
    widths = {
        run.shape.hidden_size + part.active * -(-part.intermediate // run.tensor_parallel)
        for part in run.shape.feed_forwards
        if part.experts
    }
    return run.max_num_batched_tokens * max(widths, default=0) * run.element_bytes


def _sampler_bytes(run: Run) -> int:
    """Logits of one token for each sequence, and what sampling makes of them; a pooler's is nothing beside them."""
    if not run.shape.generates:
        return 0
    sampler = run.rules.sampler if run.device.is_ampere_or_later else run.rules.sampler_before_ampere
    rows = min(run.max_num_seqs, run.max_num_batched_tokens, *_dummy_sequences(run))
    logits = rows * run.shape.vocabulary_size * (run.element_bytes + sampler.logit_bytes)
    buffered_rows = run.device.multiprocessors if sampler.has_row_buffer else 0
    return logits + buffered_rows * run.shape.vocabulary_size * _FLOAT32_BYTES


def _dummy_sequences(run: Run) -> list[int]:
    """V0 profiled with as many sequences as have room for an image each (worker/model_runner.py, profile_run)."""
    if run.rules.is_v1 or has_cross_attention(run.shape):
        return []
    return [max(1, run.max_num_batched_tokens // tower.max_tokens) for tower in run.shape.towers if tower.max_tokens]


def _items(run: Run, tower: Tower) -> int:
    """Images in the dummy batch: as many as the batch has room for, at least one."""
    if has_cross_attention(run.shape) and not run.rules.is_v1:
        # V0's dummy batch of an encoder-decoder has an image for every sequence.
        return run.max_num_seqs
    if not tower.max_tokens:
        return 0
    fitting = run.max_num_batched_tokens // tower.max_tokens
    # Where the largest image does not fit, V0 ran without (multimodal/profiling.py).
    return max(1, fitting) if run.rules.is_v1 else fitting


def _dummy_towers(run: Run) -> tuple[Tower, ...]:
    """V1's dummy batch has items of one kind, that of the most tokens (get_modality_with_max_tokens)."""
    towers = run.shape.towers
    return (max(towers, key=lambda tower: tower.max_tokens),) if run.rules.is_v1 and towers else towers


def _encoder_kept_bytes(run: Run) -> int:
    """Inputs and outputs of the encoders, which stay until the profiling run ends."""
    total = 0
    for tower in _dummy_towers(run):
        pixels = tower.max_patches * tower.values_per_patch
        total += _items(run, tower) * (pixels + tower.max_tokens * run.shape.hidden_size) * run.element_bytes
    return total


def _encoder_bytes(run: Run) -> int:
    peak = 0
    for tower in _dummy_towers(run):
        width = -(-tower.intermediate // tower.ranks(run.tensor_parallel))
        copies = _TOWER_COPIES + tower.kept_layers
        layer = copies * tower.hidden_size + tower.activation_copies * width
        # The outputs that were kept, stacked, and put together with the last (models/mllama.py, MllamaVisionModel).
        joined = (copies + 2 * tower.kept_layers) * tower.hidden_size
        per_patch = max(layer, joined) + tower.values_per_patch
        peak = max(peak, _items(run, tower) * tower.max_patches * per_patch * run.element_bytes)
    return peak
