"""What one clip or stream remembers of motion: camera, tracks, the road's jolts; frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.pipeline.stages import ms_since
from service.scoring.cues import EgoCues, cue_matrix, squash
from service.vision.images import Frame
from service.vision.kinematics import Kinematics, kinematics
from service.vision.motion import CameraMotion, CameraStep, grey_of
from service.vision.pair_motion import motion_inputs
from service.vision.picture import PictureEdges
from service.vision.riders import without_riders
from service.vision.rois import Rois
from service.vision.tracks import Track, Tracker, is_own_car

JOLT = 0.15  # widths a second from step to step: a car is thrown about 8 degrees a second
PITCH_SHARE = 0.5  # of a jolt up or down: roads pitch a car 1.7 times as much as they turn it
JOLT_OVER_ROAD = 6.0  # times the median jolt of this road so far
ROTATION = 0.3  # radians a second of roll
ROAD_S, LEAST_ROAD = 20.0, 12  # memory of the road, and the steps after which it counts
FIXED_S = 5.0  # a camera that has not moved yet, or for this long, stands on a mast
MOST_REPEATS = 1  # of a picture; after more nobody knows how long it was on the road
MOVES = 0.002  # widths of shift, or of expansion, in a step


@dataclass(frozen=True, slots=True, eq=False)
class FrameMotion:
    """What is known about the motion in one frame.

    Attributes:
        rois: The frame's participants with track ids; the bonnet of the own car is left out.
        tracks: By track id, those seen in this frame; none while a picture is only repeated.
        moving: Kinematics of the tracks that are old enough.
        ego: Cues of the own car; None for a fixed camera.
        stands: The camera has stood for `FIXED_S`: its motion could be seen, and there was none.
        is_cut: Another scene begins with this frame.
        motion_ms: Time it took.
    """

    rois: Rois
    tracks: Mapping[int, Track]
    moving: Mapping[int, Kinematics]
    ego: EgoCues | None
    stands: bool
    is_cut: bool
    motion_ms: float

    def inputs(self, rois: Rois, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """(K, M) what the encoder is told of the pairs of this frame."""
        own_car = None if self.ego is None else (self.ego.jerk, self.ego.rotation)
        return motion_inputs(rois, pairs, self.tracks, self.moving, own_car)

    def cues(self, rois: Rois, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """(K, C) cues of the pairs of this frame; ``rois`` with pseudo ROIs."""
        return cue_matrix(rois, pairs, self.tracks, self.moving, self.ego)


class MotionMemory:
    """Everything that a clip or stream remembers of motion."""

    def __init__(self) -> None:
        self._camera = CameraMotion()
        self._edges = PictureEdges()
        self._tracker = Tracker()
        self._time_s: float | None = None  # of the last picture that was no repeat
        self._repeats = 0  # of that picture since
        self._turn: NDArray[np.float64] | None = None
        self._jolts: deque[tuple[float, float]] = deque()
        self._moved_s: float | None = None  # when the camera last moved
        self._watched_s: float | None = None  # since when its motion could be seen

    def update(self, frame: Frame, time_s: float, detected: Rois) -> FrameMotion:
        """Take the next frame.

        Args:
            frame: (H, W, 3) uint8 RGB.
            time_s: Its time, after that of the frame before.
            detected: Its ROIs without pseudo ROIs.
        """
        started = perf_counter()
        step_s = 0.0 if self._time_s is None else time_s - self._time_s
        grey, aspect = grey_of(frame), frame.shape[0] / frame.shape[1]
        rois, picture = self._traffic(detected, grey, aspect)
        camera = self._camera.update(grey, time_s, rois.xyxy)
        if self._watched_s is None and camera.is_known and step_s > 0:
            self._watched_s = time_s
        if camera.is_repeat:
            self._repeats += 1
            ego, stands = self._no_ego(time_s), self._stands(time_s)
            known = without_riders(rois)  # no track says who has been somebody of their own
            return FrameMotion(known, {}, {}, ego, stands, False, ms_since(started))
        if camera.is_cut:
            self._edges.reset()
            self._moved_s, self._watched_s = None, None
            rois, picture = self._traffic(detected, grey, aspect)
        if camera.is_cut or self._repeats > MOST_REPEATS:
            self._tracker.reset()
            self._turn = None
        self._time_s, self._repeats = time_s, 0
        rois, tracks = self._tracker.update(time_s, rois, camera, aspect)
        moving = {
            track_id: motion
            for track_id, track in tracks.items()
            if (motion := kinematics(track, step_s, picture)) is not None
        }
        ego = self._ego(camera, time_s, step_s)
        stands = self._stands(time_s)
        return FrameMotion(rois, tracks, moving, ego, stands, camera.is_cut, ms_since(started))

    def state(self) -> dict[str, Any]:
        """What it remembers, ready for JSON."""
        return {
            "camera": self._camera.state(),
            "edges": self._edges.state(),
            "tracker": self._tracker.state(),
            "time_s": self._time_s,
            "repeats": self._repeats,
            "turn": None if self._turn is None else self._turn.tolist(),
            "jolts": [list(entry) for entry in self._jolts],
            "moved_s": self._moved_s,
            "watched_s": self._watched_s,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._camera.restore(state["camera"])
        self._edges.restore(state["edges"])
        self._tracker.restore(state["tracker"])
        self._time_s, self._moved_s = state["time_s"], state["moved_s"]
        self._watched_s, self._repeats = state["watched_s"], state["repeats"]
        self._turn = None if state["turn"] is None else np.array(state["turn"], np.float64)
        self._jolts = deque((float(time_s), float(jolt)) for time_s, jolt in state["jolts"])

    def _traffic(
        self, detected: Rois, grey: NDArray[np.uint8], aspect: float
    ) -> tuple[Rois, NDArray[np.float64]]:
        """What is not the own bonnet, and the corners (4,) of the picture in widths."""
        picture = self._edges.update(grey) * np.array([1.0, aspect, 1.0, aspect])
        return detected.chosen(~is_own_car(detected, picture, aspect)), picture

    def _ego(self, camera: CameraStep, time_s: float, step_s: float) -> EgoCues | None:
        """Jolt and roll of the own car, measured against what its road has done before."""
        if not camera.is_known or step_s <= 0:
            self._turn = None
            return self._no_ego(time_s)
        if max(map(abs, (*camera.shift, camera.expansion))) > MOVES:
            self._moved_s = time_s
        turn = np.array([*camera.shift, camera.roll / 2]) / step_s
        change = np.zeros(3) if self._turn is None else turn - self._turn
        jolt = float(np.linalg.norm(change * np.array([1.0, PITCH_SHARE, 1.0])))
        road = self._road(time_s)
        self._turn = turn
        self._jolts.append((time_s, jolt))
        if self._is_fixed(time_s):
            return None
        return EgoCues(
            jerk=squash(jolt, max(JOLT, JOLT_OVER_ROAD * road)),
            rotation=squash(abs(camera.roll) / step_s, ROTATION),
        )

    def _no_ego(self, time_s: float) -> EgoCues | None:
        """What is said of the own car where the camera's motion is not known."""
        return None if self._is_fixed(time_s) else EgoCues(0.0, 0.0)

    def _road(self, time_s: float) -> float:
        """Median jolt of the road before the last half second; 0 while little is known."""
        while self._jolts and self._jolts[0][0] < time_s - ROAD_S:
            self._jolts.popleft()
        earlier = [jolt for at_s, jolt in self._jolts if at_s < time_s - 0.35]
        return float(np.median(earlier)) if len(earlier) >= LEAST_ROAD else 0.0

    def _stands(self, time_s: float) -> bool:
        watched = self._watched_s is not None and time_s - self._watched_s >= FIXED_S
        return watched and self._is_fixed(time_s)

    def _is_fixed(self, time_s: float) -> bool:
        return self._moved_s is None or time_s - self._moved_s >= FIXED_S
