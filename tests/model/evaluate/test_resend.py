"""Clips written again: the same frames under the same labels."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.errors import ModelError
from model.evaluate.labels import read_labels
from model.evaluate.resend import resend
from tests.builders.numbered_clips import read, write_clip

COUNT = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clip whose frame n has a left half of grey 4 n and a white right half."""
    made = tmp_path / "clips"
    made.mkdir()
    write_clip(made / "a.mp4", [_frame(n) for n in range(COUNT)])
    row = {
        "id": "a", "file": "a.mp4", "label": "accident", "category": "", "n_frames": COUNT,
        "fps": 30.0, "anomaly_start": 4, "anomaly_end": 8, "md5": "0", "licence": "none",
    }  # fmt: skip
    (made / "clips.jsonl").write_text(json.dumps(row) + "\n\n")
    return made


@pytest.mark.parametrize("mirrored", [False, True])
def test_frames_and_labels_stay(folder: Path, tmp_path: Path, mirrored: bool) -> None:
    """Every frame is where it was, to some grey levels; the sum of the old file is gone."""
    out = tmp_path / "again"

    resend(folder, out, mirrored)

    frames, errors = read(out / "a.mp4", sample_fps=30)
    assert (len(frames), errors) == (COUNT, ())
    for sampled in frames:
        expected = _frame(sampled.index)[:, :: -1 if mirrored else 1]
        assert np.abs(sampled.frame.astype(int) - expected).mean() < 4
    assert [frame.time_s for frame in frames] == pytest.approx([n / 30 for n in range(COUNT)])
    assert read_labels(out) == read_labels(folder)
    (line,) = (out / "clips.jsonl").read_text().splitlines()
    assert "md5" not in json.loads(line)
    assert json.loads(line)["licence"] == "none"


def test_a_clip_of_other_length_than_its_labels_is_refused(folder: Path, tmp_path: Path) -> None:
    """Its labels would name other moments."""
    labels = folder / "clips.jsonl"
    labels.write_text(labels.read_text().replace(f'"n_frames": {COUNT}', '"n_frames": 9'))

    with pytest.raises(ModelError, match=r"a\.mp4 has 12 frames, its labels say 9"):
        resend(folder, tmp_path / "again")


def test_clips_are_not_written_over_themselves(folder: Path) -> None:
    """The originals are all there is."""
    before = (folder / "a.mp4").read_bytes()

    with pytest.raises(ModelError, match="is the folder itself"):
        resend(folder, folder / ".." / "clips")

    assert (folder / "a.mp4").read_bytes() == before


def _frame(number: int) -> NDArray[np.uint8]:
    frame = np.full((96, 160, 3), 255, np.uint8)
    frame[:, :80] = 4 * number
    return frame
