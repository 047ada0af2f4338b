"""`bundle verify` and `bundle info`: all faults at once, in words for people."""

import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from service.bundle.manifest import BundleError
from service.bundle.show import info, verify
from service.bundle.verify import verify_bundle
from tests.builders.tiny_bundle import PARTS, detector_spec, write_manifest


def _printed(renderable: RenderableType) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_a_sound_bundle_passes_every_check(tiny_bundle_dir: Path) -> None:
    """Each file is looked at and each graph is run."""
    report = verify_bundle(tiny_bundle_dir, threads=1)

    assert report.is_sound
    assert {check.file for check in report.checks} == {"manifest.json", *PARTS}
    assert len(report.checks) == 1 + len(PARTS) + 4


def test_every_damaged_file_is_reported(bundle_copy: Path) -> None:
    """Where the start stops at the first fault, a person wants to see them all."""
    for name in ("tokenizer.json", "detector.onnx"):
        (bundle_copy / name).write_bytes(b"x")

    report = verify_bundle(bundle_copy, threads=1)

    assert not report.is_sound
    faults = [check.file for check in report.checks if check.problem]
    assert sorted(faults) == ["detector.onnx", "tokenizer.json"]


def test_graphs_that_do_not_fit_are_reported_one_by_one(bundle_copy: Path) -> None:
    """Both encoders miss the dimension, the detector is as it should be."""
    write_manifest(bundle_copy, half_dim=64)

    report = verify_bundle(bundle_copy, threads=1)

    faults = [check.file for check in report.checks if check.problem]
    assert faults == ["image_encoder.onnx", "text_encoder.onnx"]


def test_without_a_manifest_nothing_else_is_tried(tmp_path: Path) -> None:
    """One line, not a list of guesses."""
    report = verify_bundle(tmp_path)

    assert [check.file for check in report.checks] == ["manifest.json"]
    assert not report.is_sound


def test_the_table_names_each_fault(bundle_copy: Path) -> None:
    """What the terminal shows, and the answer for the exit code."""
    (bundle_copy / "tokenizer.json").unlink()

    table, is_sound = verify(bundle_copy, threads=1)

    assert not is_sound
    assert "the file is missing" in _printed(table)


def test_info_shows_what_the_manifest_says(bundle_copy: Path) -> None:
    """Square brackets in a value are text, not markup."""
    write_manifest(
        bundle_copy,
        evaluation={"AUC [frame]": 0.5},
        training_sources=[{"name": "frames", "licence": "CC BY 4.0", "use": "[bold]all"}],
        detector=detector_spec(near_long_side=256),
    )

    text = _printed(info(bundle_copy))

    assert "AUC [frame]: 0.5" in text
    assert "frames (CC BY 4.0) [bold]all" in text
    assert "long side 416 and 256" in text


def test_info_on_a_broken_manifest_is_a_bundle_error(tmp_path: Path) -> None:
    """The command line turns it into one line and exit code 1."""
    with pytest.raises(BundleError):
        info(tmp_path)
