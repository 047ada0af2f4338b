"""DoTA's lists of clips: which clip belongs to which group, and which frames are anomalous.

The groups are decoded from published tables: VV is the unweighted mean of five classes of accidents
between others, VP and VO are one class each, always without the own car (docs/experiments.md).

Dimension letters used in this file: n frames of one clip.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from knowledge.dota import CODE_OF
from model.errors import ModelError

FPS = 10
ANNOTATED_WH = (1280.0, 720.0)
VV_CODES = ("ST", "AH", "LA", "OC", "TC")
Ends = Literal["half_open", "inclusive"]


class DotaError(ModelError):
    """A file of DoTA is missing or not as published."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    anomaly_start: int
    anomaly_end: int
    anomaly_class: str
    num_frames: int


@dataclass(frozen=True, slots=True)
class DotaClip:
    """One clip of the list; frames are counted from 0.

    Attributes:
        name: Key of the metadata: video id and first frame.
        code: ST, AH, LA, OC, TC, VP, VO, OO or UK.
        ego: Whether the own car is in the accident.
        num_frames: Length at 10 frames a second.
        start: First anomalous frame.
        end: As published; whether it still counts is a switch.
    """

    name: str
    code: str
    ego: bool
    num_frames: int
    start: int
    end: int

    @property
    def group(self) -> str:
        """``ST*`` without the own car, ``ST`` with it, as the tables write it."""
        return self.code if self.ego else f"{self.code}*"

    def labels(self, ends: Ends = "half_open") -> NDArray[np.bool_]:
        """(n,) true within the anomaly: [start, end), or [start, end] as some codes have it."""
        marked = np.zeros(self.num_frames, np.bool_)
        marked[self.start : self.end + (ends == "inclusive")] = True
        return marked


def read_metadata(path: Path) -> list[DotaClip]:
    """Read ``metadata_train.json`` or ``metadata_val.json``.

    Raises:
        DotaError: Naming the file and the clip.
    """
    try:
        rows = TypeAdapter(dict[str, _Row]).validate_json(path.read_bytes())
    except OSError as error:
        raise DotaError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DotaError(f"{path}: {where}: {first['msg']}") from error
    return [_clip(path, name, row) for name, row in rows.items()]


def _clip(path: Path, name: str, row: _Row) -> DotaClip:
    who, _, what = row.anomaly_class.partition(":")
    code = CODE_OF.get(what.strip())
    if who not in ("ego", "other") or code is None:
        raise DotaError(f"{path}: {name}: unknown anomaly_class {row.anomaly_class!r}")
    # One published clip ends after its last frame; where it begins is what must be right.
    if not 0 <= row.anomaly_start <= min(row.anomaly_end, row.num_frames):
        raise DotaError(
            f"{path}: {name}: frames {row.anomaly_start} to {row.anomaly_end} of {row.num_frames}"
        )
    return DotaClip(name, code, who == "ego", row.num_frames, row.anomaly_start, row.anomaly_end)


class _Object(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    bbox: tuple[float, float, float, float]


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    frame_id: int | None = None
    objects: tuple[_Object, ...] = ()


class _Annotation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    night: bool = False
    labels: tuple[_Frame, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """What is annotated of one clip.

    Attributes:
        night: Filmed at night.
        boxes: (N, 4) anomalous objects in 0..1 by frame; frames without any are left out.
    """

    night: bool
    boxes: dict[int, NDArray[np.float64]]


def read_annotation(folder: Path, clip: DotaClip) -> Annotation | None:
    """Read ``FOLDER/<clip>.json``; None without it.

    Raises:
        DotaError: Naming the file.
    """
    path = folder / f"{clip.name}.json"
    if not path.is_file():
        return None
    try:
        content = _Annotation.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DotaError(f"{path}: {where}: {first['msg']}") from error
    scale = np.array([*ANNOTATED_WH, *ANNOTATED_WH])
    boxes = {
        index if frame.frame_id is None else frame.frame_id: np.array(
            [item.bbox for item in frame.objects], np.float64
        )
        / scale
        for index, frame in enumerate(content.labels)
        if frame.objects
    }
    return Annotation(content.night, boxes)
