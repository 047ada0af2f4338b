"""``POST /frames/score``: pictures in, scores and explanations out."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, File, UploadFile

from service import errors
from service.api import problems
from service.api.forms import ModeField, OnlyFields, TopK
from service.api.schemas import FramesAnswer
from service.api.state import State
from service.observe.traces import note_stages
from service.pipeline.engine import Engine
from service.pipeline.frame_score import FrameScore, frame_score
from service.pipeline.report import ModelRow
from service.scoring.calibration import Mode
from service.settings import Settings
from service.vision.images import Frame, decode_image

router = APIRouter(prefix="/frames", tags=["frames"])

Decoded = tuple[str, Frame, float]
"""Name, frame and milliseconds of decoding one picture."""

MAX_GROUP_PIXELS = 16 * 1920 * 1080
Pictures = Annotated[
    list[UploadFile], File(min_length=1, description="JPEG, PNG or WebP; one or more.")
]


@router.post(
    "/score",
    dependencies=[Depends(OnlyFields("top_k", "mode", repeated=("image",)))],
    responses=problems.form_responses(
        errors.FrameTooLarge,
        errors.TooManyFrames,
        errors.UploadTooLarge,
        errors.FrameNotSupported,
        errors.FrameNotDecodable,
        errors.Overloaded,
    ),
)
def score_frames(
    state: State, image: Pictures, top_k: TopK = 5, mode: ModeField = "paired"
) -> FramesAnswer:
    """Score pictures and explain each score.

    A picture in which nothing is found is not an error: it is scored as a whole. One picture that
    cannot be used refuses the request and is named.
    """
    # A plain `def`: it runs in a worker thread, so inference never blocks the event loop.
    limit = state.settings.max_images_per_request
    if len(image) > limit:
        raise errors.TooManyFrames(f"{len(image)} pictures, the limit is {limit}")
    with state.slots.take():
        engine = state.engine.current
        scores = [
            score
            for group in _groups(image, state.settings)
            for score in _scores(engine, group, mode, top_k)
        ]
    for score in scores:
        state.metrics.stage_duration.labels("decode").observe(score.timings_ms["decode"] / 1000)
    totals: Counter[str] = Counter()
    for score in scores:
        totals.update(score.timings_ms)
    note_stages(totals)
    state.metrics.inference_images.inc(len(scores))
    model = ModelRow(
        bundle=engine.bundle.manifest.name,
        knowledge_sha256=engine.hierarchy.sha256,
        mode=mode,
        threshold=engine.analyzer.calibration.stills.threshold,
    )
    return FramesAnswer(model=model, results=scores)


def _groups(image: list[UploadFile], settings: Settings) -> Iterator[list[Decoded]]:
    """Decoded pictures, few enough at once that a request of large ones does not fill memory."""
    group: list[Decoded] = []
    for number, upload in enumerate(image, start=1):
        group.append(_decode(upload, number, settings))
        if sum(frame.size // 3 for _, frame, _ in group) >= MAX_GROUP_PIXELS:
            yield group
            group = []
    if group:
        yield group


def _decode(upload: UploadFile, number: int, settings: Settings) -> Decoded:
    name = upload.filename or f"image {number}"
    started = time.perf_counter()
    data = upload.file.read(settings.max_image_bytes + 1)
    if len(data) > settings.max_image_bytes:
        size = f"more than {settings.max_image_bytes} bytes, which is the limit"
        raise errors.FrameTooLarge(f"image {number} ({name}): {size}")
    try:
        frame = decode_image(data, settings.max_image_pixels)
    except errors.ServiceError as error:
        raise type(error)(f"image {number} ({name}): {error}") from error
    return name, frame, (time.perf_counter() - started) * 1000


def _scores(engine: Engine, decoded: list[Decoded], mode: Mode, top_k: int) -> list[FrameScore]:
    frames = [frame for _, frame, _ in decoded]
    results = engine.analyzer.analyze(frames, mode=mode, top_k=top_k, domain="stills")
    return [
        frame_score(name, (frame.shape[1], frame.shape[0]), result, decode_ms)
        for (name, frame, decode_ms), result in zip(decoded, results, strict=True)
    ]
