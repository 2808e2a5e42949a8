"""The plan for device Gpu: which GPUs, how many, how the model is split over them, in which precision.

Reading order: `offers` (what the nodes have, or the author named), `candidates` (every way to run on an offer, cheapest
first), `rules` (what cannot be, whatever the memory), `fit` (the memory of a candidate, and its longest context),
`choice` (the first that fits), `nearest` (what would, where none does), `question`, `turns` (whether the choice is
taken or waited for), `sizing` (how many requests at once), `explanation` and `refusals` (what is said of it), `answer`
(all of it as PlanStatus or Refusal).
"""

from tonnage.plan.gpu.answer import gpu_plan

__all__ = ["gpu_plan"]
