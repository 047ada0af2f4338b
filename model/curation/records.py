"""One curated triplet, as a line of ``triplets.jsonl``."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.errors import ModelError

Span = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
Kind = Literal["spatial", "action", "both"]
NegativeKind = Literal["inverse", "role_swap", "negation", "llm"]


class TripletsError(ModelError):
    """A file of triplets is missing or a line of it is not as it should be."""


class _Spanned(BaseModel, ABC):
    """Three ordered, disjoint character spans of a text."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    subject: Span
    verb: Span
    object: Span

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The text that the spans lie in."""

    @model_validator(mode="after")
    def _spans_lie_inside(self) -> "_Spanned":
        spans = sorted((self.subject, self.verb, self.object))
        ends_before = 0
        for start, end in spans:
            if not ends_before <= start < end <= len(self.sentence):
                raise ValueError(f"spans {spans} are empty, overlap or leave the text")
            ends_before = end
        return self


class Negative(_Spanned):
    """A sentence of the same participants that is not true of the image (Eq. 10)."""

    kind: NegativeKind
    text: str

    @property
    def sentence(self) -> str:
        return self.text


class Triplet(_Spanned):
    """A caption with one subject-verb-object statement in it.

    Spans are half-open character offsets into ``caption``.
    """

    image: str
    """Name of the image relative to the folder of images."""

    caption: str
    source: str
    """Which collection the caption comes from."""

    key: str
    """Lemmas of subject, verb and object: equal keys mean the same."""

    rule: str
    parser: str
    quality: Annotated[float, Field(ge=0, le=1)]
    """What the relation filter thinks of the parse."""

    kind: Kind
    negatives: tuple[Negative, ...] = ()

    @property
    def sentence(self) -> str:
        return self.caption

    def role(self, name: Literal["subject", "verb", "object"]) -> str:
        """The wording of a role."""
        start, end = getattr(self, name)
        return self.caption[start:end]


def read_triplets(path: Path) -> Iterator[Triplet]:
    """Read a file line by line.

    Raises:
        TripletsError: Naming file and line.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _parse(line, path, number)
    except OSError as error:
        raise TripletsError(f"{path}: {error.strerror}") from error


def _parse(line: str, path: Path, number: int) -> Triplet:
    try:
        return Triplet.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TripletsError(f"{path}:{number}: {where}: {first['msg']}") from None
