"""Generated layouts as a folder of pictures, captions, curated triplets and detections."""

import json
from pathlib import Path

import cv2

from model.curation.records import Negative, Triplet
from model.data.records import Caption
from model.synthesis.layouts import make_layout

EXTRA = "vase"  # never drawn


def write_layouts(folder: Path, count: int, first_seed: int = 0) -> tuple[Path, Path, Path]:
    """Write ``count`` scenes; returns the folder of images, the triplets and the detections."""
    images = folder / "images"
    images.mkdir(parents=True)
    triplets, rois = [], []
    for seed in range(first_seed, first_seed + count):
        scene = make_layout(seed, "train")
        assert scene.frame is not None
        name = f"{seed:05d}.png"
        cv2.imwrite(str(images / name), cv2.cvtColor(scene.frame, cv2.COLOR_RGB2BGR))
        row = {"image": name, "xyxy": scene.xyxy.tolist(), "class": list(scene.class_names)}
        rois.append(json.dumps({**row, "confidence": [0.9] * len(scene.class_names)}))
        fact = scene.facts[0]
        triplets.append(_triplet(name, fact.captions[0], fact.opposites[0], fact.key))
    (folder / "triplets.jsonl").write_text("".join(t + "\n" for t in triplets), encoding="utf-8")
    (folder / "rois.jsonl").write_text("".join(r + "\n" for r in rois), encoding="utf-8")
    return images, folder / "triplets.jsonl", folder / "rois.jsonl"


def _triplet(image: str, caption: Caption, opposite: Caption, key: str) -> str:
    (s, v, o), (ns, nv, no) = caption.spans, opposite.spans
    negative = Negative(kind="inverse", text=opposite.text, subject=ns, verb=nv, object=no)
    return Triplet(
        image=image,
        caption=caption.text,
        source="layouts",
        subject=s,
        verb=v,
        object=o,
        key=key,
        rule="given",
        parser="given",
        quality=1.0,
        kind="spatial",
        negatives=(negative,),
    ).model_dump_json()
