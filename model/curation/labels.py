"""Labels for the relation filter: from an endpoint, from a person's file, or by corruption."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx2
import numpy as np

from model.curation.frames import without_frame
from model.curation.lexicon import lexicon
from model.curation.parse import Parse
from model.curation.parsers import Parser
from model.curation.records import Span
from model.curation.svo import find_statements
from model.curation.tagger import tag
from model.errors import ModelError

QUESTION = (
    "Does the caption state that the subject stands in this relation to the object? "
    "Answer yes or no.\nCaption: {caption}\nSubject: {s}\nRelation: {v}\nObject: {o}"
)
TRIES = 3


class LabelsError(ModelError):
    """Labels cannot be had."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Where the roles of a triplet are."""

    subject: Span
    verb: Span
    object: Span


Labelled = tuple[str, Roles, bool]


class LabelProvider(Protocol):
    """Says of triplets whether they are right."""

    def label(self, captions: Sequence[str], parser: Parser) -> Iterator[Labelled]: ...


class HeuristicLabels:
    """What two readings agree on is right; the same triplet with a role moved is wrong.

    Args:
        second: Another parser, or None to trust the first.
        seed: Of the corruptions.
    """

    def __init__(self, second: Parser | None, seed: int = 0) -> None:
        self._second, self._rng = second, np.random.default_rng(seed)

    def label(self, captions: Sequence[str], parser: Parser) -> Iterator[Labelled]:
        """One right and one wrong triplet for each that both find."""
        for caption in captions:
            text = caption[without_frame(caption) :]
            agreed = None if self._second is None else self._keys(text, self._second(text))
            statements, _ = find_statements(text, parser(text))
            for found in statements:
                if agreed is not None and found.key not in agreed:
                    continue
                roles = Roles(found.subject, found.verb, found.object)
                yield text, roles, True
                wrong = self._corrupted(text, roles)
                if wrong is not None:
                    yield text, wrong, False

    @staticmethod
    def _keys(text: str, parse: Parse) -> set[str]:
        return {statement.key for statement in find_statements(text, parse)[0]}

    def _corrupted(self, text: str, roles: Roles) -> Roles | None:
        """A role put on other words, or two roles exchanged."""
        words = [w for w in tag(text, lexicon()) if w.pos != "PUNCT"]
        kind = int(self._rng.integers(3))
        if kind == 0:
            return Roles(roles.object, roles.verb, roles.subject)
        taken = (roles.subject, roles.verb, roles.object)
        free = [w for w in words if all(w.end <= a or w.start >= b for a, b in taken)]
        if not free:
            return Roles(roles.verb, roles.subject, roles.object)
        word = free[int(self._rng.integers(len(free)))]
        span = (word.start, word.end)
        if kind == 1:
            return Roles(roles.subject, span, roles.object)
        return Roles(roles.subject, roles.verb, span)


class FileLabels:
    """A person's labels: JSON lines of caption, subject, verb, object (texts) and right."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def label(self, captions: Sequence[str], parser: Parser) -> Iterator[Labelled]:
        """The file's rows, whatever captions were given.

        Raises:
            LabelsError: Naming file and line.
        """
        for number, line in enumerate(self._path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                row = json.loads(line)
                spans = [_find(row["caption"], row[name]) for name in ("subject", "verb", "object")]
                yield row["caption"], Roles(*spans), bool(row["right"])
            except (ValueError, KeyError, TypeError) as error:
                raise LabelsError(f"{self._path}:{number}: {error}") from None


class EndpointLabels:
    """Asks any endpoint that speaks OpenAI's chat completions."""

    def __init__(self, url: str, model: str, api_key: str | None, timeout_s: float = 30.0) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout_s)
        self._model = model

    def label(self, captions: Sequence[str], parser: Parser) -> Iterator[Labelled]:
        """One question for each triplet.

        Raises:
            LabelsError: The endpoint cannot be reached or answers neither yes nor no.
        """
        for caption in captions:
            text = caption[without_frame(caption) :]
            for found in find_statements(text, parser(text))[0]:
                roles = Roles(found.subject, found.verb, found.object)
                yield text, roles, self._ask(text, roles)

    def _ask(self, caption: str, roles: Roles) -> bool:
        parts = {
            name: caption[slice(*span)]
            for name, span in (("s", roles.subject), ("v", roles.verb), ("o", roles.object))
        }
        question = QUESTION.format(caption=caption, **parts)
        body = {
            "model": self._model,
            "temperature": 0,
            "messages": [{"role": "user", "content": question}],
        }
        answer = self._answer(body)
        if not answer.startswith(("yes", "no")):
            raise LabelsError(f"the endpoint answered {answer[:40]!r}, expected yes or no")
        return answer.startswith("yes")

    def _answer(self, body: dict[str, Any]) -> str:
        for left in reversed(range(TRIES)):
            try:
                response = self._http.post("/chat/completions", json=body)
                response.raise_for_status()
                content: str = response.json()["choices"][0]["message"]["content"]
                return content.strip().lower()
            except (httpx2.HTTPError, ValueError, KeyError, IndexError) as error:
                if not left:
                    raise LabelsError(f"the endpoint cannot be used: {error}") from error
        raise AssertionError


def _find(caption: str, words: str) -> Span:
    start = caption.find(words)
    if start < 0:
        raise ValueError(f"{words!r} is not in the caption")
    return start, start + len(words)
