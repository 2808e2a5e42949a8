"""The families that people ask for by name: how they keep what they read, and how large they are.

Sizes are those that their authors publish, in billions, to one percent. Families that no config here is of are in
`test_families_without_a_config.py`. Without a size: a config that differs from what was published (Qwen 1.5:
its head is tied here), a head that the config has and the checkpoint has not, a size that nobody gave to the percent.
"""

import json
from pathlib import Path

import pytest

from tests.support.gpu_plans import config, config_names
from tonnage.facts.shape import Attention, AttentionKind, Shape, State, shape

SOURCES = Path(__file__).parents[1] / "data" / "model_config_sources.json"


def kinds(read: Shape) -> set[str]:
    """What its layers are, in the field's words."""
    found = set()
    for layer in read.distinct_layers:
        mixer = layer.mixer
        if isinstance(mixer, State):
            found.add(mixer.name)
        elif isinstance(mixer, Attention) and mixer.kind is not AttentionKind.FULL:
            found.add(str(mixer.kind))
        elif isinstance(mixer, Attention):
            shared = "MQA" if mixer.kv_heads == 1 else "GQA"
            found.add("MHA" if mixer.kv_heads == mixer.heads else shared)
    return found


@pytest.mark.parametrize(
    ("name", "expected", "billions"),
    [
        pytest.param("meta-llama__Llama-2-7b-hf", {"MHA"}, 6.738, id="Llama 2"),
        pytest.param("meta-llama__Llama-2-70b-hf", {"GQA"}, 68.977, id="Llama 2 70B"),
        pytest.param("meta-llama__Meta-Llama-3-8B", {"GQA"}, 8.030, id="Llama 3"),
        pytest.param("meta-llama__Meta-Llama-3.1-405B", {"GQA"}, 405.85, id="Llama 3.1"),
        pytest.param("meta-llama__Llama-3.2-1B", {"GQA"}, 1.236, id="Llama 3.2"),
        pytest.param("meta-llama__Llama-3.3-70B-Instruct", {"GQA"}, 70.554, id="Llama 3.3"),
        pytest.param(
            "RedHatAI__Llama-4-Scout-17B-16E-Instruct-FP8-dynamic", {"Chunked", "GQA"}, 108.64, id="Llama 4 Scout"
        ),
        pytest.param("codellama__CodeLlama-34b-hf", {"GQA"}, 33.744, id="CodeLlama"),
        pytest.param("mistralai__Mistral-7B-v0.1", {"Sliding"}, 7.242, id="Mistral 7B"),
        pytest.param("mistralai__Mistral-7B-Instruct-v0.3", {"GQA"}, 7.248, id="Mistral 7B v0.3"),
        pytest.param("mistralai__Mistral-Nemo-Instruct-2407", {"GQA"}, 12.248, id="Mistral Nemo"),
        pytest.param("mistralai__Mixtral-8x7B-v0.1", {"GQA"}, 46.703, id="Mixtral 8x7B"),
        pytest.param("mistralai__Mixtral-8x22B-v0.1", {"GQA"}, 140.63, id="Mixtral 8x22B"),
        pytest.param("Qwen__Qwen1.5-1.8B-Chat", {"MHA"}, None, id="Qwen 1.5"),
        pytest.param("Qwen__Qwen1.5-MoE-A2.7B", {"MHA"}, 14.316, id="Qwen 1.5 MoE"),
        pytest.param("Qwen__Qwen2-7B", {"GQA"}, 7.616, id="Qwen 2"),
        pytest.param("Qwen__Qwen2.5-14B", {"GQA"}, 14.770, id="Qwen 2.5"),
        pytest.param("Qwen__Qwen2.5-VL-7B-Instruct", {"GQA"}, 8.292, id="Qwen 2.5 VL"),
        pytest.param("Qwen__Qwen3-8B", {"GQA"}, 8.191, id="Qwen 3"),
        pytest.param("Qwen__Qwen3-30B-A3B-Instruct-2507", {"GQA"}, 30.532, id="Qwen 3 MoE"),
        pytest.param("Qwen__Qwen3-Next-80B-A3B-Thinking", {"gated delta", "GQA"}, 79.67, id="Qwen3-Next: hybrid"),
        pytest.param("01-ai__Yi-34B", {"GQA"}, 34.389, id="Yi"),
        pytest.param("deepseek-ai__deepseek-moe-16b-base", {"MHA"}, 16.376, id="DeepSeek MoE"),
        pytest.param("deepseek-ai__DeepSeek-V2", {"Latent"}, 235.74, id="DeepSeek V2"),
        pytest.param("deepseek-ai__DeepSeek-V2-Lite", {"Latent"}, 15.706, id="DeepSeek V2 Lite"),
        pytest.param("deepseek-ai__DeepSeek-V3.1", {"Latent"}, 671.03, id="DeepSeek V3"),
        pytest.param("deepseek-ai__DeepSeek-R1", {"Latent"}, 671.03, id="DeepSeek R1"),
        pytest.param("baichuan-inc__Baichuan2-7B-Chat", {"MHA"}, 7.506, id="Baichuan 2"),
        pytest.param("THUDM__chatglm3-6b", {"GQA"}, 6.244, id="ChatGLM"),
        pytest.param("THUDM__glm-4-9b", {"GQA"}, 9.400, id="GLM-4"),
        pytest.param("internlm__internlm-7b", {"MHA"}, 7.322, id="InternLM"),
        pytest.param("internlm__internlm2-7b", {"GQA"}, 7.738, id="InternLM 2"),
        pytest.param("microsoft__phi-2", {"MHA"}, 2.780, id="Phi 2"),
        pytest.param("microsoft__Phi-3.5-mini-instruct", None, 3.821, id="Phi 3.5"),
        pytest.param("google__gemma-2b", {"MQA"}, 2.506, id="Gemma"),
        pytest.param("google__gemma-2-9b", {"Sliding", "GQA"}, 9.242, id="Gemma 2"),
        pytest.param("google__gemma-3-27b-it", {"Sliding", "GQA"}, 27.43, id="Gemma 3"),
        pytest.param("openai__gpt-oss-120b", {"Sliding", "GQA"}, 116.83, id="gpt-oss"),
        pytest.param("CohereForAI__c4ai-command-r-v01", {"MHA"}, 34.98, id="Command R"),
        pytest.param("bigcode__starcoder2-3b", {"Sliding"}, 7.174, id="StarCoder 2: the file has the sizes of 7B"),
        pytest.param("HuggingFaceTB__SmolLM-1.7B", {"MHA"}, 1.711, id="SmolLM"),
        pytest.param("allenai__OLMo-2-1124-7B", {"MHA"}, 7.299, id="OLMo 2"),
        pytest.param("nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", {"Mamba 2", "GQA"}, 31.58, id="Nemotron: Mamba"),
        pytest.param("moonshotai__Kimi-K2.5", {"Latent"}, None, id="Kimi"),
        pytest.param("MiniMaxAI__MiniMax-M2.7", {"GQA"}, 228.7, id="MiniMax"),
        pytest.param("Qwen__Qwen3-Embedding-8B", {"GQA"}, None, id="Qwen 3 Embedding"),
        pytest.param("Skywork__Skywork-Reward-Llama-3.1-8B-v0.2", {"GQA"}, 7.505, id="a reranker or reward model"),
        pytest.param("Snowflake__snowflake-arctic-embed-m", {"Encoder"}, 0.109, id="BERT"),
    ],
)
def test_a_family_is_right_by_name(name: str, expected: set[str] | None, billions: float | None) -> None:
    read = shape(config(name))
    if expected is not None:
        assert expected == kinds(read)
    if billions is not None:
        assert billions == pytest.approx(read.parameters / 1e9, rel=0.01)


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        pytest.param("mistralai__Mixtral-8x7B-v0.1", 12.88, id="Mixtral 8x7B"),
        pytest.param("mistralai__Mixtral-8x22B-v0.1", 39.15, id="Mixtral 8x22B"),
    ],
)
def test_a_token_uses_the_experts_it_is_sent_to(name: str, billions: float) -> None:
    read = shape(config(name))
    # Authors count the embedding whole, of which a token uses one row.
    embedding = read.vocabulary_size * read.hidden_size
    assert billions == pytest.approx((read.active_parameters + embedding) / 1e9, rel=0.01)


def test_every_config_names_where_it_is_from() -> None:
    sources = json.loads(SOURCES.read_text())
    assert set(config_names()) == {name.replace("/", "__") for name in sources}
