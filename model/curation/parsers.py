"""Which parser reads the captions: spaCy's, one trained here, or the deterministic one."""

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

from model.curation.chunks import NAME, parse_chunks
from model.curation.parse import Parse
from model.errors import ModelError

Parser = Callable[[str], Parse]
SPACY_ENGLISH = "en_core_web_sm"


class ParserError(ModelError):
    """A parser was asked for that is not here."""


@cache
def load_parser(name: str) -> tuple[str, Parser]:
    """A parser and the name that its triplets carry.

    Args:
        name: ``chunk``; ``auto`` for spaCy's English pipeline where it is installed and ``chunk``
            elsewhere; the name of a spaCy package; or the folder of `saclip-model train-parser`.

    Raises:
        ParserError: There is no such package or folder.
    """
    if name == "auto":
        name = SPACY_ENGLISH if importlib.util.find_spec(SPACY_ENGLISH) else NAME
    if name == NAME:
        return NAME, parse_chunks
    is_folder = (Path(name) / "meta.json").is_file()
    if not is_folder and importlib.util.find_spec(name.split("/")[0]) is None:
        raise ParserError(f"--parser {name}: neither a spaCy package here nor a trained pipeline")
    from model.curation.spacy_parser import SpacyParser

    parser = SpacyParser(name)
    return parser.name, parser
