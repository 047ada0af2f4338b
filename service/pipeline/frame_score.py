"""One picture's result as the command line and the API write it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.pipeline.judging import FrameResult
from service.pipeline.report import ExplanationRow, RoiRow, explanation_rows, roi_rows


class FrameScore(BaseModel):
    """What one picture got."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)

    name: str
    """File name as sent."""

    width: int
    height: int
    score: float
    """Of the mode asked for; higher is more anomalous."""

    eq11: float
    """Eq. (11) of the paper as printed, whatever the mode."""

    probability: float
    """Calibrated, in 0..1."""

    anomalous: bool
    """Whether the probability reaches the threshold of the bundle's calibration."""

    appearance: Literal["on", "off"]
    """`on` when the whole picture counts, `off` when only its objects and their motion do."""

    rois: tuple[RoiRow, ...]
    """In pixels of the picture, turned upright; the pseudo ROIs come last."""

    explanations: tuple[ExplanationRow, ...]
    """Best first."""

    timings_ms: dict[str, float]


def frame_score(
    name: str, size_wh: tuple[int, int], result: FrameResult, decode_ms: float
) -> FrameScore:
    """A result under the name of its file."""
    width, height = size_wh
    timings_ms = {"decode": decode_ms, **result.timings_ms}
    return FrameScore(
        name=name,
        width=width,
        height=height,
        score=result.score,
        eq11=result.eq11,
        probability=result.probability,
        anomalous=result.anomalous,
        appearance=result.appearance,
        rois=tuple(roi_rows(result.rois, width, height)),
        explanations=tuple(explanation_rows(result.explanations)),
        timings_ms={stage: round(ms, 3) for stage, ms in timings_ms.items()},
    )
