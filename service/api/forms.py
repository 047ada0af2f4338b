"""Form fields that several routes take, and the refusal of those that none takes."""

from collections import Counter
from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.exceptions import RequestValidationError

from service.scoring.calibration import Mode

MAX_TOP_K = 50
TopK = Annotated[int, Form(ge=1, le=MAX_TOP_K, description="Explanations to give.")]
ModeField = Annotated[
    Mode,
    Form(description="How the score is made; `eq11` is the literal Eq. (11) in every mode."),
]


class OnlyFields:
    """Dependency that refuses a form with other fields, or with a single field sent twice.

    Args:
        single: Fields that may come once.
        repeated: Fields that may come often.
    """

    def __init__(self, *single: str, repeated: tuple[str, ...] = ()) -> None:
        self.single = single
        self.repeated = repeated

    async def __call__(self, request: Request) -> None:
        # The framework has parsed the form already; this returns what it found.
        counts = Counter(name for name, _ in (await request.form()).multi_items())
        known = self.repeated + self.single
        wrong = [
            invalid_field(name, f"unknown field; known are {', '.join(known)}")
            for name in counts
            if name not in known
        ]
        wrong += [
            invalid_field(name, "sent more than once") for name in self.single if counts[name] > 1
        ]
        if wrong:
            raise RequestValidationError(wrong)


def invalid_field(name: str, message: str) -> dict[str, Any]:
    """One entry of a validation error."""
    return {"type": "value_error", "loc": ("body", name[:64]), "msg": message, "input": None}
