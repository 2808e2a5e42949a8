"""Whether a model's chat template handles tools.

A template is a program that its author chose, so it is parsed and never rendered nor compiled: compiling would already
compute its constants, and `9 ** 9 ** 9` is one. What is asked is whether it reads the variable `tools`; the word in a
text or a comment says nothing. Imports the templates' engine, which plans without a model's files do without.
"""

from collections.abc import Mapping

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension, do, loopcontrols
from jinja2.parser import Parser

# Most have 5,000 characters; the largest seen 30,000.
MAX_BYTES = 2**18
# As transformers reads them: a file beside the tokenizer's config wins over what is in that config.
JINJA_FILE = "chat_template.jinja"
JSON_FILE = "chat_template.json"
_TOOLS = "tools"


def handles_tools(given: object) -> bool | None:
    """Whether what stands under `chat_template` reads the request's tools; None where nothing in it can be parsed.

    It is one template, or a list of named ones, of which one may be for tools alone.
    """
    listed = given if isinstance(given, list) else [given]
    texts = (one.get("template") if isinstance(one, Mapping) else one for one in listed)
    answers = [_template_handles_tools(text) for text in texts if isinstance(text, str)]
    return None if all(answer is None for answer in answers) else any(answers)


def _template_handles_tools(text: str) -> bool | None:
    if len(text) > MAX_BYTES:
        return None
    try:
        return _reads_tools(_ENVIRONMENT.parse(text))
    except (TemplateSyntaxError, RecursionError):
        return None


def _reads_tools(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Name):
        return node.name == _TOOLS and node.ctx == "load"
    if isinstance(node, nodes.Macro | nodes.CallBlock) and any(argument.name == _TOOLS for argument in node.args):
        # In there it is what the caller passes.
        return False
    return any(_reads_tools(child) for child in node.iter_child_nodes())


class _Generation(Extension):
    """The statement that transformers adds, around what a model answered."""

    tags = {"generation"}  # noqa: RUF012 # as its base has it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


_ENVIRONMENT = Environment(autoescape=True, extensions=[do, loopcontrols, _Generation])
