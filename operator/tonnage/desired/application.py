"""The body of `PUT /api/serve/applications/`, the same for every revision but for the number of replicas."""


def application(replicas: int) -> dict[str, object]:
    """What Ray Serve should run: `replicas` copies of the model; none means no application at all."""
    raise NotImplementedError
