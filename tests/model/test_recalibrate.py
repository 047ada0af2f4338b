"""A finished bundle gets a new calibration, and nothing else changes."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from model import assemble
from model.detector.footage import FrameSplit
from model.errors import ModelError
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.pipeline.engine import Engine, load_engine
from service.scoring.calibration import Calibration, neutral_calibration

FITTED = neutral_calibration().model_copy(
    update={
        "clips": neutral_calibration().clips.model_copy(
            update={
                "smoothing_s": 0.9,
                "false_alarm": neutral_calibration().clips.false_alarm.model_copy(
                    update={"rate": 12.5, "normal_seconds": 800.0}
                ),
            }
        )
    }
)


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the embedded bundle; its footage is not at hand and the fit is known."""
    shutil.copytree(EMBEDDED_BUNDLE, tmp_path / "nano")

    def fit(engine: Engine, pictures: Sequence[Path], footage: Any) -> Calibration:
        return FITTED

    monkeypatch.setattr(assemble, "calibrate", fit)
    monkeypatch.setattr(assemble, "data_root", lambda: tmp_path)
    monkeypatch.setattr(assemble, "normal_pictures", lambda files, count: [])
    monkeypatch.setattr(assemble, "split_by_camera", lambda root, plan: FrameSplit((), ()))
    return tmp_path / "nano"


def test_the_calibration_changes_and_the_graphs_stay(bundle: Path) -> None:
    """Card and manifest tell the new false alarms; the bundle loads and its sums are right."""
    graphs = {path.name: path.read_bytes() for path in bundle.glob("*.onnx")}

    assemble.recalibrate_bundle(bundle)

    assert load_engine(bundle).analyzer.calibration.clips.smoothing_s == 0.9
    assert {path.name: path.read_bytes() for path in bundle.glob("*.onnx")} == graphs
    assert "clips: 12.5 an hour on 800 s" in (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["evaluation"]["false_alarms_clips"]["rate"] == 12.5


def test_a_bundle_from_elsewhere_is_refused(bundle: Path) -> None:
    """A CLIP tower brings its own card."""
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "evaluation": {}}), encoding="utf-8")

    with pytest.raises(ModelError, match="not exported from a run of the student"):
        assemble.recalibrate_bundle(bundle)


def test_a_folder_without_labels_is_named(bundle: Path, tmp_path: Path) -> None:
    """Otherwise the threshold would be set on nothing."""
    with pytest.raises(ModelError, match=r"night has no clips\.jsonl"):
        assemble.recalibrate_bundle(bundle, [tmp_path / "night"])


def test_another_detector_is_put_in_with_its_figures(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its graph, threshold, parity and table replace those of the old one; the encoders stay."""
    other = tmp_path / "other"
    shutil.copytree(EMBEDDED_BUNDLE, other)
    row = {"all": {"recall": 0.5, "of": 40, "precision": 0.25, "shown": 80}, "class": {}}
    known = json.loads((other / "manifest.json").read_text(encoding="utf-8"))
    known["detector"]["score_threshold"] = 0.42
    known["evaluation"]["detector"] = {"unseen_photos": row | {"frames": 7}}
    (other / "manifest.json").write_text(json.dumps(known), encoding="utf-8")
    graph = onnx.load(EMBEDDED_BUNDLE / "detector.onnx")
    graph.doc_string = "another"
    onnx.save(graph, other / "detector.onnx")
    frames = np.zeros((1, 36, 64, 3), np.uint8)
    monkeypatch.setattr(assemble, "_parity_frames", lambda split: frames)
    encoder = (bundle / "image_encoder.onnx").read_bytes()

    assemble.recalibrate_bundle(bundle, detector=other)

    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["detector"]["score_threshold"] == 0.42
    load_engine(bundle)
    assert (bundle / "detector.onnx").read_bytes() == (other / "detector.onnx").read_bytes()
    assert (bundle / "image_encoder.onnx").read_bytes() == encoder
    card = (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "| unseen photos, 7 frames | all | 0.500 | 40 | 0.250 | 80 |" in card
    assert "held out cameras" not in card
