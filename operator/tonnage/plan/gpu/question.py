"""What is asked of the planner, with what was read for it."""

from dataclasses import dataclass

from tonnage.contract.model_facts import ModelFacts
from tonnage.contract.spec import ModelDeploymentSpec
from tonnage.facts.shape import Shape
from tonnage.plan.context import ContextWish, context_wish
from tonnage.plan.gpu.offers import Offers
from tonnage.plan.moment import Asked


@dataclass(frozen=True)
class Question:
    """One model, one wish, and the GPUs there are."""

    spec: ModelDeploymentSpec
    facts: ModelFacts
    shape: Shape
    offers: Offers
    asked: Asked

    @property
    def context(self) -> ContextWish:
        """The context that is wanted, and the least that is of use."""
        return context_wish(self.spec.serving, self.facts)
