"""Figures on disk: cut-outs with a mask, and a contact sheet to look at."""

from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from model.figures.figure import PLANS, SIDE, draw_figure, lay_into

SHEET_COLUMNS = 6
ASPHALT = 128  # grey level behind the figures of the sheet


def generate_figures(out: Path, count: int, seed: int) -> None:
    """Write figures of all kinds in turn; the same arguments write the same bytes.

    Args:
        out: Gets ``figure_NUMBER_KIND.png`` with transparency, and ``sheet.png``.
        count: Figures.
        seed: First seed.
    """
    out.mkdir(parents=True, exist_ok=True)
    kinds = list(PLANS)
    rows = -(-count // SHEET_COLUMNS)
    sheet = np.full((rows * SIDE, SHEET_COLUMNS * SIDE, 3), ASPHALT, np.uint8)
    for place in track(range(count), "figures"):
        number, kind = seed + place, kinds[place % len(kinds)]
        rng = np.random.default_rng(number)
        figure = draw_figure(kind, rng)
        pixels = np.dstack([figure.pixels, 255 * figure.mask]).astype(np.uint8)
        cv2.imwrite(str(out / f"figure_{number:06d}_{kind}.png"), pixels)
        row, column = divmod(place, SHEET_COLUMNS)
        tile = sheet[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        lay_into(tile, figure, (SIDE / 2, 0.92 * SIDE), 0.8 * SIDE, rng)
    cv2.imwrite(str(out / "sheet.png"), sheet)
