"""From a probability per frame to segments: causal smoothing and hysteresis in real time.

Nothing here knows how long a clip is or where in it a frame stands: on dashcam data sets such
knowledge alone scores well above chance (docs/experiments.md), and a live camera has neither.
The first value starts the smoother, never a zero.

Dimension letters used in this file: n frames.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_GAP_S = 2.0  # frames further apart do not vouch for each other,
GAP_STEPS = 2.5  # unless they are so far apart as a rule
TYPICAL_GAPS = 5
LEAST_FRAMES = 3  # that must agree, however far apart they are
ROUNDING_S = 1e-6  # of times in floating point
HOLD_S, WINDOW_S = 0.15, 0.45  # at ten frames a second three of the latest five


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a clip that was reported as anomalous; times in seconds of the clip.

    `start_index`, `end_index` (inclusive) and `peak_index` count the sampled frames.
    """

    start_s: float
    end_s: float
    peak_s: float
    start_index: int
    end_index: int
    peak_index: int
    probability: float


class CausalSmoother:
    """Exponential moving average with time constants instead of a fixed factor per frame.

    A new value enters with 1 - exp(-dt / tau), so a clip sampled twice as densely is not smoothed
    twice as much, and after a long gap the past is forgotten.

    Args:
        time_constant_s: tau while the value rises.
        release_s: tau while it falls; the same when left out. An accident takes a second, what
            it leaves on the road stays.
    """

    def __init__(self, time_constant_s: float, release_s: float | None = None) -> None:
        release_s = time_constant_s if release_s is None else release_s
        for tau in (time_constant_s, release_s):
            if not (math.isfinite(tau) and tau >= 0):
                raise ValueError(f"time constant must be finite and >= 0, got {tau}")
        self._rise_s, self._release_s = time_constant_s, release_s
        self._time_s: float | None = None
        self._value = 0.0

    def update(self, time_s: float, value: float) -> float:
        """Take the next frame and return the smoothed value.

        Raises:
            ValueError: A number is not finite, or time does not move on.
        """
        if not (math.isfinite(time_s) and math.isfinite(value)):
            raise ValueError(f"time {time_s} and value {value} must be finite")
        if self._time_s is None:
            self._value = value
        else:
            gap_s = time_s - self._time_s
            if gap_s <= 0:
                raise ValueError(f"time must move on: {time_s} s after {self._time_s} s")
            tau = self._rise_s if value > self._value else self._release_s
            self._value += _share(gap_s, tau) * (value - self._value)
        self._time_s = time_s
        return self._value

    def state(self) -> dict[str, float | None]:
        """What it remembers, ready for JSON."""
        return {"time_s": self._time_s, "value": self._value}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._time_s, self._value = state["time_s"], float(state["value"])


def _share(gap_s: float, time_constant_s: float) -> float:
    return 1.0 if time_constant_s == 0 else -math.expm1(-gap_s / time_constant_s)


def smooth(
    times_s: ArrayLike, values: ArrayLike, time_constant_s: float, release_s: float | None = None
) -> NDArray[np.float64]:
    """Smooth a clip causally: (n,) times, (n,) values to (n,); n = 0 gives an empty array.

    Raises:
        ValueError: Lengths differ, a number is not finite, or times do not rise.
    """
    times, raw = _checked(times_s, values)
    smoother = CausalSmoother(time_constant_s, release_s)
    return np.array(
        [smoother.update(float(t), float(v)) for t, v in zip(times, raw, strict=True)], np.float64
    )


