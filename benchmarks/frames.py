"""One frame through the embedded bundle, beside ways it is usually done. Ratios of one run.

Run with ``make bench``. The variants take turns, so that other load on the machine hits all alike.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

from service.bundle.bundle import EMBEDDED_BUNDLE
from service.pipeline.engine import load_engine
from service.scoring.text_bank import build_text_bank

ROUNDS = 30
THREADS = 2
BATCH = 8


def main() -> None:
    """Measure and print."""
    engine = load_engine(EMBEDDED_BUNDLE, THREADS)
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (720, 1280, 3), np.uint8) for _ in range(BATCH)]

    def ours() -> None:
        engine.analyzer.analyze(frames[:1])

    def ours_in_batches() -> None:
        engine.analyzer.analyze(frames)

    def texts_every_time() -> None:
        bank = build_text_bank(engine.hierarchy, engine.bundle.text_encoder)
        engine.analyzer.with_text_bank(bank).analyze(frames[:1])

    def at_full_size() -> None:
        encoder = engine.bundle.image_encoder
        longest_side, encoder.longest_side = encoder.longest_side, None
        try:
            engine.analyzer.analyze(frames[:1])
        finally:
            encoder.longest_side = longest_side

    variants: dict[str, tuple[Callable[[], None], int]] = {
        "texts embedded once (ours)": (ours, 1),
        f"the same, {BATCH} frames a call": (ours_in_batches, BATCH),
        "frames encoded at their full size": (at_full_size, 1),
        "texts embedded for each frame": (texts_every_time, 1),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, (run, count) in variants.items():
            started = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - started) / count)
    base = statistics.median(next(iter(times.values())))
    table = Table("variant", "ms a frame, median", "least", "most", "ratio")
    for name, values in times.items():
        middle = statistics.median(values)
        cells = (middle, min(values), max(values), middle / base)
        table.add_row(name, *(f"{value:.2f}" for value in cells))
    Console().print(table)


if __name__ == "__main__":
    main()
