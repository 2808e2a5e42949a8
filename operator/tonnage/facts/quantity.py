"""Kubernetes quantities (`500m`, `16Gi`, `1e3`) as whole numbers.

A fraction is rounded up, as the API server does it: half a byte more is still a byte that has to be there.
"""

import math
import re
from fractions import Fraction

from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([eE][+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i))?")
_FACTORS = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "": Fraction(1),
    **{suffix: Fraction(1000**power) for power, suffix in enumerate(["k", "M", "G", "T", "P", "E"], start=1)},
    **{suffix: Fraction(1024**power) for power, suffix in enumerate(["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"], start=1)},
}


def whole(text: str) -> int:
    """Bytes, GPUs, pods: `16Gi` is 17179869184. Raises FactsError."""
    return math.ceil(_number(text))


def millis(text: str) -> int:
    """Thousandths, for CPUs: `2` is 2000, `250m` is 250. Raises FactsError."""
    return math.ceil(_number(text) * 1000)


def count(value: object) -> int:
    """How many, of what an object of the cluster says; 0 of what is missing or makes no sense."""
    try:
        return whole(str(value))
    except FactsError:
        return 0


def _number(text: str) -> Fraction:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise FactsError(
            Reason.INVALID_SPEC, f"'{text}' is not a quantity: write for example 500m, 2 or 16Gi", is_permanent=True
        )
    digits, exponent, suffix = match.groups()
    return Fraction(digits + (exponent or "")) * _FACTORS[suffix or ""]
