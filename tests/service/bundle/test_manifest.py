"""The manifest: what is refused, and that the one line says why."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from knowledge.entities import CLASS_GROUPS
from service.bundle.manifest import (
    BundleError,
    check_file,
    load_manifest,
    manifest_digest,
    part_path,
)
from service.errors import FatalError
from tests.builders.tiny_bundle import detector_spec, write_manifest


def _refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as refused:
        load_manifest(folder)
    message = str(refused.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def test_a_valid_manifest_is_read(tiny_bundle_dir: Path) -> None:
    """Sizes and classes arrive as written."""
    manifest = load_manifest(tiny_bundle_dir)

    assert manifest.name == "tiny"
    assert manifest.class_groups == CLASS_GROUPS
    assert manifest.detector.classes[2] == "car"
    assert manifest.detector.long_side == 416


def test_a_bundle_error_stops_the_start() -> None:
    """It is fatal: no request is ever answered with it."""
    assert issubclass(BundleError, FatalError)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"schema_version": 2}, "found schema_version 2, expected 1", id="newer"),
        pytest.param({"schema_version": "1"}, "found schema_version '1', expected 1", id="text"),
        pytest.param({"half_dim": 0}, "half_dim: ", id="no dimension"),
        pytest.param({"surprise": 1}, "surprise: Extra inputs are not permitted", id="unknown key"),
        pytest.param(
            {"class_groups": ["car", "person"]},
            "class_groups: found car, person, expected other, person, bicycle",
            id="other class groups",
        ),
        pytest.param({"files": {}}, "files lacks image_encoder.onnx, ", id="no files"),
        pytest.param(
            {"detector": detector_spec(layout="detr")}, "detector.layout: ", id="unknown layout"
        ),
        pytest.param({"detector": detector_spec(classes=[])}, "detector.classes: ", id="classless"),
        pytest.param(
            {"detector": detector_spec(near_long_side=416)},
            "near_long_side must be below long_side 416, got 416",
            id="a second look that is no smaller",
        ),
        pytest.param(
            {"detector": detector_spec(near_long_side=256, input_hw=(416, 416))},
            "near_long_side 256 needs a free input size",
            id="a second look of a fixed size",
        ),
        pytest.param(
            {"detector": detector_spec(file="other.onnx")},
            "files lacks other.onnx",
            id="detector not listed",
        ),
    ],
)
def test_a_manifest_that_breaks_a_rule_is_refused(
    bundle_copy: Path, changes: dict[str, Any], expected: str
) -> None:
    """One line with the file, the field, what was found and what was expected."""
    write_manifest(bundle_copy, **changes)

    assert expected in _refusal(bundle_copy)


def test_swapped_class_groups_are_refused(bundle_copy: Path) -> None:
    """The order is the meaning: it indexes the trained class embedding."""
    swapped = [CLASS_GROUPS[1], CLASS_GROUPS[0], *CLASS_GROUPS[2:]]
    write_manifest(bundle_copy, class_groups=swapped)

    assert "in this order" in _refusal(bundle_copy)


@pytest.mark.parametrize(
    "name", ["../outside.onnx", "/etc/passwd", "a/../../b", "a\\..\\b", "C:x", "./a", "a//b", ""]
)
def test_a_path_may_not_leave_the_folder(bundle_copy: Path, name: str) -> None:
    """Names that climb, start at the root or use another system's separators are refused."""
    content = json.loads((bundle_copy / "manifest.json").read_text())
    content["files"][name] = {"sha256": "0" * 64, "bytes": 0}
    (bundle_copy / "manifest.json").write_text(json.dumps(content))

    assert f"the path {name!r} may not leave the bundle folder" in _refusal(bundle_copy)


def test_a_link_out_of_the_folder_is_refused(bundle_copy: Path) -> None:
    """The name is harmless, the place it leads to is not."""
    outside = bundle_copy.parent / "outside.json"
    (bundle_copy / "tokenizer.json").rename(outside)
    (bundle_copy / "tokenizer.json").symlink_to(outside)

    with pytest.raises(BundleError, match="the path leaves the bundle folder"):
        part_path(bundle_copy, "tokenizer.json")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"{", "not JSON", id="cut"),
        pytest.param(b"\xff\xfe", "not JSON", id="binary"),
        pytest.param(b"[]", "found []", id="a list"),
        pytest.param(b"{}", "found schema_version none, expected 1", id="no version"),
    ],
)
def test_a_manifest_that_is_none_is_refused(
    bundle_copy: Path, content: bytes, expected: str
) -> None:
    """Whatever lies in the file, the answer is one line."""
    (bundle_copy / "manifest.json").write_bytes(content)

    assert expected in _refusal(bundle_copy)


def test_a_missing_manifest_and_a_missing_folder_are_told_apart(tmp_path: Path) -> None:
    """A wrong path and an incomplete bundle need different remedies."""
    assert f"{tmp_path / 'manifest.json'}: the file is missing" in _refusal(tmp_path)
    assert "no such bundle folder" in _refusal(tmp_path / "nowhere")


def test_one_flipped_byte_is_found(bundle_copy: Path) -> None:
    """Same size, other content: both digests are named."""
    path = bundle_copy / "text_encoder.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    manifest = load_manifest(bundle_copy)

    with pytest.raises(BundleError) as refused:
        check_file(bundle_copy, path.name, manifest.files[path.name])

    found, expected = hashlib.sha256(content).hexdigest(), manifest.files[path.name].sha256
    assert str(refused.value) == (
        f"{path}: damaged, found SHA-256 {found[:12]}..., expected {expected[:12]}..."
    )


def test_a_cut_file_and_a_missing_file_are_found(bundle_copy: Path) -> None:
    """Sizes are compared before anything is read."""
    path = bundle_copy / "tokenizer.json"
    record = load_manifest(bundle_copy).files[path.name]
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(BundleError, match=f"found 100 bytes, expected {record.bytes}"):
        check_file(bundle_copy, path.name, record)
    path.unlink()
    with pytest.raises(BundleError, match=f"missing, expected {record.bytes} bytes"):
        check_file(bundle_copy, path.name, record)


def test_the_digest_changes_with_any_file(bundle_copy: Path, tiny_bundle_dir: Path) -> None:
    """The manifest lists every digest, so its own names the bundle."""
    assert manifest_digest(bundle_copy) == manifest_digest(tiny_bundle_dir)
    (bundle_copy / "calibration.json").write_text('{"stills": {}, "clips": {}}')
    write_manifest(bundle_copy)

    assert manifest_digest(bundle_copy) != manifest_digest(tiny_bundle_dir)
