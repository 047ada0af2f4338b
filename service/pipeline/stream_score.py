"""What a live stream answers: a score for each frame, a problem for one that cannot be used."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.pipeline.report import ExplanationRow, RoiRow


class StreamScore(BaseModel):
    """One frame of a live stream, with what the stream remembers of those before."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)

    type: Literal["score"] = "score"

    sequence: int
    """Number of the frame as it came, from 0; dropped ones count."""

    time_s: float
    """As sent; without a time, seconds since the first frame came."""

    width: int
    height: int

    score: float
    """Smoothed over the stream's past, as in a report."""

    eq11: float
    """Eq. (11) of the paper as printed, of this frame alone."""

    probability: float
    """Calibrated, in 0..1."""

    anomalous: bool
    """Whether the alarm is on after this frame; a report looks back, a stream cannot."""

    alarm_since_s: float | None
    """Time of the first frame that counted towards the alarm, while it is on."""

    appearance: Literal["on", "off"]
    """`on` when the whole picture counts, `off` when only its objects and their motion do."""

    rois: tuple[RoiRow, ...]
    explanations: tuple[ExplanationRow, ...]

    dropped: int = Field(ge=0)
    """Frames so far that a newer one overtook while an older was computed."""


class StreamProblem(BaseModel):
    """A frame that was refused; the stream goes on."""

    type: Literal["problem"] = "problem"
    sequence: int
    problem: dict[str, Any]
    """RFC 9457, as the routes answer it."""


class StreamEnd(BaseModel):
    """Said once before the stream closes because the client asked for its end."""

    type: Literal["end"] = "end"
    received: int
    scored: int
    refused: int
    dropped: int
