"""Generated scenes on disk: pictures, facts, DoTA-shaped metadata, a contact sheet and films."""

import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from knowledge.dota import NAME_OF
from model.data.records import Scene
from model.errors import ModelError
from model.synthesis.layouts import make_layout
from model.synthesis.traffic import FPS, TrafficClip, make_clip

SHEET_COLUMNS = 4


def generate(kind: str, out: Path, count: int, seed: int, accidents: bool | None = None) -> None:
    """Write scenes; the same arguments write the same bytes.

    Args:
        kind: ``layouts`` or ``traffic``.
        out: Gets ``scenes.jsonl``, PNG files, ``sheet.png``, and what training on captions reads:
            ``captions.jsonl`` and ``rois.jsonl``; traffic also ``NAME.mp4`` and
            ``metadata.json`` in the form of DoTA, of the clips with an accident.
        count: Layouts, or clips of traffic.
        seed: First seed.
        accidents: Traffic with an accident only, or none; half of each when left out.

    Raises:
        ModelError: When there is no such kind.
    """
    if kind not in ("layouts", "traffic"):
        raise ModelError(f"{kind}: expected layouts, traffic or figures")
    out.mkdir(parents=True, exist_ok=True)
    shown: list[NDArray[np.uint8]] = []
    metadata: dict[str, Any] = {}
    captions: list[str] = []
    rois: list[str] = []
    with (out / "scenes.jsonl").open("w", encoding="utf-8") as rows:
        for number in track(range(seed, seed + count), kind):
            if kind == "layouts":
                scene, name = make_layout(number), f"layout_{number:06d}"
            else:
                clip, name = make_clip(number, anomalous=accidents), f"traffic_{number:06d}"
                _write_film(clip, out / f"{name}.mp4")
                if clip.label.any():  # DoTA lists no normal clips
                    metadata[name] = _dota_entry(clip)
                scene = clip.moments[int(clip.label.argmax())].scene
            rows.write(json.dumps(_row(name, scene)) + "\n")
            told = [fact.captions[number % len(fact.captions)].text for fact in scene.facts]
            captions.append(json.dumps({"image": f"{name}.png", "captions": told}))
            rois.append(json.dumps(_detections(name, scene)))
            shown.append(_write_picture(scene, out / f"{name}.png"))
    for file, lines in (("captions.jsonl", captions), ("rois.jsonl", rois)):
        (out / file).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    _write_sheet(shown, out / "sheet.png")
    if metadata:
        (out / "metadata.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")


def _row(name: str, scene: Scene) -> dict[str, Any]:
    facts = [
        {"subject": f.subject, "object": f.object, "key": f.key,
         "captions": [c.text for c in f.captions], "opposites": [c.text for c in f.opposites]}
        for f in scene.facts
    ]  # fmt: skip
    return {
        "name": name,
        "leaf": scene.leaf_id,
        "anomalous": scene.anomalous,
        "weather": scene.weather,
        "classes": scene.class_names,
        "xyxy": scene.xyxy.round(5).tolist(),
        "facts": facts,
    }


def _detections(name: str, scene: Scene) -> dict[str, Any]:
    """The true boxes in the form in which detections are kept.

    A layout's things are named by their nouns, as a detector that knows them would: only so can a
    caption's noun find its box.
    """
    names = list(scene.class_names)
    if scene.facts and scene.facts[0].key.startswith("layout"):
        names = scene.facts[0].key.split(":")[1:]
    return {
        "image": f"{name}.png",
        "xyxy": scene.xyxy.round(5).tolist(),
        "class": names,
        "confidence": [1.0] * len(scene.class_names),
    }


def _dota_entry(clip: TrafficClip) -> dict[str, Any]:
    """The fields of DoTA's metadata; times in frames, the end exclusive."""
    marked = np.flatnonzero(clip.label)
    involved = "ego" if clip.ego else "other"
    return {
        "video_start": 0,
        "video_end": len(clip.label) - 1,
        "anomaly_start": int(marked[0]),
        "anomaly_end": int(marked[-1]) + 1,
        "anomaly_class": f"{involved}: {NAME_OF[clip.dota]}",
        "num_frames": len(clip.label),
        "subset": "generated",
    }


def _write_picture(scene: Scene, path: Path) -> NDArray[np.uint8]:
    assert scene.frame is not None
    cv2.imwrite(str(path), cv2.cvtColor(scene.frame, cv2.COLOR_RGB2BGR))
    boxed = scene.frame.copy()
    scale = np.array([boxed.shape[1], boxed.shape[0]] * 2)
    for box in scene.xyxy:
        x0, y0, x1, y1 = (int(v) for v in box * scale)
        cv2.rectangle(boxed, (x0, y0), (x1, y1), (255, 220, 0), 1)
    return boxed


def _write_sheet(pictures: list[NDArray[np.uint8]], path: Path) -> None:
    blank = np.zeros_like(pictures[0])
    filled = pictures + [blank] * (-len(pictures) % SHEET_COLUMNS)
    rows = [np.hstack(filled[i : i + SHEET_COLUMNS]) for i in range(0, len(filled), SHEET_COLUMNS)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def _write_film(clip: TrafficClip, path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=int(FPS))
        stream.height, stream.width = clip.frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in clip.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
