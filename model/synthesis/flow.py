"""How traffic flows: past a mast at the speed of its street, with a dashcam at about its own.

A dashcam's own speed rises and falls as it brakes and pulls off. Everything follows from (seed,
time) alone.
"""

from dataclasses import dataclass

import numpy as np

from model.synthesis.plots import Drift
from model.synthesis.solids import Actor

FIXED_SHARE = 0.3  # of the cameras hang on a mast
WAITING_SHARE, SPEED = 0.25, (2.0, 14.0)  # of the own cars, m/s of the others
STREET_SPEED = (2.0, 10.0)  # m/s past a mast
COMFORTABLE_BRAKING = 3.0  # m/s2 at most, of who brakes or pulls off in normal traffic
SURGING_SHARE, SURGING_S = 0.5, (4.0, 10.0)  # own cars, period
BRAKING_S = (0.6, 2.0)  # how long a witness rolls on towards an accident,
HARDEST_BRAKING = 8.0  # m/s2: no tyre holds more
KEPT = 0.5  # of its speed, by an own car that hits its like
ROADSIDE = 6.0  # metres; further out nobody drives along the street


@dataclass(frozen=True, slots=True)
class Displacement:
    """How far camera and traffic have come since the contact, in metres; negative before.

    Attributes:
        travel_m: The camera along its street.
        surge_m: Of that, what it gains on the traffic around it, which drives on evenly.
        flow_m: The traffic itself, where the camera hangs on a mast.
        clock_s: Seconds that traffic needed for it at its even speed, ``speed`` in m/s. Around a
            witness it slows down too.
    """

    travel_m: float = 0.0
    surge_m: float = 0.0
    flow_m: float = 0.0
    clock_s: float = 0.0
    speed: float = 0.0

    def shift(self, actor: Actor, flows: bool = True) -> float:
        """Metres ahead that an actor comes by it, relative to the camera."""
        if not flows:
            return -self.travel_m
        if not stands(actor):
            return self.flow_m - self.surge_m
        return -self.travel_m - (self.flow_m if _oncoming(actor) else 0.0)

    def velocity_of(self, actor: Actor, drift: Drift, flows: bool = True) -> Drift:
        """Metres a second to the right and ahead at which an actor drives over ground."""
        driven = 0.0 if stands(actor) or not flows else self.speed
        return drift[0], drift[1] + driven

    def speed_of(self, actor: Actor, drift: Drift, flows: bool = True) -> float:
        """The same without its direction."""
        return float(np.hypot(*self.velocity_of(actor, drift, flows)))


STILL = Displacement()


def displacement(seed: int, ego: bool, since_event_s: float, crashed: bool) -> Displacement:
    """The way of camera and traffic since the contact.

    Args:
        seed: Decides the speeds; some wait.
        ego: Whether the own car takes part in the plot.
        since_event_s: Seconds since the contact; negative before.
        crashed: Whether there has been an accident: from then on the own car brakes.
    """
    rng = np.random.default_rng((seed, 12))
    waits = rng.random() < WAITING_SHARE and not ego  # who stands runs into nobody
    if is_fixed(seed, ego):
        speed = 0.0 if waits else float(rng.uniform(*STREET_SPEED))
        return Displacement(flow_m=speed * since_event_s, clock_s=since_event_s, speed=speed)
    speed = 0.0 if waits else float(rng.uniform(*SPEED))
    rolling_s = rng.uniform(*BRAKING_S)
    if since_event_s > 0 and crashed:
        # It rolls out from the speed it has: a jump at the contact would give the accident away.
        _, gained = _surge(seed, speed, 0.0)
        rolling_s = max(rolling_s, (speed + gained) / HARDEST_BRAKING)
        rolled_s = float(rolling_s * (1 - np.exp(-since_event_s / rolling_s)))
        if ego:  # struck, the own car pushes what it has met before it, and the others roll on
            pace = KEPT * (speed + gained)
            pushed_s = min(since_event_s, pace / HARDEST_BRAKING)
            pushed_m = pace * pushed_s - HARDEST_BRAKING * pushed_s**2 / 2
            return Displacement(
                pushed_m, pushed_m - speed * rolled_s, clock_s=rolled_s, speed=speed
            )
        return Displacement(
            (speed + gained) * rolled_s, gained * rolled_s, clock_s=rolled_s, speed=speed
        )
    surge_m, _ = _surge(seed, speed, since_event_s)
    return Displacement(
        speed * since_event_s + surge_m, surge_m, clock_s=since_event_s, speed=speed
    )


def _surge(seed: int, speed: float, since_event_s: float) -> tuple[float, float]:
    """Metres and metres a second that an own car gains on its even speed."""
    rng = np.random.default_rng((seed, 13))
    if rng.random() >= SURGING_SHARE:
        return 0.0, 0.0
    pace, phase = 2 * np.pi / rng.uniform(*SURGING_S), rng.uniform(0, 2 * np.pi)
    # No harder than one brakes in traffic, and never backwards.
    size = min(rng.uniform(0.2, 1.0) * COMFORTABLE_BRAKING / pace**2, speed / pace)
    turn = pace * since_event_s + phase
    return float(size * (np.sin(turn) - np.sin(phase))), float(size * pace * np.cos(turn))


def stands(actor: Actor) -> bool:
    """Whether an actor does not drive along with us: parked, walking, crossing or oncoming."""
    return abs(actor.x) >= ROADSIDE or is_across(actor) or _oncoming(actor)


def is_across(actor: Actor) -> bool:
    """Whether an actor is turned across the street rather than along it."""
    return bool(abs(np.sin(actor.yaw)) > 0.7)


def _oncoming(actor: Actor) -> bool:
    return bool(abs(actor.x) < ROADSIDE and np.cos(actor.yaw) < -0.5)


def is_fixed(seed: int, ego: bool) -> bool:
    """Whether the camera hangs on a mast; never when the own car takes part."""
    return not ego and float(np.random.default_rng((seed, 7)).random()) < FIXED_SHARE
