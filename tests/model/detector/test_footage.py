"""The split: a held-out camera must never train."""

from pathlib import Path

import pytest

from model.detector.footage import data_root, split_by_camera
from model.detector.recipe import Footage

MANIFEST = "file,view,scene\na/1.jpg,cctv,a\nb/1.jpg,cctv,b\nc/1.jpg,cctv,c\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "cameras.csv").write_text(MANIFEST)
    (tmp_path / "more" / "highway").mkdir(parents=True)
    (tmp_path / "more" / "highway" / "1.jpg").touch()
    return tmp_path


def _footage(**changes: object) -> Footage:
    fields = {"camera_manifest": "cameras.csv", "extra_folders": ["more"], "held_out": ["b"]}
    return Footage.model_validate({**fields, **changes})


def test_cameras_are_either_trained_or_held_out_or_ignored(root: Path) -> None:
    split = split_by_camera(root, _footage(ignored=["c"]))

    assert [frame.camera for frame in split.train] == ["a", "highway"]
    assert [frame.camera for frame in split.held_out] == ["b"]


def test_a_misspelt_camera_is_refused(root: Path) -> None:
    """Otherwise the camera meant would silently train."""
    with pytest.raises(ValueError, match="no camera is called B"):
        split_by_camera(root, _footage(held_out=["B"]))


def test_missing_data_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SACLIP_TEST_DATA", raising=False)

    with pytest.raises(FileNotFoundError, match="SACLIP_TEST_DATA"):
        data_root()
