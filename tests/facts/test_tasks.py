"""What models are for, by their files: those of sentence-transformers decide before the architecture's name."""

import json
from typing import Any

import pytest

from tests.support.pooling_models import Repository, facts_of, facts_of_repository, repository
from tonnage.cli.folder import folder_facts
from tonnage.contract.model_facts import AttentionKind
from tonnage.contract.model_files import needed_files
from tonnage.contract.reasons import Reason
from tonnage.contract.serve_document import Task
from tonnage.facts.architectures import task
from tonnage.facts.errors import FactsError
from tonnage.facts.pooling import pooling
from tonnage.facts.source import parse_source


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("BAAI__bge-base-en-v1.5", (Task.EMBED, "CLS", AttentionKind.ENCODER_ONLY, 512), id="BERT"),
        pytest.param(
            "Qwen__Qwen3-Embedding-8B", (Task.EMBED, "LAST", AttentionKind.GROUPED_QUERY, 40960), id="a decoder"
        ),
        pytest.param(
            "Alibaba-NLP__gte-Qwen2-7B-instruct",
            (Task.EMBED, "LAST", AttentionKind.ENCODER_ONLY, 8192),
            id="a decoder whose tokens see all others, and whose modules shorten it",
        ),
        pytest.param(
            "intfloat__e5-mistral-7b-instruct",
            (Task.EMBED, "LAST", AttentionKind.GROUPED_QUERY, 4096),
            id="the name of a headless decoder",
        ),
        pytest.param(
            "BAAI__bge-reranker-v2-m3",
            (Task.SCORE, None, AttentionKind.ENCODER_ONLY, 8192),
            id="a cross-encoder, whose first positions no text uses",
        ),
        pytest.param(
            "Qwen__Qwen3-Reranker-0.6B",
            (Task.GENERATE, None, AttentionKind.GROUPED_QUERY, 40960),
            id="a reranker that no file tells from a chat model",
        ),
    ],
)
def test_the_files_say_what_a_model_is_for(name: str, expected: tuple[Any, ...]) -> None:
    found = facts_of(name)
    assert expected == (found.task, found.pooling, found.attention, found.max_context_length)


def changed(name: str, **files: Any) -> Repository:
    """A repository in which some files are others; None removes one. `__` stands for `/`, `_json` for `.json`."""
    found = dict(repository(name).files)
    for key, content in files.items():
        path = key.replace("__", "/").removesuffix("_json") + ".json"
        if content is None:
            del found[path]
        else:
            found[path] = json.dumps(content).encode()
    return Repository(found)


def with_config(name: str, **fields: Any) -> Repository:
    config = json.loads(repository(name).files["config.json"])
    return changed(name, config_json={**config, **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"id2label": {"0": "no", "1": "yes"}}, Task.CLASSIFY, id="two classes are no score"),
        pytest.param({"id2label": None}, Task.CLASSIFY, id="two where nothing is said"),
        pytest.param({"id2label": None, "num_labels": 1}, Task.SCORE, id="one by number"),
        pytest.param({"architectures": ["XLMRobertaForTokenClassification"]}, Task.CLASSIFY, id="of tokens"),
        pytest.param({"architectures": ["Qwen3ForSequenceClassification"]}, Task.SCORE, id="a converted decoder"),
        pytest.param({"architectures": ["HF_ColBERT"]}, Task.SCORE, id="late interaction"),
    ],
)
def test_a_classifier_scores_pairs_if_it_has_one_class(fields: dict[str, Any], expected: Task) -> None:
    assert expected == facts_of_repository(with_config("BAAI__bge-reranker-v2-m3", **fields)).task


def test_modules_without_pooling_leave_a_generating_model_what_it_is() -> None:
    found = changed("Qwen__Qwen3-Embedding-8B", modules_json=[{"type": "sentence_transformers.models.Transformer"}])
    assert Task.GENERATE is facts_of_repository(found).task


def test_a_pooling_module_without_its_config_is_refused() -> None:
    # A bucket's listing has no folders: then the engine would pool otherwise and say nothing.
    with pytest.raises(FactsError, match=r"names 1_Pooling/config\.json, which was not found"):
        facts_of_repository(changed("Qwen__Qwen3-Embedding-8B", **{"1_Pooling__config_json": None}))


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        pytest.param({"pooling_mode_mean_tokens": True}, "MEAN", id="mean"),
        pytest.param({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "CLS", id="first"),
        pytest.param({"pooling_mode_lasttoken": True}, "LAST", id="last"),
        pytest.param({"pooling_mode_max_tokens": True}, None, id="one that the engine has not"),
        pytest.param({"pooling_mode": "mean"}, None, id="a text, which the engine does not read"),
    ],
)
def test_the_kind_of_pooling_is_read_as_the_engine_reads_it(modes: dict[str, Any], expected: str | None) -> None:
    assert expected == pooling(modes).kind


def test_a_projection_in_a_pickle_is_refused() -> None:
    dense = {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    with pytest.raises(FactsError, match=r"2_Dense, which has no model\.safetensors") as error:
        facts_of_repository(changed("BAAI__bge-base-en-v1.5", modules_json=[dense]))
    assert Reason.UNSAFE_WEIGHTS is error.value.reason


@pytest.mark.parametrize("modules", [{"modules": []}, 1, "x"], ids=["an object", "a number", "a text"])
def test_modules_that_are_no_list_are_refused(modules: object) -> None:
    with pytest.raises(FactsError, match=r"modules\.json of hf://org/model is not a JSON list"):
        facts_of_repository(changed("BAAI__bge-base-en-v1.5", modules_json=modules))


def test_pods_get_the_modules_and_no_other_folder() -> None:
    names = ["config.json", "modules.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/model.safetensors"]
    others = [
        "onnx/model.safetensors",
        "2_Dense/pytorch_model.bin",
        "openvino/config.json",
        "1_Pooling/more/config.json",
    ]
    assert sorted(names) == list(needed_files([*names, *others]))


def test_a_folder_is_read_with_its_modules(tmp_path: Any) -> None:
    for name, content in repository("Qwen__Qwen3-Embedding-8B").files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    found = folder_facts(parse_source("pvc://models/x"), "main", tmp_path)
    assert (Task.EMBED, "LAST") == (found.task, found.pooling)


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        pytest.param("Qwen3Model", Task.EMBED, id="a decoder without its head"),
        pytest.param("Qwen3ForSequenceClassification", Task.CLASSIFY, id="a decoder with a classifier"),
        pytest.param("NobodysForSequenceClassification", None, id="of nobody"),
        pytest.param("HF_ColBERT", Task.SCORE, id="late interaction"),
    ],
)
def test_names_that_the_engine_makes_of_others_are_known(architecture: str, expected: Task | None) -> None:
    assert expected == task(architecture)
