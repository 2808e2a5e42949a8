"""Fields of the contract that this version accepts and does not act on: named to the user, never silently ignored."""

from tonnage.contract.spec import ModelDeploymentSpec


def unsupported_fields(spec: ModelDeploymentSpec) -> tuple[tuple[str, str], ...]:
    """`(path of the field, what to do instead)` for each field of `spec` that nothing acts on yet."""
    raise NotImplementedError
