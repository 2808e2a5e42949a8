"""What is run on which GPU, with the engine's own defaults where nothing was said."""

from dataclasses import dataclass
from functools import cached_property

from tonnage.facts.gpus import Capability
from tonnage.facts.shape import AttentionKind, Quantization, Shape, requested
from tonnage.memory.batch import default_batch
from tonnage.memory.devices import GIB, Device, device
from tonnage.memory.engines import Asked, is_v1
from tonnage.memory.versions import Rules, Version, rules, version

_BLOCK_TOKENS = 16
# Where neither the set-up nor the config gives a context.
_DEFAULT_CONTEXT = 2048
_DTYPE_BYTES = {"float32": 4, "float": 4, "float16": 2, "half": 2, "bfloat16": 2}
_NO_METHODS = (None, "none", "None")


@dataclass(frozen=True)
class Setup:
    """One engine as a user starts it. None is the engine's own default. Memory is the GPU's, physical."""

    gpu: str | None
    memory_bytes: int
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    dtype: str | None = None
    quantization: str | None = None
    kv_cache_dtype: str | None = None
    utilization: float | None = None
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    enforce_eager: bool = False
    engine_version: str | None = None
    capability: Capability | None = None
    """Of a GPU that no table knows by its name."""


@dataclass(frozen=True)
class Share:
    """What weights and pages of the KV cache depend on: a rank of tensor parallelism, and types.

    Most set-ups that a planner compares differ in nothing of this, so those bytes are kept by share. Deliberately not
    in it: the GPU, the pipeline, the context and the batch.
    """

    shape: Shape
    rules: Rules
    tensor_parallel: int
    element_bytes: int
    """Of a weight that is not quantized, and of an activation."""
    quantization: Quantization | None
    kv_element_bytes: int
    block_tokens: int


@dataclass(frozen=True)
class Run(Share):
    """A set-up with nothing left open, and what depends on version and GPU looked up."""

    device: Device
    version: Version
    memory_bytes: int
    pipeline_parallel: int
    utilization: float
    max_model_len: int
    max_num_seqs: int
    max_num_batched_tokens: int
    enforce_eager: bool

    @property
    def batches_in_flight(self) -> int:
        """Batches whose tokens a sliding window must hold; poolers are not overlapped (config/vllm.py)."""
        return self.rules.batches_in_flight if self.shape.generates else 1

    @cached_property
    def share(self) -> Share:
        """The run without what its own fields say: what results are kept by."""
        return Share(
            shape=self.shape,
            rules=self.rules,
            tensor_parallel=self.tensor_parallel,
            element_bytes=self.element_bytes,
            quantization=self.quantization,
            kv_element_bytes=self.kv_element_bytes,
            block_tokens=self.block_tokens,
        )


def run(setup: Setup, shape: Shape) -> Run:
    """What the engine makes of a set-up."""
    number = version(setup.engine_version)
    gpu = device(setup.gpu, setup.memory_bytes / GIB, setup.capability)
    # `auto` takes float32 checkpoints down to 16 bits.
    element_bytes = _DTYPE_BYTES.get((setup.dtype or "auto").removeprefix("torch."), 2)
    quantization = _quantization(setup, shape)
    asked = Asked(
        device=gpu,
        shape=shape,
        element_bytes=element_bytes,
        method=quantization.method if quantization else None,
        has_fp8_cache=(setup.kv_cache_dtype or "").startswith("fp8"),
    )
    found = rules(number, is_v1=is_v1(number, asked))
    max_model_len = setup.max_model_len or shape.max_context_length or _DEFAULT_CONTEXT
    tokens, sequences = _batch(setup, shape, found, gpu, max_model_len)
    return Run(
        shape=shape,
        rules=found,
        tensor_parallel=setup.tensor_parallel,
        element_bytes=element_bytes,
        quantization=quantization,
        kv_element_bytes=_kv_element_bytes(setup, element_bytes, quantization),
        block_tokens=_BLOCK_TOKENS,
        device=gpu,
        version=number,
        memory_bytes=setup.memory_bytes,
        pipeline_parallel=setup.pipeline_parallel,
        utilization=setup.utilization or found.utilization,
        max_model_len=max_model_len,
        max_num_seqs=sequences,
        max_num_batched_tokens=tokens,
        enforce_eager=setup.enforce_eager,
    )


def _batch(setup: Setup, shape: Shape, found: Rules, gpu: Device, max_model_len: int) -> tuple[int, int]:
    """Batched tokens and sequences."""
    tokens, sequences = default_batch(shape, found, gpu, setup.memory_bytes / GIB, max_model_len)
    wanted = setup.max_num_seqs or sequences
    batched = setup.max_num_batched_tokens or min(tokens, wanted * max_model_len)
    return batched, setup.max_num_seqs or min(sequences, batched)


def has_cross_attention(shape: Shape) -> bool:
    """Whether some layers attend to an encoder's output."""
    return any(mixer.kind is AttentionKind.CROSS for mixer in shape.attentions)


def _quantization(setup: Setup, shape: Shape) -> Quantization | None:
    if shape.quantization is not None:
        return shape.quantization
    return None if setup.quantization in _NO_METHODS else requested(str(setup.quantization))


def _kv_element_bytes(setup: Setup, element_bytes: int, quantization: Quantization | None) -> int:
    kind = setup.kv_cache_dtype or "auto"
    if kind == "auto":
        bits = quantization.kv_cache_bits if quantization else None
        return 1 if bits == 8 else element_bytes  # noqa: PLR2004
    return 1 if kind.startswith(("fp8", "int8")) else _DTYPE_BYTES.get(kind, element_bytes)
