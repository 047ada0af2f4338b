"""A loaded bundle: manifest checked, files verified, graphs opened and run once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.bundle.encoder import ImageEncoder
from service.bundle.graphs import (
    check_calibration,
    check_detector,
    check_image_encoder,
    check_text_encoder,
)
from service.bundle.manifest import (
    CALIBRATION,
    TEXT_ENCODER,
    TOKENIZER,
    BundleError,
    Manifest,
    check_file,
    image_encoder_file,
    load_manifest,
    manifest_digest,
)
from service.bundle.sessions import CUDA, Session, make_session, runtime_name
from service.bundle.text import TextEncoder

Precision = Literal["auto", "fp32", "fp16", "int8"]
EMBEDDED_BUNDLE = Path(__file__).parent.parent / "bundles" / "nano"


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """What a bundle holds once its graphs are open.

    Attributes:
        folder: Where it was loaded from.
        manifest: Its checked manifest.
        digest: SHA-256 of the manifest, which names every file of the bundle.
        runtime: What runs it, with version and provider.
        image_encoder: Frames and ROIs to embeddings.
        text_encoder: Descriptions to embeddings.
        detector_session: Session of the detector; `service.vision.detector` reads its output.
    """

    folder: Path
    manifest: Manifest
    digest: str
    runtime: str
    image_encoder: ImageEncoder
    text_encoder: TextEncoder
    detector_session: Session

    @property
    def calibration_path(self) -> Path:
        """Where `service.scoring.calibration` finds its file."""
        return self.folder / CALIBRATION


def load_bundle(
    folder: Path = EMBEDDED_BUNDLE,
    threads: int = 0,
    providers: Sequence[str] | None = None,
    precision: Precision = "auto",
) -> Bundle:
    """Verify a bundle and open it.

    Args:
        folder: Bundle folder.
        threads: Threads inside one operator; 0 lets the runtime choose.
        providers: Execution providers by falling preference; None is the CPU alone.
        precision: Which image encoder; ``auto`` takes fp16 on a GPU where the bundle has it.

    Returns:
        The bundle; every graph has run once, so the first request pays nothing extra.

    Raises:
        BundleError: In one line, for anything that is not as the manifest says.
        RuntimeMissing: ONNX Runtime is missing, doubled or lacks the provider.
    """
    manifest = load_manifest(folder)
    for name, record in manifest.files.items():
        check_file(folder, name, record)
    chosen = choose_precision(manifest, precision, providers)
    image_session = open_image_encoder(folder, manifest, threads, providers, chosen)
    text_session = open_text_encoder(folder, manifest, threads, providers)
    detector_session = open_detector(folder, manifest, threads, providers)
    check_calibration(folder / CALIBRATION)
    text = manifest.text
    return Bundle(
        folder=folder,
        manifest=manifest,
        digest=manifest_digest(folder),
        runtime=f"{runtime_name(image_session)}, {chosen}",
        image_encoder=ImageEncoder(image_session, manifest.image_input.max),
        text_encoder=TextEncoder(
            text_session, folder / TOKENIZER, text.context_length, text.pad_id
        ),
        detector_session=detector_session,
    )


def choose_precision(
    manifest: Manifest, wanted: Precision, providers: Sequence[str] | None = None
) -> str:
    """The precision to load.

    Raises:
        BundleError: The bundle does not have it.
    """
    if wanted == "auto":
        on_gpu = providers is not None and providers[0] == CUDA
        return "fp16" if on_gpu and "fp16" in manifest.precisions else "fp32"
    if wanted not in manifest.precisions:
        have = ", ".join(manifest.precisions)
        raise BundleError(f"{manifest.name}: has no precision {wanted}, found {have}")
    return wanted


def open_image_encoder(
    folder: Path,
    manifest: Manifest,
    threads: int,
    providers: Sequence[str] | None = None,
    precision: str = "fp32",
) -> Session:
    """Load the image encoder and see that it keeps its contract."""
    path = folder / image_encoder_file(precision)
    session = make_session(path, threads, providers)
    check_image_encoder(path, session, manifest.half_dim)
    return session


def open_text_encoder(
    folder: Path, manifest: Manifest, threads: int, providers: Sequence[str] | None = None
) -> Session:
    """Load the text encoder and see that it fits tokenizer and manifest."""
    path = folder / TEXT_ENCODER
    session = make_session(path, threads, providers)
    check_text_encoder(path, session, folder / TOKENIZER, manifest.text, manifest.half_dim)
    return session


def open_detector(
    folder: Path, manifest: Manifest, threads: int, providers: Sequence[str] | None = None
) -> Session:
    """Load the detector and see that it fits its spec."""
    path = folder / manifest.detector.file
    session = make_session(path, threads, providers)
    check_detector(path, session, manifest.detector)
    return session
