"""How a tracked participant moves: now, a second ago, and how far that is from going on as before.

A line is fitted to the older part of a track and to the newer one. Speeds and ways are in the
participant's own sizes (root of the box's area), which is about metres over metres: a car's size is
some two metres, whether it is near or far. What the detector's jitter alone would give is carried
along, because a box of twelve pixels trembles by a tenth of itself.

Dimension letters used in this file: n moments of one track.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.vision.tracks import Track

NEW_S, OLD_S = 0.36, 0.8  # four and eight samples at ten a second
NEW_STEPS, OLD_STEPS = 2.6, 5.0  # where frames are sampled more sparsely, this many steps
RECENT_S = 0.2  # by which the new part of what two have in common is longer
LEAST_MOMENTS = 3
NOISE_SIGMAS = 3.0  # how many standard deviations of noise a cue's scale covers
JITTER = 0.03  # of a box, in its own sizes,
JITTER_WIDTHS = 0.003  # but no less than a pixel of a detector's input
BORDER = 0.012  # a box this near to the border is cut off: its centre is not the participant's


@dataclass(frozen=True, slots=True, eq=False)
class Kinematics:
    """One participant at one moment; speeds in own sizes a second, noise as standard deviations.

    Attributes:
        size: Root of the box's area, in widths of the picture.
        old_velocity: (2,) right and down.
        velocity: (2,) the same now.
        velocity_noise: Of the difference of the two, with what the approach alone would give.
        surprise: Distance from where the old velocity would have led, in own sizes.
        surprise_noise: Of that, with what the approach alone would give.
        aspect_change: Absolute change of log(width / height).
        aspect_noise: Of that.
        growth: Relative growth of the height in 1/s: the inverse of the time to contact with us.
        growth_noise: Of that.
        new_s: Age up to which moments are new, in seconds.
        old_s: For how long before that they are the older part.
    """

    size: float
    old_velocity: NDArray[np.float64]
    velocity: NDArray[np.float64]
    velocity_noise: float
    surprise: float
    surprise_noise: float
    aspect_change: float
    aspect_noise: float
    growth: float
    growth_noise: float
    new_s: float
    old_s: float


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A straight line through centre x, centre y and log height over some moments."""

    mean: NDArray[np.float64]
    slope: NDArray[np.float64]
    time_s: float
    count: int
    leverage: float  # 1 / sum of squared times: variance of a slope per variance of a point


def kinematics(track: Track, step_s: float, picture: NDArray[np.float64]) -> Kinematics | None:
    """Measure a track at its newest moment.

    Args:
        track: With its history in the view of the newest frame.
        step_s: Time between sampled frames; windows widen where it is long.
        picture: (4,) corners of the picture in widths of the frame, black bars left out.

    Returns:
        None while the track is too young, or while the border cuts it off.
    """
    age = track.times_s[-1] - track.times_s
    new_s, old_s = max(NEW_S, NEW_STEPS * step_s), max(OLD_S, OLD_STEPS * step_s)
    whole = ~_cut_off(track.seen, picture)
    new = age < new_s
    old = whole & ~new & (age < new_s + old_s)
    if min(new.sum(), old.sum()) < LEAST_MOMENTS or not whole[new].all():
        return None
    width, height = (track.steady[:, 2:] - track.steady[:, :2]).clip(min=1e-4).T
    size = float(np.sqrt(width * height)[new].mean())
    centre = (track.steady[:, :2] + track.steady[:, 2:]) / 2
    points = np.column_stack([centre, np.log(height)])  # (n, 3)
    before, now = _line(track.times_s, points, old), _line(track.times_s, points, new)
    jitter = max(JITTER, JITTER_WIDTHS / size)
    ahead_s = now.time_s - before.time_s
    missed = (now.mean - before.mean - before.slope * ahead_s)[:2] / size
    mean_noise = 1 / now.count + 1 / before.count
    log_aspect = np.log(width / height)
    # What comes straight at us at the height h moves as 1 / distance: x'' = 2 x (h'/h)^2. That is
    # no change of its way, so it widens the scale as noise does.
    off_centre = float(abs(centre[-1, 0] - 0.5)) / size
    bend = 2 * max(float(now.slope[2]), 0.0) ** 2 * off_centre / NOISE_SIGMAS
    return Kinematics(
        size=size,
        old_velocity=before.slope[:2] / size,
        velocity=now.slope[:2] / size,
        velocity_noise=math.hypot(
            jitter * math.sqrt(now.leverage + before.leverage), bend * ahead_s
        ),
        surprise=float(np.hypot(*missed)),
        surprise_noise=math.hypot(
            jitter * math.sqrt(mean_noise + ahead_s**2 * before.leverage), bend * ahead_s**2 / 2
        ),
        aspect_change=abs(float(log_aspect[new].mean() - log_aspect[old].mean())),
        aspect_noise=jitter * math.sqrt(2 * mean_noise),
        growth=float(now.slope[2]),
        growth_noise=jitter * math.sqrt(now.leverage),
        new_s=new_s,
        old_s=old_s,
    )


def _cut_off(seen: NDArray[np.float64], picture: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,): the box touches the border of the picture."""
    left_top = (seen[:, :2] < picture[:2] + BORDER).any(axis=1)
    right_bottom = (seen[:, 2:] > picture[2:] - BORDER).any(axis=1)
    return np.asarray(left_top | right_bottom, bool)


def _line(
    times_s: NDArray[np.float64], points: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> _Line:
    times, values = times_s[chosen], points[chosen]
    time_s, mean = float(times.mean()), values.mean(axis=0)
    centred = times - time_s
    leverage = 1 / float(centred @ centred)
    return _Line(mean, (centred @ (values - mean)) * leverage, time_s, len(times), leverage)
