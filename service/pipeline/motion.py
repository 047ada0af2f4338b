"""What one clip or stream remembers of motion: camera, tracks, the road's jolts; frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.pipeline.held import HeldPicture
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
# A picture may stay for so many usual times between two; after more nobody knows how long it was
# on the road. The usual one is the median of the latest; of the first picture nothing is known.
HELD_STEPS, USUAL_STEPS, FIRST_STEP_S = 2.5, 9, 0.25
MOVES = 0.002  # widths of shift, or of expansion, in a step


@dataclass(frozen=True, slots=True, eq=False)
class FrameMotion:
    """What is known about the motion in one frame.

    Attributes:
        rois: The frame's participants with track ids; the bonnet of the own car is left out.
        tracks: By track id, those seen in this frame; none while a picture stays too long.
        moving: Kinematics of the tracks that are old enough.
        ego: Cues of the own car; None for a fixed camera.
        stands: For `FIXED_S` the camera's motion could be seen, and there was none.
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
        self._seen_s: float | None = None  # of the last picture
        self._steps: deque[float] = deque(maxlen=USUAL_STEPS)  # between pictures that were none
        self._held: HeldPicture | None = None
        self._has_repeats = False  # of that picture
        self._turn: NDArray[np.float64] | None = None
        self._jolts: deque[tuple[float, float]] = deque()
        self._has_moved = False
        self._stood_s = 0.0  # how long the camera was seen to stand since

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
        self._watch(camera, time_s)
        usual_s = float(np.median(self._steps)) if self._steps else FIRST_STEP_S
        has_stayed = step_s > HELD_STEPS * usual_s
        if camera.is_repeat:
            self._has_repeats = True
            if has_stayed or self._held is None:
                known = without_riders(rois)  # no track says who has been somebody of their own
                still = self._no_ego()
                return FrameMotion(known, {}, {}, still, self._stands, False, ms_since(started))
            return self._motion(self._held, False, started)
        if camera.is_cut:
            self._edges.reset()
            self._jolts.clear()
            rois, picture = self._traffic(detected, grey, aspect)
        if camera.is_cut or (has_stayed and self._has_repeats):
            self._tracker.reset()
            self._turn = None
        if step_s > 0:
            self._steps.append(step_s)
        self._time_s, self._has_repeats = time_s, False
        rois = self._tracker.update(time_s, rois, camera, aspect)
        ego = self._ego(camera, time_s, step_s)
        self._held = HeldPicture(rois, ego, step_s, picture)
        return self._motion(self._held, camera.is_cut, started)

    def state(self) -> dict[str, Any]:
        """What it remembers, ready for JSON."""
        return {
            "camera": self._camera.state(),
            "edges": self._edges.state(),
            "tracker": self._tracker.state(),
            "time_s": self._time_s,
            "seen_s": self._seen_s,
            "steps": list(self._steps),
            "held": None if self._held is None else self._held.state(),
            "has_repeats": self._has_repeats,
            "turn": None if self._turn is None else self._turn.tolist(),
            "jolts": [list(entry) for entry in self._jolts],
            "has_moved": self._has_moved,
            "stood_s": self._stood_s,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._camera.restore(state["camera"])
        self._edges.restore(state["edges"])
        self._tracker.restore(state["tracker"])
        self._time_s, self._seen_s = state["time_s"], state["seen_s"]
        self._steps.clear()
        self._steps.extend(map(float, state["steps"]))
        held = state["held"]
        self._held = None if held is None else HeldPicture.from_state(held)
        self._has_repeats, self._has_moved = bool(state["has_repeats"]), bool(state["has_moved"])
        self._stood_s = float(state["stood_s"])
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
            return self._no_ego()
        turn = np.array([*camera.shift, camera.roll / 2]) / step_s
        change = np.zeros(3) if self._turn is None else turn - self._turn
        jolt = float(np.linalg.norm(change * np.array([1.0, PITCH_SHARE, 1.0])))
        road = self._road(time_s)
        self._turn = turn
        self._jolts.append((time_s, jolt))
        if self._is_fixed:
            return None
        return EgoCues(
            jerk=squash(jolt, max(JOLT, JOLT_OVER_ROAD * road)),
            rotation=squash(abs(camera.roll) / step_s, ROTATION),
        )

    def _no_ego(self) -> EgoCues | None:
        """What is said of the own car where the camera's motion is not known."""
        return None if self._is_fixed else EgoCues(0.0, 0.0)

    def _road(self, time_s: float) -> float:
        """Median jolt of the road before the last half second; 0 while little is known."""
        while self._jolts and self._jolts[0][0] < time_s - ROAD_S:
            self._jolts.popleft()
        earlier = [jolt for at_s, jolt in self._jolts if at_s < time_s - 0.35]
        return float(np.median(earlier)) if len(earlier) >= LEAST_ROAD else 0.0

    def _watch(self, camera: CameraStep, time_s: float) -> None:
        """Count for how long the camera was seen to stand; what is not seen does not count."""
        step_s = 0.0 if self._seen_s is None else time_s - self._seen_s
        self._seen_s = time_s
        if camera.is_cut:
            self._has_moved, self._stood_s = False, 0.0
        elif max(map(abs, (*camera.shift, camera.expansion))) > MOVES:
            self._has_moved, self._stood_s = True, 0.0
        elif camera.is_known:
            self._stood_s += step_s

    def _motion(self, picture: HeldPicture, is_cut: bool, started: float) -> FrameMotion:
        tracks = self._tracker.of(picture.rois)
        moving = {
            track_id: motion
            for track_id, track in tracks.items()
            if (motion := kinematics(track, picture.step_s, picture.edges)) is not None
        }
        return FrameMotion(
            picture.rois, tracks, moving, picture.ego, self._stands, is_cut, ms_since(started)
        )

    @property
    def _stands(self) -> bool:
        return self._stood_s >= FIXED_S

    @property
    def _is_fixed(self) -> bool:
        return self._stands or not self._has_moved
