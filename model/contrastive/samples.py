"""Curated triplets joined with the ROIs of their images."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knowledge.entities import CLASS_GROUPS, EntityFinder, entity_groups
from knowledge.hierarchy import load_hierarchy
from model.curation.records import Negative, Triplet
from model.data.records import Caption
from service.vision.rois import Rois, affinity

WHOLE_FRAME = (0.0, 0.0, 1.0, 1.0)
FULL = CLASS_GROUPS.index("full")
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Sample:
    """One caption of one image, and where its participants are.

    Attributes:
        image: Name of the image file.
        caption: The sentence with its roles.
        negative: The opposing sentence (Eq. 10).
        svo: Wording of the three roles, for retrieval.
        key: Lemmas; equal keys mean the same.
        boxes: Subject and object in 0..1; the object's is unused when there is none.
        classes: Class groups of both.
        has_object: Whether an ROI was found for the object.
        grounded: Whether one was found for the subject; without, the whole frame stands in.
    """

    image: str
    caption: Caption
    negative: Caption
    svo: str
    key: str
    boxes: tuple[Box, Box]
    classes: tuple[int, int]
    has_object: bool
    grounded: bool


class Grounder:
    """Finds the ROIs that a triplet's subject and object may stand for.

    Nouns lead to class groups by the entities of the shipped hierarchy, then by the detector's own
    class names.
    """

    def __init__(self) -> None:
        entities = load_hierarchy().entities
        self._finder = EntityFinder(entities)
        self._groups = {
            name: {CLASS_GROUPS.index(g) for g in entity_groups(entity) if g in CLASS_GROUPS}
            for name, entity in entities.items()
        }

    def ground(self, triplet: Triplet, rois: Rois) -> tuple[int | None, int | None]:
        """Indices of the subject's and the object's ROI; None where the detector has none.

        Among several pairs the one that stands closest together is taken.
        """
        subjects = self._candidates(triplet.role("subject"), rois)
        objects = self._candidates(triplet.role("object"), rois)
        pairs = [(s, o) for s in subjects for o in objects if s != o]
        if pairs:
            closeness = affinity(rois.xyxy)
            return max(pairs, key=lambda pair: float(closeness[pair]))
        first = max(subjects, key=lambda i: float(rois.confidence[i]), default=None)
        second = max(objects, key=lambda i: float(rois.confidence[i]), default=None)
        return (first, second) if first != second else (first, None)

    def _candidates(self, noun_phrase: str, rois: Rois) -> list[int]:
        words = noun_phrase.lower().split()
        exact = [i for i, name in enumerate(rois.class_name) if name in words]
        if exact:
            return exact
        entity = self._finder.find(noun_phrase)
        groups = self._groups.get(entity, set()) if entity is not None else set()
        return [i for i, group in enumerate(rois.class_group.tolist()) if group in groups]


def make_samples(
    triplets: Iterable[Triplet], rois_of: Mapping[str, Rois], images: Path
) -> tuple[list[Sample], Counter[str]]:
    """Join triplets with ROIs; what cannot be used is counted by its reason.

    Args:
        triplets: Curated captions.
        rois_of: Detections of each image.
        images: Folder of the images.

    Returns:
        The samples, and how many triplets were skipped why.
    """
    grounder, samples = Grounder(), []
    skipped: Counter[str] = Counter()
    for triplet in triplets:
        if not triplet.negatives:
            skipped["no hard negative"] += 1
        elif not (images / triplet.image).is_file():
            skipped["image missing"] += 1
        elif triplet.image not in rois_of:
            skipped["image not readable"] += 1
        else:
            samples.append(_sample(triplet, rois_of[triplet.image], grounder))
    return samples, skipped


def _sample(triplet: Triplet, rois: Rois, grounder: Grounder) -> Sample:
    first, second = grounder.ground(triplet, rois)
    boxes = tuple(WHOLE_FRAME if i is None else _box(rois.xyxy[i]) for i in (first, second))
    groups = tuple(FULL if i is None else int(rois.class_group[i]) for i in (first, second))
    return Sample(
        image=triplet.image,
        caption=_caption(triplet, triplet.caption),
        negative=_caption(triplet.negatives[0], triplet.negatives[0].text),
        svo=" ".join(triplet.role(name) for name in ("subject", "verb", "object")),
        key=triplet.key,
        boxes=(boxes[0], boxes[1]),
        classes=(groups[0], groups[1]),
        has_object=second is not None,
        grounded=first is not None,
    )


def _box(xyxy: np.ndarray) -> Box:
    x1, y1, x2, y2 = (float(edge) for edge in xyxy)
    return x1, y1, x2, y2


def _caption(spans: Triplet | Negative, text: str) -> Caption:
    return Caption(text, (spans.subject, spans.verb, spans.object))
