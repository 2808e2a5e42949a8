import logging
import logging.config
from logging.handlers import MemoryHandler
from pathlib import Path

from tonnage_runtime.log_targets import SERVE_LOGGER, log_targets_kept


def test_serves_handlers_survive_another_configuration_of_logging(tmp_path: Path) -> None:
    serve = logging.getLogger(SERVE_LOGGER)
    file = logging.FileHandler(tmp_path / "replica.log")
    buffering = MemoryHandler(capacity=1, target=file)
    serve.addHandler(buffering)
    try:
        with log_targets_kept():
            logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
        assert file is buffering.target
        serve.error("still written")
        assert "still written" in (tmp_path / "replica.log").read_text()
    finally:
        serve.removeHandler(buffering)
        buffering.close()
        file.close()
