"""The memory of one GPU under vLLM: weights, activations, graphs, KV cache, and whether the engine would start.

Reading order: `versions` and `devices` (what depends on the engine's version and on the GPU), `setup` (what is run,
with the engine's defaults), `weights`, `cache` and `pool` (KV cache), `activations`, `overhead`; `stage` adds them up
for one rank, `start` says why it fails, `estimate` is the answer. Pure; sizes are bytes of one rank, which is one GPU.
"""

from tonnage.memory.estimate import Estimate, estimate, sequences_held
from tonnage.memory.setup import Setup

__all__ = ["Estimate", "Setup", "estimate", "sequences_held"]
