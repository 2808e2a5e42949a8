"""What may be written as a source, and what the refusals say."""

import pytest

from tonnage.contract.reasons import Reason
from tonnage.facts.errors import FactsError
from tonnage.facts.source import Scheme, Source, parse_source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("hf://Qwen/Qwen2.5-7B", Source(Scheme.HF, "Qwen/Qwen2.5-7B"), id="hub"),
        pytest.param("hf://a/_b", Source(Scheme.HF, "a/_b"), id="hub name with underscore first"),
        pytest.param("modelscope://org/name", Source(Scheme.MODELSCOPE, "org/name"), id="modelscope"),
        pytest.param("s3://my-bucket/models/a", Source(Scheme.S3, "my-bucket", "models/a"), id="bucket"),
        pytest.param("pvc://models", Source(Scheme.PVC, "models"), id="claim root"),
        pytest.param("pvc://models/org/name", Source(Scheme.PVC, "models", "org/name"), id="claim folder"),
    ],
)
def test_a_source_is_parsed_and_written_back(text: str, expected: Source) -> None:
    assert expected == parse_source(text)
    assert text == str(parse_source(text))


def test_only_hubs_have_revisions() -> None:
    assert [True, True, False, False] == [Source(scheme, "x").is_hub for scheme in Scheme]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("gs://bucket/a", "must start with hf://, modelscope://, s3:// or pvc://", id="unknown scheme"),
        pytest.param("HF://org/name", "must start with hf://", id="scheme in capitals"),
        pytest.param("org/name", "must start with hf://", id="no scheme"),
        pytest.param("https://huggingface.co/org/name", "must start with hf://", id="address of a page"),
        pytest.param("", "must start with hf://", id="empty"),
        pytest.param("hf://name", "must be org/name", id="no organisation"),
        pytest.param("hf://org/name/file", "must be org/name", id="too many parts"),
        pytest.param("hf://-org/name", "must be org/name", id="dash first"),
        pytest.param("hf://org/näme", "must be org/name", id="not ascii"),
        pytest.param("hf://org/name\n", "must be org/name", id="line end"),
        pytest.param("hf://org/name?x=1", "must be org/name", id="query"),
        pytest.param("hf://org/name#x", "must be org/name", id="fragment"),
        pytest.param("hf://org/%2e%2e", "must be org/name", id="escaped dots"),
        pytest.param("hf://../name", "'..' is not allowed", id="dots in hub"),
        pytest.param("pvc://claim/a/../../etc", "'..' is not allowed", id="dots in claim"),
        pytest.param("s3://bucket/..", "'..' is not allowed", id="dots in bucket"),
        pytest.param("hf://user:secret@org/name", "'@' is not allowed", id="userinfo"),
        pytest.param("hf://org/name@v1", "'@' is not allowed", id="revision in the name"),
        pytest.param("pvc://Claim/a", "must name a claim", id="claim in capitals"),
        pytest.param("pvc:///a", "must name a claim", id="no claim"),
        pytest.param("s3://ab/x", "must name a bucket", id="bucket too short"),
        pytest.param("pvc://claim/", "path must be of folder names", id="slash at the end"),
        pytest.param("pvc://claim//a", "path must be of folder names", id="empty folder"),
        pytest.param("pvc://claim/./a", "path must be of folder names", id="dot folder"),
        pytest.param("pvc://claim/a b", "path must be of folder names", id="space"),
        pytest.param("pvc://claim/$(id)", "path must be of folder names", id="shell"),
    ],
)
def test_anything_else_is_refused_with_what_to_change(text: str, why: str) -> None:
    with pytest.raises(FactsError) as caught:
        parse_source(text)
    assert (Reason.INVALID_SPEC, True) == (caught.value.reason, caught.value.is_permanent)
    assert why in caught.value.message
    assert "spec.model.source" in caught.value.message


def test_a_password_in_a_source_is_not_repeated() -> None:
    with pytest.raises(FactsError) as caught:
        parse_source("hf://user:secret@org/name")
    assert "secret" not in caught.value.message
