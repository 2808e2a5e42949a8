import subprocess
import sys
from pathlib import Path

import pytest

from e2e.cluster import CommandError
from e2e.cluster import __main__ as command_line
from e2e.cluster.commands import run, succeeds, tail
from e2e.images.__main__ import parser as images_parser


def test_an_error_is_one_sentence_and_exit_1(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cluster", "--provider", "host", "--name", "Not Valid", "status"])
    assert command_line.main() == 1
    said = capsys.readouterr().err
    assert "is no cluster name" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "words",
    [
        ["up", "--nodes", "2"],
        ["down", "--purge"],
        ["status"],
        ["load", "image:1"],
        ["logs", "folder"],
        ["add-node"],
        ["fake-gpus", "--product", "NVIDIA-L4", "--count", "8", "--memory", "23034"],
        ["kubeconfig"],
    ],
    ids=lambda words: words[0],
)
def test_every_command_is_understood(words):
    assert callable(command_line.parser().parse_args(["--yes", *words]).function)


def test_several_images_are_loaded_at_once():
    options = images_parser().parse_args(["load", "operator", "hub", "--name", "other"])
    assert options.images == ["operator", "hub"]


def test_help_needs_no_cluster():
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "e2e.cluster", "--help"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "fake-gpus" in done.stdout


def test_a_missing_program_is_named():
    with pytest.raises(CommandError, match="no-such-program is not installed"):
        run("no-such-program")


def test_a_failed_program_is_quoted():
    with pytest.raises(CommandError, match="failed with 3:\nbecause"):
        run("sh", "-c", "echo because >&2; exit 3")


def test_a_program_past_its_deadline_has_failed():
    with pytest.raises(CommandError, match="no end after 0 s"):
        run("sleep", "5", deadline_seconds=0.05)


def test_success_is_a_question():
    assert succeeds(run, "true")
    assert not succeeds(run, "false")


def test_the_tail_is_where_programs_say_why():
    assert tail("a\nb\nc", 2) == "b\nc"