class Hysteresis:
    """Switches on when the latest frames were high for long enough, off when one is low.

    It counts seconds, not frames: from five frames a second up an alarm comes at the same time to
    a frame, and below that three frames must agree. A frame stands for the time since the one
    before, though for 2.5 usual steps at most; the first one stands for none.

    Args:
        on: A frame at or above counts for switching on.
        off: A frame below switches off.
        hold_s: So much of the window must count, and at least `LEAST_FRAMES` frames; 0 lets a
            single frame switch it on.
        window_s: Age up to which frames count; the latest `LEAST_FRAMES` do in any case, though
            they may span more.
        max_gap_s: A longer gap between frames forgets the past and switches off, unless frames
            come so sparsely as a rule: then 2.5 times the median of the latest gaps.
    """

    def __init__(
        self,
        on: float,
        off: float,
        hold_s: float = HOLD_S,
        window_s: float = WINDOW_S,
        max_gap_s: float = MAX_GAP_S,
    ) -> None:
        if not 0 <= off <= on <= 1:
            raise ValueError(f"0 <= off <= on <= 1 must hold, got off {off} and on {on}")
        if not 0 <= hold_s <= window_s:
            raise ValueError(f"cannot ask for {hold_s} s of the latest {window_s} s")
        self._on, self._off, self._max_gap_s = on, off, max_gap_s
        self._hold_s, self._window_s = hold_s, window_s
        self._least = LEAST_FRAMES if hold_s > 0 else 1
        self._window: deque[tuple[float, float, bool]] = deque()  # time, stands for, counts
        self._time_s: float | None = None
        self._gaps: deque[float] = deque(maxlen=TYPICAL_GAPS)
        self.is_on = False
        self.since_s: float | None = None

    def update(self, time_s: float, probability: float) -> bool:
        """Take the next frame; return whether the alarm is on after it.

        While on, ``since_s`` is the time of the first frame that counted towards the alarm.
        """
        stands_for_s = 0.0
        if self._time_s is not None:
            gap_s = time_s - self._time_s
            usual_s = GAP_STEPS * float(np.median(self._gaps)) if self._gaps else 0.0
            if gap_s > max(self._max_gap_s, usual_s):
                self._forget()
            else:  # after a stall a frame does not stand for all of it
                stands_for_s = min(gap_s, usual_s or gap_s)
            self._gaps.append(gap_s)
        self._time_s = time_s
        self._window.append((time_s, stands_for_s, probability >= self._on))
        oldest_s = time_s - self._window_s - ROUNDING_S
        while len(self._window) > LEAST_FRAMES and self._window[0][0] < oldest_s:
            self._window.popleft()
        if self.is_on and probability < self._off:
            self._forget()
        elif not self.is_on:
            high = [(time, span_s) for time, span_s, counts in self._window if counts]
            held_s = sum(span_s for _, span_s in high)
            if len(high) >= self._least and held_s >= self._hold_s - ROUNDING_S:
                self.is_on, self.since_s = True, high[0][0]
        return self.is_on

    def state(self) -> dict[str, Any]:
        """What it remembers, ready for JSON."""
        window = [list(entry) for entry in self._window]
        since_s = self.since_s
        return {
            "window": window,
            "time_s": self._time_s,
            "gaps": list(self._gaps),
            "is_on": self.is_on,
            "since_s": since_s,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._window.clear()
        self._window.extend(
            (float(time_s), float(span_s), bool(counts))
            for time_s, span_s, counts in state["window"]
        )
        self._gaps.clear()
        self._gaps.extend(map(float, state["gaps"]))
        self._time_s, self.is_on = state["time_s"], bool(state["is_on"])
        self.since_s = state["since_s"]

    def _forget(self) -> None:
        self._window.clear()
        self.is_on, self.since_s = False, None


def segments(
    times_s: ArrayLike,
    probability: ArrayLike,
    *,
    on: float,
    off: float,
    hold_s: float = HOLD_S,
    window_s: float = WINDOW_S,
    min_segment_s: float = 0.0,
    max_gap_s: float = MAX_GAP_S,
) -> tuple[Segment, ...]:
    """Cut a clip into its anomalous segments.

    A segment begins with the first frame that counted towards the alarm (a report may look back,
    an alarm cannot) and ends with the last frame before the alarm went off. A gap in the sampling
    longer than ``max_gap_s`` ends it too.

    Args:
        times_s: (n,) rising seconds.
        probability: (n,) smoothed, in 0..1.
        on: See ``Hysteresis``.
        off: See ``Hysteresis``.
        hold_s: See ``Hysteresis``.
        window_s: See ``Hysteresis``.
        min_segment_s: Shorter segments are dropped.
        max_gap_s: See ``Hysteresis``.

    Returns:
        Segments in order of time, without overlap; the peak is the first highest frame.

    Raises:
        ValueError: Lengths differ, a number is not finite, or times do not rise.
    """
    times, values = _checked(times_s, probability)
    if len(times) > 1 and (np.diff(times) <= 0).any():
        raise ValueError("times must rise from frame to frame")
    alarm = Hysteresis(on, off, hold_s, window_s, max_gap_s)
    spans: list[tuple[int, int]] = []
    open_since: float | None = None
    for i, (time_s, value) in enumerate(zip(times, values, strict=True)):
        alarm.update(float(time_s), float(value))
        if alarm.since_s is not None and alarm.since_s == open_since:
            spans[-1] = (spans[-1][0], i)
        elif alarm.since_s is not None:
            spans.append((int(np.searchsorted(times, alarm.since_s)), i))
        open_since = alarm.since_s
    found = [_segment(times, values, start, end) for start, end in spans]
    return tuple(item for item in found if item.end_s - item.start_s >= min_segment_s)


def _segment(
    times: NDArray[np.float64], values: NDArray[np.float64], start: int, end: int
) -> Segment:
    peak = start + int(values[start : end + 1].argmax())
    return Segment(
        start_s=float(times[start]),
        end_s=float(times[end]),
        peak_s=float(times[peak]),
        start_index=start,
        end_index=end,
        peak_index=peak,
        probability=float(values[peak]),
    )


def _checked(
    times_s: ArrayLike, values: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    times = np.asarray(times_s, np.float64).reshape(-1)
    checked = np.asarray(values, np.float64).reshape(-1)
    if len(times) != len(checked):
        raise ValueError(f"{len(times)} times for {len(checked)} values")
    if not (np.isfinite(times).all() and np.isfinite(checked).all()):
        raise ValueError("times and values must be finite numbers")
    return times, checked
