"""Which files of a repository are its model."""

from tonnage.contract.model_files import GENERATION_CONFIG, SENTENCE_CONFIGS, needed_files


def test_what_only_the_engine_reads_is_needed_too() -> None:
    # Without the generation config, answers would be sampled otherwise than the author's, and end elsewhere.
    listed = [
        GENERATION_CONFIG,
        SENTENCE_CONFIGS[0],
        "chat_template.jinja",
        "tokenizer.model",
        "README.md",
        "a/config.json",
    ]
    assert tuple(sorted(listed[:4])) == needed_files(listed)
