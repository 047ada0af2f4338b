"""What could not be read of a clip, counted so that a report can say what was lost."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_ENTRIES = 100  # beyond it only the counts go on, so a hostile file cannot fill the memory


@dataclass(frozen=True, slots=True)
class DecodeError:
    """One kind of damage within one second of the clip.

    Attributes:
        time_s: Time of the last good frame before it; None before the first.
        detail: What was wrong and what was done about it.
        count: How often within that second.
    """

    time_s: float | None
    detail: str
    count: int


class DamageLog:
    """Collects damage, one entry for each kind and second.

    Args:
        known: Entries to go on from.
    """

    def __init__(self, known: Iterable[DecodeError] = ()) -> None:
        self._entries: dict[tuple[str, int | None], DecodeError] = {}
        for entry in known:
            self.add(entry.time_s, entry.detail, entry.count)

    def add(self, time_s: float | None, detail: str, count: int = 1) -> None:
        key = (detail, None if time_s is None else int(time_s))
        if key not in self._entries and len(self._entries) >= MAX_ENTRIES:
            key, time_s, detail = ("", None), None, "further damage, no longer listed one by one"
        seen = self._entries.get(key)
        total = count + (seen.count if seen else 0)
        self._entries[key] = DecodeError(seen.time_s if seen else time_s, detail, total)

    def entries(self) -> tuple[DecodeError, ...]:
        return tuple(self._entries.values())
