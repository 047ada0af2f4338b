"""`generate figures`: cut-outs of all kinds and a sheet, the same for the same seed."""

from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from model.cli import app
from model.errors import ModelError
from model.figures.figure import PLANS


def test_one_of_each_kind_with_transparency_and_a_sheet(tmp_path: Path) -> None:
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        arguments = ["generate", "figures", "--out", str(folder), "--count", "6", "--seed", "4"]
        assert CliRunner().invoke(app, arguments).exit_code == 0

    names = sorted(path.name for path in folders[0].iterdir())
    assert names[:6] == [f"figure_{4 + i:06d}_{kind}.png" for i, kind in enumerate(PLANS)]
    assert names[6:] == ["sheet.png"]
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    cut_out = cv2.imread(str(folders[0] / names[0]), cv2.IMREAD_UNCHANGED)
    assert cut_out is not None
    assert cut_out.shape[2] == 4
    assert {0, 255} <= set(cut_out[..., 3].ravel().tolist())
    sheet = cv2.imread(str(folders[0] / "sheet.png"))
    assert sheet is not None
    assert sheet.shape == (320, 6 * 320, 3)


def test_another_kind_is_told_what_there_is(tmp_path: Path) -> None:
    arguments = ["generate", "birds", "--out", str(tmp_path)]

    with pytest.raises(ModelError, match="birds: expected layouts, traffic or figures"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
