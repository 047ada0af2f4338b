"""Precisions of a CLIP bundle: which operators they hold, how they serve, when one is refused."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from model import variants
from model.assemble import normal_pictures
from model.assemble_clip import NotServable, assemble_clip_bundle
from model.detector.footage import FrameFile
from model.export import export_image_encoder, image_parity
from model.towers.clip import build_clip_tower, load_tokenizer
from model.towers.spec import ClipSpec
from service.pipeline.engine import load_engine

TINY = str(Path(__file__).parents[2] / "model" / "recipes" / "tiny_clip.json")
SOURCES = [{"name": "random weights", "licence": "none"}]


@pytest.fixture(autouse=True)
def _generated_frames_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same test with real footage at hand and without."""
    monkeypatch.delenv("SACLIP_TEST_DATA", raising=False)


def write_bundle(folder: Path) -> Path:
    torch.manual_seed(0)
    spec = ClipSpec(model_name=TINY)
    assemble_clip_bundle(folder, "tiny", build_clip_tower(spec), load_tokenizer(spec), SOURCES)
    return folder


def operators(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(path).graph.node)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random tower with all that is written for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SACLIP_TEST_DATA", raising=False)
        return write_bundle(tmp_path_factory.mktemp("variants") / "bundle")


@pytest.mark.slow
def test_each_precision_holds_its_own_operators(bundle: Path) -> None:
    """Two blocks: two fused attention nodes, none in the graph that the quantiser reads."""
    whole, half, eight = (
        operators(bundle / f"image_encoder{name}.onnx") for name in ("", ".fp16", ".int8")
    )

    assert (whole["MultiHeadAttention"], half["MultiHeadAttention"]) == (2, 2)
    assert eight["MultiHeadAttention"] == 0
    # Query, key, value, out and two of the MLP, in two blocks; the projection after them.
    assert eight["MatMulInteger"] == 2 * 6 + 1
    sizes = [(bundle / f"image_encoder{n}.onnx").stat().st_size for n in ("", ".fp16", ".int8")]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.slow
def test_eight_bit_weights_stay_within_seven(bundle: Path) -> None:
    """A processor without VNNI adds two products in sixteen bits: larger weights would saturate."""
    graph = onnx.load(bundle / "image_encoder.int8.onnx").graph
    eight = [
        onnx.numpy_helper.to_array(tensor).astype(int)
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and tensor.dims
    ]

    assert len(eight) >= 13
    assert max(np.abs(values).max() for values in eight) <= 64


@pytest.mark.slow
def test_half_precision_keeps_pixels_and_heads_in_fp32(bundle: Path) -> None:
    """Only the tower's own weights are halved; what comes out is fp32."""
    graph = onnx.load(bundle / "image_encoder.fp16.onnx").graph
    halved = {t.name for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT16}

    assert any("visual" in name for name in halved)
    assert not any("relation_head" in name for name in halved)
    kinds = {output.name: output.type.tensor_type.elem_type for output in graph.output}
    assert kinds == dict.fromkeys(("scene", "relation", "scene_gate"), onnx.TensorProto.FLOAT)


@pytest.mark.slow
def test_every_precision_serves_and_its_differences_are_written_down(bundle: Path) -> None:
    """The manifest says on how many frames the order of scores was compared."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    frame = np.random.default_rng(0).integers(0, 256, (180, 320, 3), np.uint8)

    assert manifest["precisions"] == ["fp32", "fp16", "int8"]
    assert manifest["parity"]["ranked_frames"] == 32
    assert manifest["parity"]["fp16_relation"] < variants.FP16_TOLERANCE
    assert manifest["parity"]["int8_rank_correlation"] >= variants.LEAST_RANK_CORRELATION
    assert manifest["gpu"] == "not measured"
    scores = []
    for precision in ("fp32", "fp16", "int8"):
        engine = load_engine(bundle, threads=1, precision=precision)
        assert engine.bundle.runtime.endswith(f", {precision}")
        scores.append(engine.analyzer.analyze([frame])[0].score)
    assert scores == pytest.approx([scores[0]] * 3, abs=0.05)


@pytest.mark.slow
def test_int8_is_refused_when_it_reorders_the_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can load what was not good enough; the figure stays in the manifest."""
    monkeypatch.setattr(variants, "LEAST_RANK_CORRELATION", 1.01)

    folder = write_bundle(tmp_path / "bundle")

    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["precisions"] == ["fp32", "fp16"]
    assert not (folder / "image_encoder.int8.onnx").exists()
    assert "int8_rank_correlation" in manifest["parity"]


def test_a_joint_norm_cannot_be_served(tmp_path: Path) -> None:
    """The service adds up two unit halves."""
    spec = ClipSpec(model_name=TINY, norm="joint")

    with pytest.raises(NotServable, match="no two unit halves"):
        assemble_clip_bundle(
            tmp_path / "b", "tiny", build_clip_tower(spec), load_tokenizer(spec), SOURCES
        )


def test_accidents_do_not_calibrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of bundle draw their normal footage by this function."""
    folder = tmp_path / "rf_accident"
    folder.mkdir()
    rows = [f"{i}.jpg,cctv_00,{'accident' if i % 2 else 'normal'}" for i in range(20)]
    (folder / "manifest.csv").write_text("\n".join(["file,scene,label", *rows]) + "\n")
    monkeypatch.setenv("SACLIP_TEST_DATA", str(tmp_path))
    files = tuple(FrameFile(folder / f"{i}.jpg", "cctv_00") for i in range(20))

    drawn = normal_pictures(files, 5)

    assert len(drawn) == 5
    assert all(int(path.stem) % 2 == 0 for path in drawn)
    assert len(normal_pictures(files, 100)) == 10


@pytest.mark.slow
def test_a_convolutional_tower_exports(tmp_path: Path) -> None:
    """MobileCLIP2-S0 has no attention of the kind that is replaced, and needs none."""
    torch.manual_seed(0)
    tower = build_clip_tower(ClipSpec(model_name="MobileCLIP2-S0")).eval()
    export_image_encoder(tower, tmp_path / "image_encoder.onnx")
    rng = np.random.default_rng(0)
    inputs = {
        "frames": rng.integers(0, 256, (1, 90, 160, 3), np.uint8),
        "rois": np.array([[0, 0.1, 0.2, 0.5, 0.9], [0, 0.0, 0.0, 1.0, 1.0]], np.float32),
        "roi_classes": np.array([3, 9], np.int64),
        "pairs": np.array([[0, 1], [1, -1]], np.int64),
    }

    differences = image_parity(tower, tmp_path / "image_encoder.onnx", inputs)

    assert max(differences.values()) < 1e-3
