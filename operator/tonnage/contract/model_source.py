"""Kinds of places that a model may be in, and what their readers are told through the environment.

Facts pods and the pods of a revision read the same variables; people cannot set them in `spec.template.env`. For a hub
they are those of its own client, for a bucket those of AWS, which are also the keys of the Secret with its credentials.
"""

from collections.abc import Mapping
from enum import StrEnum


class Scheme(StrEnum):
    """What kind of place a model is in."""

    HF = "hf"
    MODELSCOPE = "modelscope"
    S3 = "s3"
    PVC = "pvc"


# Where the token and the address of each hub are.
TOKEN_VARIABLES: Mapping[Scheme, str] = {Scheme.HF: "HF_TOKEN", Scheme.MODELSCOPE: "MODELSCOPE_API_TOKEN"}
ENDPOINT_VARIABLES: Mapping[Scheme, str] = {Scheme.HF: "HF_ENDPOINT", Scheme.MODELSCOPE: "MODELSCOPE_ENDPOINT"}

# The keys of a Secret with credentials for a bucket.
KEY_ID = "AWS_ACCESS_KEY_ID"
SECRET_KEY = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 # the name of a variable
SESSION_TOKEN = "AWS_SESSION_TOKEN"  # noqa: S105 # the name of a variable
REGION = "AWS_REGION"
BUCKET_ENDPOINT = "AWS_ENDPOINT_URL"
REQUIRED_CREDENTIALS = (KEY_ID, SECRET_KEY)
OPTIONAL_CREDENTIALS = (SESSION_TOKEN, REGION, BUCKET_ENDPOINT)

# Where AWS answers for every bucket, and says in which region it is.
_DEFAULT_REGION = "us-east-1"


def bucket_region(environment: Mapping[str, str]) -> str:
    """The region that is asked."""
    return environment.get(REGION) or _DEFAULT_REGION


def bucket_access(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Who asks which store, as S3's client takes it."""
    return {
        "endpoint_url": environment.get(BUCKET_ENDPOINT) or None,
        "region_name": bucket_region(environment),
        "aws_access_key_id": environment.get(KEY_ID) or None,
        "aws_secret_access_key": environment.get(SECRET_KEY) or None,
        "aws_session_token": environment.get(SESSION_TOKEN) or None,
    }


SOURCE_VARIABLES = (
    *TOKEN_VARIABLES.values(),
    *ENDPOINT_VARIABLES.values(),
    *REQUIRED_CREDENTIALS,
    *OPTIONAL_CREDENTIALS,
)
