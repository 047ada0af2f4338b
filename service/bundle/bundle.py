"""A loaded bundle: manifest checked, files verified, graphs opened and run once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.bundle.encoder import ImageEncoder
from service.bundle.graphs import (
    check_calibration,
    check_detector,
    check_image_encoder,
    check_text_encoder,
)
from service.bundle.manifest import (
    CALIBRATION,
    IMAGE_ENCODER,
    TEXT_ENCODER,
    TOKENIZER,
    Manifest,
    check_file,
    load_manifest,
    manifest_digest,
)
from service.bundle.sessions import Session, make_session, runtime_name
from service.bundle.text import TextEncoder

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
    folder: Path = EMBEDDED_BUNDLE, threads: int = 0, providers: Sequence[str] | None = None
) -> Bundle:
    """Verify a bundle and open it.

    Args:
        folder: Bundle folder.
        threads: Threads inside one operator; 0 lets the runtime choose.
        providers: Execution providers by falling preference; None is the CPU alone.

    Returns:
        The bundle; every graph has run once, so the first request pays nothing extra.

    Raises:
        BundleError: In one line, for anything that is not as the manifest says.
        RuntimeMissing: ONNX Runtime is missing, doubled or lacks the provider.
    """
    manifest = load_manifest(folder)
    for name, record in manifest.files.items():
        check_file(folder, name, record)
    image_session = open_image_encoder(folder, manifest, threads, providers)
    text_session = open_text_encoder(folder, manifest, threads, providers)
    detector_session = open_detector(folder, manifest, threads, providers)
    check_calibration(folder / CALIBRATION)
    text = manifest.text
    return Bundle(
        folder=folder,
        manifest=manifest,
        digest=manifest_digest(folder),
        runtime=runtime_name(image_session),
        image_encoder=ImageEncoder(image_session),
        text_encoder=TextEncoder(
            text_session, folder / TOKENIZER, text.context_length, text.pad_id
        ),
        detector_session=detector_session,
    )


def open_image_encoder(
    folder: Path, manifest: Manifest, threads: int, providers: Sequence[str] | None = None
) -> Session:
    """Load the image encoder and see that it keeps its contract."""
    path = folder / IMAGE_ENCODER
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
