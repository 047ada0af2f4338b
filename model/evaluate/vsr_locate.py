"""Where the two things of a VSR item are: by the detector of a bundle, and its class names."""

from pathlib import Path

import numpy as np

from knowledge.entities import CLASS_GROUPS
from model.evaluate.embedders import View
from model.evaluate.vsr import SPELLING, Locate, VsrError, VsrItem
from service.errors import ServiceError
from service.pipeline.engine import Engine
from service.vision.images import decode_image
from service.vision.rois import Rois, affinity

MAX_PIXELS = 50_000_000
WHOLE = np.array([0.0, 0.0, 1.0, 1.0], np.float32)
FULL = CLASS_GROUPS.index("full")


def locator(engine: Engine, images: Path) -> Locate:
    """A function that opens an item's picture and finds its two things.

    A thing that is not detected is the whole frame as the subject and nothing as the object.
    """

    def locate(item: VsrItem) -> tuple[View, int]:
        try:
            frame = decode_image((images / item.image).read_bytes(), MAX_PIXELS)
        except (OSError, ServiceError) as error:
            raise VsrError(f"{images / item.image}: {error}") from error
        rois = engine.analyzer.detector.detect(frame)
        first, second = _pair(rois, item)
        boxes = np.stack([WHOLE if i is None else rois.xyxy[i] for i in (first, second)])
        groups = [FULL if i is None else int(rois.class_group[i]) for i in (first, second)]
        view = View(frame, boxes, (groups[0], groups[1]), second is not None)
        return view, (first is not None) + (second is not None)

    return locate


def _pair(rois: Rois, item: VsrItem) -> tuple[int | None, int | None]:
    names = [SPELLING.get(noun, noun).lower() for noun in (item.subj, item.obj)]
    subjects, objects = (
        [i for i, name in enumerate(rois.class_name) if name.lower() == wanted] for wanted in names
    )
    pairs = [(s, o) for s in subjects for o in objects if s != o]
    if pairs:
        closeness = affinity(rois.xyxy)
        return max(pairs, key=lambda pair: float(closeness[pair]))
    return next(iter(subjects), None), next(iter(objects), None)
