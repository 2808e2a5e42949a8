"""The engine: `ray.serve.llm`'s server with what serving one local model needs. Imported on workers only; heavy.

Two things are overridden that Ray 2.60 offers no option for: a telemetry actor (0.65 GiB on the head), and a Ray task
that would download a model which is there already (6 to 14 s).
"""

import logging
from collections.abc import AsyncIterator
from typing import Any

from ray.llm._internal.common.callbacks.base import CallbackBase
from ray.llm._internal.serve.core.configs.openai_api_models import CompletionRequest, ErrorResponse
from ray.serve.llm import LLMConfig, LLMServer
from vllm.entrypoints.pooling.embed.protocol import EmbeddingCompletionRequest
from vllm.entrypoints.pooling.scoring.protocol import ScoreTextRequest

from tonnage.contract.serve_document import Device, ServeDocument, Task
from tonnage_runtime import engine_report
from tonnage_runtime.application_options import engine_arguments

logger = logging.getLogger("ray.serve")


class EngineSilentError(Exception):
    """The engine started but does not answer."""


class LocalModel(CallbackBase):  # type: ignore[misc] # Ray is not typed
    """The model is on the disk."""

    async def on_before_node_init(self) -> None:
        """Skip Ray's download task."""
        self.ctx.run_init_node = False


class Server(LLMServer):  # type: ignore[misc] # Ray is not typed
    """Ray's LLM server, which starts without telemetry and is started once it has answered what it is for."""

    task: Task

    async def _start_engine(self) -> None:
        await self.engine.start()
        # Kernels, caches, samplers and poolers fail at the first request, not before.
        answers: AsyncIterator[Any] = await self._ask()
        async for answer in answers:
            if isinstance(answer, ErrorResponse):
                raise EngineSilentError(answer.error.message)
        logger.info("the engine has answered its first request")

    async def _ask(self) -> Any:  # noqa: ANN401 # Ray is not typed
        """The answers to the smallest request of the task."""
        model = self._llm_config.model_id
        match self.task:
            case Task.EMBED:
                return await self.embeddings(EmbeddingCompletionRequest(model=model, input=[0]))
            case Task.SCORE:
                return await self.score(ScoreTextRequest(model=model, text_1="a", text_2="b"))
        return await self.completions(CompletionRequest(model=model, prompt=[0], max_tokens=1, temperature=0))


async def start_server(document: ServeDocument) -> Server:
    """The started server of the document's model. Raises what the engine raises."""
    # Ray's class has a coroutine for a constructor, which only Serve can call.
    server: Server = Server.sync_init(llm_config(document))
    server.task = document.engine.task
    engine_report.begin()
    await server.start()
    engine_report.tell_report()
    return server


def llm_config(document: ServeDocument) -> LLMConfig:
    """Ray's description of the model and how to run it.

    The executor is not said: Ray sets `mp` on a CPU and `ray` on a GPU, for a single one too, and refuses any other
    (VLLMEngineConfig.get_initialization_kwargs). Its actors take the GPUs of the replica's placement group.
    """
    return LLMConfig(
        model_loading_config={"model_id": document.model.served_name, "model_source": document.model.path},
        accelerator_config={"kind": "cpu" if document.engine.device is Device.CPU else "gpu"},
        engine_kwargs=engine_arguments(document),
        callback_config={"callback_class": LocalModel},
    )
