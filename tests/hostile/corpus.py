"""What a file of the corpus is, and two ways to spoil a good one."""

import random
from collections.abc import Iterator
from typing import NamedTuple


class Hostile(NamedTuple):
    """A file that somebody might send.

    Attributes:
        name: What is wrong with it; unique in the corpus.
        filename: What the client calls it.
        data: Its bytes.
    """

    name: str
    filename: str
    data: bytes


def truncated(good: Hostile, stages: int) -> Iterator[Hostile]:
    """Cut off after a few bytes, then at equal steps, then just before the end."""
    size = len(good.data)
    cuts = {1, 4, 12, 32, *(size * stage // stages for stage in range(1, stages)), size - 1}
    for cut in sorted(cuts):
        yield good._replace(name=f"{good.name} cut at {cut}", data=good.data[:cut])


def bit_flipped(good: Hostile, count: int) -> Iterator[Hostile]:
    """A few bits turned, near the head in every second one."""
    for seed in range(count):
        rng = random.Random(seed)  # noqa: S311 - the same files every day
        data = bytearray(good.data)
        reach = min(len(data), 200) if seed % 2 else len(data)
        for _ in range(1 + seed % 8):
            data[rng.randrange(reach)] ^= 1 << rng.randrange(8)
        yield good._replace(name=f"{good.name} bits turned {seed}", data=bytes(data))


def noise() -> Iterator[Hostile]:
    """Nothing, little, and much of no meaning."""
    rng = random.Random(1)  # noqa: S311
    yield Hostile("empty", "empty.bin", b"")
    yield Hostile("one byte", "one.bin", b"\xff")
    for byte in (0x00, 0x47, 0xFF):  # 47: the mark of an MPEG-TS packet
        yield Hostile(f"64 KiB of {byte:02x}", "same.bin", bytes([byte]) * 65536)
    for size in (16, 188, 4096, 1_000_000):
        yield Hostile(f"{size} random bytes", "noise.bin", rng.randbytes(size))
