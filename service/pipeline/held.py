"""What was known of the latest picture: it goes on to hold while only repeats of it come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from service.scoring.cues import EgoCues
from service.vision.rois import Rois


@dataclass(frozen=True, slots=True, eq=False)
class HeldPicture:
    """The latest picture that was no repeat.

    Attributes:
        rois: Its participants with track ids, riders left out.
        ego: Cues of the own car; None for a fixed camera.
        step_s: Time since the picture before.
        edges: (4,) corners of the picture in widths of the frame, black bars left out.
    """

    rois: Rois
    ego: EgoCues | None
    step_s: float
    edges: NDArray[np.float64]

    def state(self) -> dict[str, Any]:
        """Ready for JSON."""
        rois = self.rois
        return {
            "xyxy": rois.xyxy.tolist(),
            "class_group": rois.class_group.tolist(),
            "confidence": rois.confidence.tolist(),
            "class_name": list(rois.class_name),
            "source": list(rois.source),
            "track_id": rois.track_id.tolist(),
            "ego": None if self.ego is None else asdict(self.ego),
            "step_s": self.step_s,
            "edges": self.edges.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Read back what ``state`` gave."""
        rois = Rois(
            xyxy=np.array(state["xyxy"], np.float32).reshape(-1, 4),
            class_group=np.array(state["class_group"], np.int64),
            confidence=np.array(state["confidence"], np.float32),
            class_name=tuple(state["class_name"]),
            source=tuple(state["source"]),
            track_id=np.array(state["track_id"], np.int64),
        )
        ego = None if state["ego"] is None else EgoCues(**state["ego"])
        return cls(rois, ego, float(state["step_s"]), np.array(state["edges"], np.float64))
