"""What an analysed clip looks like on paper: the report of architecture.md section 5.

Other programs read these names. A field may be added; none changes its meaning while
``schema_version`` stays.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.scoring.calibration import Mode
from service.scoring.explain import Explanation
from service.vision.rois import NO_TRACK, Rois

RoiSource = Literal["detected", "relaxed", "pseudo", "null"]
REGION_NAMES = {"full": "the whole picture", "road": "the road", "ego": "the camera's own car"}


class _Row(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True,
        serialize_by_alias=True,
    )  # fmt: skip


class RoiRow(_Row):
    """A region of the picture; ``xyxy`` in pixels of the picture as it was sent, upright."""

    xyxy: tuple[float, float, float, float]
    class_name: str = Field(alias="class")
    confidence: float
    track_id: int | None
    roi_source: RoiSource

    @property
    def shown_name(self) -> str:
        """As people call it: ``car #3`` when it is followed; a region by what it is."""
        if self.roi_source == "pseudo":
            return REGION_NAMES.get(self.class_name, self.class_name)
        return self.class_name if self.track_id is None else f"{self.class_name} #{self.track_id}"


class ExplanationRow(_Row):
    """A description that fits, and the objects it is about."""

    description_id: str
    text: str
    path: tuple[str, ...]
    polarity: Literal["anomaly", "normal"]
    severity: int
    similarity: float
    margin: float
    counterpart: str | None
    subject: RoiRow | None
    object: RoiRow | None
    cues: dict[str, float]


class VideoRow(_Row):
    """The clip; width and height as shown, after rotation."""

    name: str
    width: int
    height: int
    duration_s: float
    fps: float
    codec: str
    sampled_frames: int
    sample_fps: float


class ModelRow(_Row):
    """What scored it; ``threshold`` is the probability from which a frame counts for an alarm."""

    bundle: str
    knowledge_sha256: str
    mode: Mode
    threshold: float | None = None


class FrameRow(_Row):
    """One sampled frame.

    ``index`` is its number in the file, ``score`` is smoothed over the past, ``eq11`` is the
    literal value of this frame alone, ``anomalous`` says that it lies in a segment.
    """

    index: int
    time_s: float
    score: float
    eq11: float
    probability: float
    anomalous: bool


class SegmentRow(_Row):
    """An anomalous stretch.

    ``peak_index`` is the file's number of the frame that explains it best, one of those that went
    into the highest probability or came shortly after it; the explanations are that frame's.
    """

    start_s: float
    end_s: float
    peak_s: float
    peak_index: int
    probability: float
    explanations: tuple[ExplanationRow, ...]


class DecodeErrorRow(_Row):
    """Something that could not be read; ``time_s`` is that of the last good frame before it."""

    time_s: float | None
    detail: str
    count: int


class SkippedRow(_Row):
    """Sampled frames that could not be scored; ``time_s`` is that of the first of them."""

    time_s: float | None
    reason: str
    count: int


class Report(_Row):
    """Everything that is known about a clip."""

    schema_version: Literal[1] = 1
    video: VideoRow
    model: ModelRow
    frames: tuple[FrameRow, ...]
    segments: tuple[SegmentRow, ...]
    decode_errors: tuple[DecodeErrorRow, ...]
    skipped: tuple[SkippedRow, ...] = ()
    timings: dict[str, float]


def explanation_rows(explanations: Iterable[Explanation]) -> list[ExplanationRow]:
    """Explanations as they are published."""
    return [ExplanationRow.model_validate(item.as_dict()) for item in explanations]


def roi_rows(rois: Rois, width: int, height: int) -> list[RoiRow]:
    """ROIs of a picture of this size, in its pixels."""
    size = (width, height, width, height)
    return [
        RoiRow(
            xyxy=tuple(float(edge) * side for edge, side in zip(xyxy, size, strict=True)),
            class_name=name,
            confidence=float(confidence),
            track_id=None if track_id == NO_TRACK else int(track_id),
            roi_source=source,
        )
        for xyxy, name, confidence, track_id, source in zip(
            rois.xyxy, rois.class_name, rois.confidence, rois.track_id, rois.source, strict=True
        )
    ]
