"""``POST /frames/score``: pictures in, scores and explanations out."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, UploadFile
from numpy.typing import NDArray

from service import errors
from service.api import problems
from service.api.schemas import FrameScore, FramesAnswer, ModelName
from service.api.state import State
from service.errors import FrameTooLarge, ServiceError, TooManyFrames
from service.pipeline.frame import FrameResult
from service.pipeline.report import explanation_rows, roi_rows
from service.scoring.calibration import Mode
from service.settings import Settings
from service.vision.images import decode_image

router = APIRouter(prefix="/frames", tags=["frames"])
Pictures = Annotated[list[UploadFile], File(description="JPEG, PNG or WebP; one or more.")]
TopK = Annotated[int, Form(ge=1, le=50, description="Explanations for each picture.")]
ModeField = Annotated[Mode, Form(description="How the score is made; `eq11` is always beside it.")]


@router.post(
    "/score",
    responses=problems.responses(
        errors.FrameTooLarge, errors.FrameNotSupported, errors.FrameNotDecodable, errors.Overloaded
    ),
)
def score_frames(
    state: State, image: Pictures, top_k: TopK = 5, mode: ModeField = "paired"
) -> FramesAnswer:
    """Score pictures and explain each score.

    A picture without any object is not an error: it is scored as a whole.
    """
    # A plain `def`: it runs in a worker thread, so inference never blocks the event loop.
    limit = state.settings.max_images
    if len(image) > limit:
        raise TooManyFrames(f"{len(image)} pictures, at most {limit} in one request")
    with state.admission.enter():
        frames = [_decode(upload, state.settings) for upload in image]
        engine = state.engine.current
        results = engine.analyzer.analyze(frames, mode=mode, top_k=top_k, domain="stills")
    names = [upload.filename or "image" for upload in image]
    scores = [_row(name, f.shape, r) for name, f, r in zip(names, frames, results, strict=True)]
    for result in results:
        state.metrics.time_stages(result.timings_ms)
        state.metrics.score.observe(result.probability)
    state.metrics.images.labels("frames").inc(len(results))
    model = ModelName(
        bundle=engine.bundle.manifest.name, knowledge_sha256=engine.hierarchy.sha256, mode=mode
    )
    return FramesAnswer(model=model, results=scores)


def _decode(upload: UploadFile, settings: Settings) -> NDArray[np.uint8]:
    name = upload.filename or "image"
    data = upload.file.read(settings.max_image_bytes + 1)
    if len(data) > settings.max_image_bytes:
        raise FrameTooLarge(f"{name}: more than {settings.max_image_bytes} bytes")
    try:
        return decode_image(data, settings.max_image_pixels)
    except ServiceError as error:
        raise type(error)(f"{name}: {error}") from error


def _row(name: str, shape: tuple[int, ...], result: FrameResult) -> FrameScore:
    return FrameScore(
        name=name,
        width=shape[1],
        height=shape[0],
        score=result.score,
        eq11=result.eq11,
        probability=result.probability,
        anomalous=result.anomalous,
        appearance=result.appearance,
        rois=roi_rows(result.rois, shape[1], shape[0]),
        explanations=explanation_rows(result.explanations),
        timings_ms=result.timings_ms,
    )
