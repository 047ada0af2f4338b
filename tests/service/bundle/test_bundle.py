"""A bundle as a whole: what fits is loaded, what does not stops the start with one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from knowledge.hierarchy import load_hierarchy
from service.bundle.bundle import load_bundle
from service.bundle.manifest import BundleError
from tests.builders import tiny_graphs
from tests.builders.tiny_bundle import CLASSES, detector_spec, word_tokenizer, write_manifest

Damage = Callable[[Path], None]


def test_a_sound_bundle_is_loaded_and_answers(tiny_bundle_dir: Path) -> None:
    """Both encoders, the detector and the calibration are at hand."""
    bundle = load_bundle(tiny_bundle_dir, threads=1)
    texts = bundle.text_encoder.encode(load_hierarchy().flat[:3])

    assert texts.svo.shape == (3, bundle.manifest.half_dim)
    assert bundle.detector_session.get_inputs()[0].name == "images"
    assert bundle.calibration_path.is_file()
    assert bundle.runtime.startswith("ONNX Runtime ")
    assert len(bundle.digest) == 64


def test_the_image_encoder_knows_beyond_which_side_frames_are_shrunk(tiny_bundle_dir: Path) -> None:
    """As the manifest says; nothing said, nothing is shrunk."""
    assert load_bundle(tiny_bundle_dir, threads=1).image_encoder.longest_side is None
    write_manifest(tiny_bundle_dir, image_input={"max": 48})
    assert load_bundle(tiny_bundle_dir, threads=1).image_encoder.longest_side == 48


def _wrong_half_dim(folder: Path) -> None:
    write_manifest(folder, half_dim=256)


def _wrong_half_dim_in_the_text_graph(folder: Path) -> None:
    vocab_size = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    (folder / "text_encoder.onnx").write_bytes(tiny_graphs.text_encoder(vocab_size, 16))
    write_manifest(folder)


def _larger_vocabulary(folder: Path) -> None:
    texts = [*(flat.text for flat in load_hierarchy().flat), "zebra xylophone"]
    word_tokenizer(texts).save(str(folder / "tokenizer.json"))
    write_manifest(folder)


def _other_context_length(folder: Path) -> None:
    write_manifest(folder, text={"context_length": 20, "pad_id": 0, "lowercase": True})


def _capitals_matter(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    content = json.loads(tokenizer.to_str())
    content["normalizer"] = None
    (folder / "tokenizer.json").write_text(json.dumps(content))
    write_manifest(folder)


def _fewer_detector_classes(folder: Path) -> None:
    write_manifest(folder, detector=detector_spec(classes=CLASSES[:3]))


def _other_detector_layout(folder: Path) -> None:
    write_manifest(folder, detector=detector_spec(layout="ultralytics"))


def _detector_of_one_size(folder: Path) -> None:
    rows = np.zeros((1, 1638, 5 + len(CLASSES)), np.float32)
    (folder / "detector.onnx").write_bytes(tiny_graphs.constant_detector(rows))
    write_manifest(folder, detector=detector_spec(near_long_side=256))


def _detector_without_pixels(folder: Path) -> None:
    shutil.copy(folder / "text_encoder.onnx", folder / "detector.onnx")
    write_manifest(folder)


def _encoders_swapped(folder: Path) -> None:
    shutil.copy(folder / "text_encoder.onnx", folder / "image_encoder.onnx")
    write_manifest(folder)


def _relation_of_other_length(folder: Path) -> None:
    (folder / "image_encoder.onnx").write_bytes(tiny_graphs.image_encoder(unit_length=2.0))
    write_manifest(folder)


def _calibration_without_clips(folder: Path) -> None:
    (folder / "calibration.json").write_text('{"stills": {}}')
    write_manifest(folder)


def _calibration_cut(folder: Path) -> None:
    (folder / "calibration.json").write_text('{"stills": {}')
    write_manifest(folder)


def _byte_flipped(folder: Path) -> None:
    content = bytearray((folder / "detector.onnx").read_bytes())
    content[1000] ^= 255
    (folder / "detector.onnx").write_bytes(content)


def _file_missing(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("damage", "file", "found", "expected"),
    [
        (_byte_flipped, "detector.onnx", "damaged, found SHA-256", "expected"),
        (_file_missing, "tokenizer.json", "the file is missing", "bytes"),
        (_wrong_half_dim, "image_encoder.onnx", "found 32 columns in scene", "half_dim 256"),
        (_wrong_half_dim_in_the_text_graph, "text_encoder.onnx", "found 16 columns", "half_dim 32"),
        (_larger_vocabulary, "tokenizer.json", "found a vocabulary of", "text_encoder.onnx's emb"),
        (_other_context_length, "text_encoder.onnx", "context_length 20", "Expected: 48"),
        (_capitals_matter, "tokenizer.json", "tells capitals apart", "text.lowercase = true"),
        (_fewer_detector_classes, "detector.onnx", "(1, 1638, 12)", "(1, 1638, 8) for 3 classes"),
        (_other_detector_layout, "detector.onnx", "(1, 1638, 12)", "(1, 11, N) or (1, N, 6)"),
        (_detector_of_one_size, "detector.onnx", "(1, 1638, 12)", "expected (1, 672, 12)"),
        (_detector_without_pixels, "detector.onnx", "found inputs tokens tensor(int64)", "one of"),
        (_encoders_swapped, "image_encoder.onnx", "found inputs spans", "frames tensor(uint8)"),
        (_relation_of_other_length, "image_encoder.onnx", "rows of relation of length", "1"),
        (_calibration_without_clips, "calibration.json", "found ['stills']", "clips and stills"),
        (_calibration_cut, "calibration.json", "not JSON", "line 1"),
    ],
)
def test_what_does_not_fit_stops_the_start_with_one_line(
    bundle_copy: Path, damage: Damage, file: str, found: str, expected: str
) -> None:
    """The line names the file, what was found and what was expected."""
    damage(bundle_copy)

    with pytest.raises(BundleError) as refused:
        load_bundle(bundle_copy, threads=1)

    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith(f"{bundle_copy / file}: ")
    assert found in message
    assert expected in message


def test_a_vocabulary_too_large_names_both_sizes(bundle_copy: Path) -> None:
    """Two words more than the embedding has rows."""
    rows = Tokenizer.from_file(str(bundle_copy / "tokenizer.json")).get_vocab_size()
    _larger_vocabulary(bundle_copy)

    with pytest.raises(BundleError) as refused:
        load_bundle(bundle_copy, threads=1)

    assert str(refused.value).endswith(
        f"found a vocabulary of {rows + 2} tokens, "
        f"expected at most the {rows} rows of text_encoder.onnx's embedding"
    )
