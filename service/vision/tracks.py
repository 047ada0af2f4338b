"""Participants followed from frame to frame: which box is whose, and where it was before.

Boxes are joined by overlap with where a track should be: its last place, turned with the camera,
plus its own velocity. Sure boxes choose first, unsure ones may only go on with a track that exists.
Why no library does this: docs/adr/0005-tracker.md.

Lengths are widths of the picture on both axes, so that a turn of the camera is a rotation.

Dimension letters used in this file: N boxes, T tracks, n moments of one track.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS
from service.vision.motion import CameraStep
from service.vision.overlap import iou
from service.vision.riders import on_machines
from service.vision.rois import KIND, NO_TRACK, Rois

HISTORY_S, LEAST_HISTORY = 2.5, 7  # the latest moments stay, however sparse frames are
KEEP_S = 0.6  # a hidden participant is waited for this long,
KEEP_STEPS = 2.5  # or this many sampling steps where these are longer
SURE = 0.26  # confidence that starts a track
SURE_IOU, UNSURE_IOU = 0.2, 0.35
VELOCITY_S = 0.55
BONNET_TOP, BONNET_END = 0.45, 0.9  # heights of the picture between which the own bonnet lies
BONNET_WIDTH, BONNET_FLAT = 0.45, 1.5  # least width in those of the picture, and in own heights

Boxes = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One participant up to one frame; what comes later makes another `Track` of it.

    Attributes:
        track_id: From 1, never given twice.
        times_s: (n,) rising; the last moment is the newest.
        seen: (n, 4) corners as they were in the picture.
        steady: (n, 4) the same in the view of the newest frame: the camera's turns are taken out.
        groups: Confidence collected by each class group; the largest is what the track is.
        seated: (n,) whether it was on a motorcycle or bicycle.
    """

    track_id: int
    times_s: NDArray[np.float64]
    seen: Boxes
    steady: Boxes
    groups: Mapping[int, float] = field(default_factory=dict)
    seated: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def class_group(self) -> int:
        """Class group that most of the evidence speaks for."""
        return max(self.groups, key=lambda group: self.groups[group])

    @property
    def rides(self) -> bool:
        """Mostly on a machine: a rider. Who walked up to it, or is struck by it, is not."""
        return bool(self.seated.mean() > 0.5)

    def with_moment(
        self, time_s: float, box: Boxes, group: int, confidence: float, seated: bool
    ) -> Track:
        """One more moment; those that are too old are forgotten."""
        recent = self.times_s > time_s - HISTORY_S
        recent[-LEAST_HISTORY:] = True
        return replace(
            self,
            times_s=np.append(self.times_s[recent], time_s),
            seen=np.vstack([self.seen[recent], box]),
            steady=np.vstack([self.steady[recent], box]),
            groups={**self.groups, group: self.groups.get(group, 0.0) + confidence},
            seated=np.append(self.seated[recent], seated),
        )

    def predicted(self, time_s: float) -> Boxes:
        """(4,) where the box should be, from the velocity of the last half second."""
        recent = self.times_s >= self.times_s[-1] - VELOCITY_S
        times, boxes = self.times_s[recent], self.steady[recent]
        if len(times) < 2:
            last: Boxes = self.steady[-1]
            return last
        centred = times - times.mean()
        velocity: Boxes = centred @ (boxes - boxes.mean(axis=0)) / (centred @ centred)
        # Two moments make a noisy velocity, so it counts half.
        weight = 0.5 if len(times) == 2 else 1.0
        predicted: Boxes = self.steady[-1] + weight * velocity * (time_s - self.times_s[-1])
        return predicted


