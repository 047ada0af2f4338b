"""`manifest.json`: what a bundle folder says about itself, read before anything else is loaded.

A name in the manifest is joined to the folder only here, so nothing can lead out of it. Nothing in
a bundle is ever unpickled: it holds ONNX graphs and JSON, no code.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from knowledge.entities import CLASS_GROUPS
from service.errors import FatalError

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
IMAGE_ENCODER = "image_encoder.onnx"
TEXT_ENCODER = "text_encoder.onnx"
TOKENIZER = "tokenizer.json"
CALIBRATION = "calibration.json"
# Manifest and calibration are some hundred kilobytes; anything larger is some other file.
MAX_JSON_BYTES = 64 * 1024 * 1024

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class BundleError(FatalError):
    """The model bundle is damaged, incomplete or does not fit together."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class FileRecord(_Strict):
    """What a file of the bundle must look like."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]


class ImageInput(_Strict):
    """How frames are handed to the image encoder."""

    max: PositiveInt | None = None
    """Longer side in pixels above which a frame may be shrunk first; None: never needed."""


class TextInput(_Strict):
    """How texts are handed to the text encoder."""

    context_length: PositiveInt
    pad_id: Annotated[int, Field(ge=0)] = 0
    lowercase: bool = True


class DetectorSpec(_Strict):
    """How pixels go into the detector and how its output is read."""

    file: str = "detector.onnx"
    layout: Literal["yolox", "ultralytics"]
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    input_hw: tuple[PositiveInt, PositiveInt] | None = None
    """Fixed input size; None: ``long_side``, the other side rounded up to a multiple of 32."""
    long_side: Annotated[int, Field(ge=32, multiple_of=32)] = 416
    near_long_side: Annotated[int, Field(ge=32, multiple_of=32)] | None = None
    """Of a second, smaller look for what is so near that it fills the view; None: one look."""
    colour: Literal["rgb", "bgr"]
    scale: PositiveFloat = 1.0
    letterbox_value: Annotated[int, Field(ge=0, le=255)] = 114
    score_threshold: Fraction = 0.3
    nms_iou: Fraction = 0.45

    @model_validator(mode="after")
    def _looks_at_less(self) -> DetectorSpec:
        near, limit = self.near_long_side, self.long_side
        if near is not None and self.input_hw is not None:
            raise ValueError(f"near_long_side {near} needs a free input size, input_hw fixes it")
        if near is not None and near >= limit:
            raise ValueError(f"near_long_side must be below long_side {limit}, got {near}")
        return self


class TrainingSource(_Strict):
    """Data or a teacher that the weights learned from."""

    name: str
    licence: str
    use: str = ""
    url: str = ""


class Manifest(_Strict):
    """The whole manifest; every field is checked, unknown fields are refused."""

    schema_version: Literal[1]
    name: Annotated[str, StringConstraints(min_length=1)]
    git_commit: str
    half_dim: PositiveInt
    files: dict[str, FileRecord]
    image_input: ImageInput = ImageInput()
    text: TextInput
    precisions: Annotated[tuple[Literal["fp32", "fp16", "int8"], ...], Field(min_length=1)] = (
        "fp32",
    )
    parity: dict[str, Annotated[float, Field(ge=0.0)]]
    """Largest absolute difference between torch and ONNX, per output."""
    detector: DetectorSpec
    class_groups: tuple[str, ...]
    evaluation: dict[str, JsonValue] = {}
    training_sources: tuple[TrainingSource, ...]
    gpu: Literal["measured", "not measured"] = "not measured"

    @field_validator("files")
    @classmethod
    def _stay_inside(cls, files: dict[str, FileRecord]) -> dict[str, FileRecord]:
        for name in files:
            parts = name.split("/")
            if "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
                raise ValueError(f"the path {name!r} may not leave the bundle folder")
        return files

    @field_validator("class_groups")
    @classmethod
    def _same_groups(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        if groups != CLASS_GROUPS:
            raise ValueError(
                f"found {_listed(groups)}, expected {_listed(CLASS_GROUPS)} in this order"
            )
        return groups

    @model_validator(mode="after")
    def _names_every_part(self) -> Manifest:
        encoders = (image_encoder_file(precision) for precision in self.precisions)
        parts = (*encoders, TEXT_ENCODER, TOKENIZER, CALIBRATION, self.detector.file)
        missing = [name for name in parts if name not in self.files]
        if missing:
            raise ValueError(f"files lacks {_listed(missing)}, expected {_listed(parts)}")
        return self


def image_encoder_file(precision: str) -> str:
    """``image_encoder.onnx``, or ``image_encoder.fp16.onnx`` and the like."""
    return IMAGE_ENCODER if precision == "fp32" else f"image_encoder.{precision}.onnx"


def load_manifest(folder: Path) -> Manifest:
    """Read and check `manifest.json`; the files it names are not looked at.

    Raises:
        BundleError: The folder or manifest is missing, not JSON, of another schema or incomplete.
    """
    path = folder / MANIFEST
    text = read_json_bytes(path)
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise BundleError(f"{path}: {_first_reason(error)}") from None


def read_json_bytes(path: Path) -> bytes:
    """A small JSON file of the bundle, or a BundleError that says why it cannot be read."""
    if not path.parent.is_dir():
        raise BundleError(f"{path.parent}: no such bundle folder")
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise BundleError(f"{path}: found {size} bytes, expected at most {MAX_JSON_BYTES}")
        return path.read_bytes()
    except FileNotFoundError:
        raise BundleError(f"{path}: the file is missing") from None
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from None


def manifest_digest(folder: Path) -> str:
    """SHA-256 of `manifest.json`: as it lists every file's own, it names the whole bundle."""
    return hashlib.sha256(read_json_bytes(folder / MANIFEST)).hexdigest()


def part_path(folder: Path, name: str) -> Path:
    """Path of a bundle file, refused when a link leads it out of the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{path}: the path leaves the bundle folder")
    return path


def check_file(folder: Path, name: str, record: FileRecord) -> None:
    """Compare one file with its record: there, of the right size, of the right content.

    Raises:
        BundleError: It is not.
    """
    path = part_path(folder, name)
    if not path.is_file():
        raise BundleError(f"{path}: the file is missing, expected {record.bytes} bytes")
    size = path.stat().st_size
    if size != record.bytes:
        raise BundleError(f"{path}: found {size} bytes, expected {record.bytes}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != record.sha256:
        raise BundleError(
            f"{path}: damaged, found SHA-256 {found[:12]}..., expected {record.sha256[:12]}..."
        )


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names) or "nothing"


def _first_reason(error: ValidationError) -> str:
    """The first violation in one line; a wrong schema version outranks all that follows from it."""
    violations = error.errors(include_url=False)
    first = next((v for v in violations if v["loc"] == ("schema_version",)), violations[0])
    if first["type"] == "json_invalid":
        return f"not JSON ({first['ctx']['error']})"
    if first["loc"] == ("schema_version",):
        found = "none" if first["type"] == "missing" else repr(first["input"])
        return f"found schema_version {found}, expected {SCHEMA_VERSION}"
    where = ".".join(str(part) for part in first["loc"])
    found = "" if first["type"] in ("missing", "value_error") else f", found {first['input']!r:.80}"
    reason = " ".join(first["msg"].removeprefix("Value error, ").split())
    return f"{where}: {reason}{found}" if where else f"{reason}{found}"
