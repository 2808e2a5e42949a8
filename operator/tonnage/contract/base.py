"""What the contract's models share: camelCase in JSON, snake_case in Python, nothing unknown, nothing mutable."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Contract(BaseModel):
    """Base of all models; dump with `to_json_object` so that aliases are used and what is unset is left out."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        serialize_by_alias=True,
        # The text under a field is its description, which the CRD shows to its users.
        use_attribute_docstrings=True,
        use_enum_values=False,
        validate_by_alias=True,
        validate_by_name=True,
    )

    def to_json_object(self) -> dict[str, object]:
        """The model as JSON-ready data, with aliases, without what is None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


# The bounds are the API's: without them the API server cannot estimate what a CEL rule costs.
Name = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
SecretName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
ShortText = Annotated[str, Field(max_length=256)]
Message = Annotated[str, Field(max_length=4096)]
Bytes = Annotated[int, Field(ge=0, le=2**53)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
# Of a model that keeps a state instead of tokens, a GPU holds billions.
TokenCount = Annotated[int, Field(ge=0, le=2**53)]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$", min_length=40, max_length=40)]
Duration = Annotated[str, Field(max_length=16, pattern=r"^([0-9]+(s|m|h)){1,3}$")]

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}
# The pattern allows for more than a calendar has.
_LONGEST_SECONDS = 366 * 24 * 3600


def duration(text: Duration) -> timedelta:
    """`1h30m` as a time span, at most a year."""
    seconds = sum(int(number) * _UNIT_SECONDS[unit] for number, unit in re.findall("([0-9]+)([smh])", text))
    return timedelta(seconds=min(seconds, _LONGEST_SECONDS))