class Tracker:
    """Tracks of one clip or stream."""

    def __init__(self) -> None:
        self._tracks: dict[int, Track] = {}
        self._last_id = 0
        self._time_s: float | None = None

    def reset(self) -> None:
        """Forget all tracks: another scene begins."""
        self._tracks = {}

    def update(self, time_s: float, rois: Rois, camera: CameraStep, aspect: float) -> Rois:
        """Join the participants of the next frame to the tracks.

        Args:
            time_s: Its time, after that of the frame before.
            rois: Detected ROIs without pseudo ROIs.
            camera: Step from the frame before.
            aspect: Height of the picture in widths.

        Returns:
            The ROIs with ``track_id``, riders left out; `of` has their tracks.
        """
        step_s = time_s - self._time_s if self._time_s is not None else 0.0
        self._time_s = time_s
        keep_s = max(KEEP_S, KEEP_STEPS * step_s)
        self._tracks = {
            track_id: replace(track, steady=turned(track.steady, camera, aspect))
            for track_id, track in self._tracks.items()
            if time_s - track.times_s[-1] <= keep_s
        }
        boxes = rois.xyxy.astype(np.float64) * np.array([1.0, aspect, 1.0, aspect])
        before, seated = self._match(time_s, boxes, rois), on_machines(rois)
        ids = np.full(len(rois), NO_TRACK, np.int64)
        for row in range(len(rois)):
            group, confidence = int(rois.class_group[row]), float(rois.confidence[row])
            track = before.get(row)
            if track is None and confidence >= SURE:
                track = self._new()
            if track is not None:
                moment = (time_s, boxes[row], group, confidence, bool(seated[row]))
                track = self._tracks[track.track_id] = track.with_moment(*moment)
                ids[row] = track.track_id
                seated[row] &= track.rides
        return replace(rois, track_id=ids).chosen(~seated)

    def of(self, rois: Rois) -> dict[int, Track]:
        """The track of each of these ROIs that has one, by track id."""
        ids = rois.track_id[rois.track_id != NO_TRACK].tolist()
        return {track_id: self._tracks[track_id] for track_id in ids}

    def state(self) -> dict[str, Any]:
        """What it remembers, ready for JSON."""
        tracks = [
            {
                "track_id": track.track_id,
                "times_s": track.times_s.tolist(),
                "seen": track.seen.tolist(),
                "steady": track.steady.tolist(),
                "groups": list(track.groups.items()),
                "seated": track.seated.tolist(),
            }
            for track in self._tracks.values()
        ]
        return {"tracks": tracks, "last_id": self._last_id, "time_s": self._time_s}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        tracks = [
            Track(
                track_id=entry["track_id"],
                times_s=np.array(entry["times_s"], np.float64),
                seen=np.array(entry["seen"], np.float64),
                steady=np.array(entry["steady"], np.float64),
                groups={int(group): float(weight) for group, weight in entry["groups"]},
                seated=np.array(entry["seated"], np.bool_),
            )
            for entry in state["tracks"]
        ]
        self._tracks = {track.track_id: track for track in tracks}
        self._last_id, self._time_s = state["last_id"], state["time_s"]

    def _new(self) -> Track:
        """A track without a moment yet."""
        self._last_id += 1
        return Track(self._last_id, np.zeros(0), np.zeros((0, 4)), np.zeros((0, 4)))

    def _match(self, time_s: float, boxes: Boxes, rois: Rois) -> dict[int, Track]:
        """Row of ``boxes`` -> track, greedy by overlap.

        That differs from the best assignment only where three boxes overlap each other.
        """
        found: dict[int, Track] = {}
        free = list(self._tracks.values())
        kind = KIND[rois.class_group]
        sure = rois.confidence >= SURE
        for rows, least in ((np.flatnonzero(sure), SURE_IOU), (np.flatnonzero(~sure), UNSURE_IOU)):
            if not len(rows) or not free:
                continue
            overlap = iou(np.array([t.predicted(time_s) for t in free]), boxes[rows])  # (T, N)
            track_kind = KIND[[t.class_group for t in free]]
            overlap[track_kind[:, None] != kind[rows][None, :]] = 0.0
            for t, n in _best_first(overlap, least):
                found[int(rows[n])] = free[t]
            matched = {track.track_id for track in found.values()}
            free = [track for track in free if track.track_id not in matched]
        return found


def turned(boxes: Boxes, camera: CameraStep, aspect: float) -> Boxes:
    """Where boxes (n, 4) of the frame before stand in this one if only the camera has turned."""
    middle = np.array([0.5, aspect / 2])
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - middle
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    cos, sin = math.cos(camera.roll), math.sin(camera.roll)
    centre = centre @ np.array([[cos, sin], [-sin, cos]]) + middle + np.array(camera.shift)
    return np.hstack([centre - half, centre + half])


def _best_first(overlap: NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) by falling overlap, each row and column once."""
    pairs: list[tuple[int, int]] = []
    rows, columns = np.nonzero(overlap >= least)
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    for i in np.argsort(-overlap[rows, columns], kind="stable").tolist():
        row, column = int(rows[i]), int(columns[i])
        if row not in taken_rows and column not in taken_columns:
            pairs.append((row, column))
            taken_rows.add(row)
            taken_columns.add(column)
    return pairs


def is_own_car(rois: Rois, picture: Boxes, aspect: float) -> NDArray[np.bool_]:
    """(N,): wide and flat boxes on the lower edge, which are the bonnet of the own car.

    A vehicle that fills the lower edge because it is close is as high as it is near: its roof
    stands above the camera, and so above the middle of the picture.

    Args:
        rois: N detected ROIs.
        picture: (4,) corners of the picture in widths of the frame, black bars left out.
        aspect: Height of the frame in widths.
    """
    x1, y1, x2, y2 = rois.xyxy.T * np.array([[1.0], [aspect], [1.0], [aspect]])
    left, top, right, bottom = picture
    low = (y1 - top > BONNET_TOP * (bottom - top)) & (y2 - top > BONNET_END * (bottom - top))
    wide = (x2 - x1 > BONNET_WIDTH * (right - left)) & (x2 - x1 > BONNET_FLAT * (y2 - y1))
    vehicle = np.isin(rois.class_group, [CLASS_GROUPS.index(g) for g in ("car", "truck", "bus")])
    return np.asarray(vehicle & low & wide, np.bool_)
