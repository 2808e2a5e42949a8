"""The engine: `ray.serve.llm`'s server with what serving one local model needs. Imported on workers only; heavy.

Two things are overridden that Ray 2.60 offers no option for: a telemetry actor (0.65 GiB on the head), and a Ray task
that would download a model which is there already (6 to 14 s).
"""

import logging

from ray.llm._internal.common.callbacks.base import CallbackBase
from ray.serve.llm import LLMConfig, LLMServer
from ray.serve.llm.openai_api_models import CompletionRequest, ErrorResponse

from tonnage.contract.serve_document import Device, ServeDocument
from tonnage_runtime import engine_report
from tonnage_runtime.application_options import engine_arguments

logger = logging.getLogger("ray.serve")


class EngineSilentError(Exception):
    """The engine started but generates no token."""


class LocalModel(CallbackBase):  # type: ignore[misc] # Ray is not typed
    """The model is on the disk."""

    async def on_before_node_init(self) -> None:
        """Skip Ray's download task."""
        self.ctx.run_init_node = False


class Server(LLMServer):  # type: ignore[misc] # Ray is not typed
    """Ray's LLM server, which starts without telemetry and is started once it has generated a token."""

    async def _start_engine(self) -> None:
        await self.engine.start()
        await self._generate_token()

    async def _generate_token(self) -> None:
        """Raise unless the engine answers: kernels, caches and samplers fail at the first token, not before."""
        request = CompletionRequest(model=self._llm_config.model_id, prompt=[0], max_tokens=1, temperature=0)
        async for answer in await self.completions(request):
            if isinstance(answer, ErrorResponse):
                raise EngineSilentError(answer.error.message)
        logger.info("the engine has generated its first token")


async def start_server(document: ServeDocument) -> Server:
    """The started server of the document's model. Raises what the engine raises."""
    # Ray's class has a coroutine for a constructor, which only Serve can call.
    server: Server = Server.sync_init(llm_config(document))
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
