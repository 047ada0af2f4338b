"""Labelled pictures: manifest, figures by hand, and a run over the tiny bundle."""

from pathlib import Path

import numpy as np
import pytest

from model.evaluate.frames import (
    FramesError,
    LabelledFrame,
    frame_figures,
    read_manifest,
    score_frames,
    write_frames,
)
from service.pipeline.engine import load_engine
from tests.builders.footage import encoded, street
from tests.builders.tiny_bundle import write_tiny_bundle


def write(folder: Path) -> None:
    rows = ["file,label,scene"]
    for number in range(6):
        name = f"{number}.jpg"
        (folder / name).write_bytes(encoded(street(number)))
        rows.append(f"{name},{'accident' if number % 2 else 'normal'},cam{number // 3}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_a_folder_is_scored_with_its_controls(tmp_path: Path) -> None:
    """Every picture gets every score; JSON and plot are written; always-on is 0.5."""
    write(tmp_path)
    engine = load_engine(write_tiny_bundle(tmp_path / "bundle"), threads=1)
    frames = read_manifest(tmp_path)

    rows = frame_figures(frames, score_frames(engine, frames))
    write_frames(tmp_path / "out", rows)

    named = {row.name: row for row in rows}
    assert named["always on (control)"].auc == 0.5
    assert "shuffled texts (control)" in named
    assert "clock (control)" not in named
    assert named["score"].frames == 6
    assert named["score"].cameras == 2
    assert (tmp_path / "out" / "frames.json").is_file()
    assert (tmp_path / "out" / "frames.png").stat().st_size > 2000
    assert len(read_manifest(tmp_path, ["cam1"])) == 3


def test_figures_by_hand() -> None:
    """Camera a is in order, b is not; within cameras 0.5, over all 3 of 4 pairs."""
    frames = [
        LabelledFrame(Path("x"), anomalous, camera)
        for camera, anomalous in (("a", False), ("a", True), ("b", False), ("b", True))
    ]

    scores = {"s": np.array([0.0, 3.0, 2.0, 1.0]), "always on": np.ones(4)}

    row, control = frame_figures(frames, scores)

    assert row.auc == pytest.approx(0.75)
    assert row.within == pytest.approx(0.5)
    assert row.lead is None
    # Two cameras: drawn twice, a leads by 0.5 and b by -0.5; both together by 0.25.
    assert control.lead == pytest.approx((0.25, -0.5, 0.5))


def test_of_a_score_in_several_versions_the_median_stands() -> None:
    """One version in order, one upside down, one flat: 1, 0, 0.5; the interval holds all."""
    frames = [LabelledFrame(Path("x"), anomalous, "a") for anomalous in (False, True)]
    versions = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])

    _, row = frame_figures(frames, {"s": versions[0], "versions": versions})

    assert (row.auc, row.within, row.low, row.high) == (0.5, 0.5, 0.0, 1.0)
    assert row.lead == (0.5, 0.0, 1.0)


def test_a_manifest_with_times_brings_the_clock(tmp_path: Path) -> None:
    """Each camera's accident comes last, so the clock is right and must stand beside the score."""
    write(tmp_path)
    manifest = tmp_path / "manifest.csv"
    head, *rows = manifest.read_text(encoding="utf-8").splitlines()
    rows = [row for row in rows if row[0] in "0145"]  # 0 and 4 are normal, 1 and 5 are not
    timed = [f"{head},time_s", *(f"{row},{i % 2}" for i, row in enumerate(rows))]
    manifest.write_text("\n".join(timed) + "\n", encoding="utf-8")
    engine = load_engine(write_tiny_bundle(tmp_path / "bundle"), threads=1)
    frames = read_manifest(tmp_path)

    named = {row.name: row for row in frame_figures(frames, score_frames(engine, frames))}

    assert named["clock (control)"].auc == 1
    manifest.write_text("\n".join([timed[0], f"{rows[0]},noon"]) + "\n", encoding="utf-8")
    with pytest.raises(FramesError, match=r"manifest\.csv:2: time_s is no number: 'noon'"):
        read_manifest(tmp_path)


def test_what_is_no_labelled_folder(tmp_path: Path) -> None:
    """No manifest, no column, no such camera, a broken picture: each is named."""
    with pytest.raises(FramesError, match="is missing"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.csv").write_text("file\na.jpg\n", encoding="utf-8")
    with pytest.raises(FramesError, match="lacks the columns label"):
        read_manifest(tmp_path)
    write(tmp_path)
    with pytest.raises(FramesError, match="cam9"):
        read_manifest(tmp_path, ["cam9"])
    (tmp_path / "0.jpg").write_bytes(b"broken")
    engine = load_engine(write_tiny_bundle(tmp_path / "bundle"), threads=1)
    with pytest.raises(FramesError, match=r"0\.jpg"):
        score_frames(engine, read_manifest(tmp_path))
