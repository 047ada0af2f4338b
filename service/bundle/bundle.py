"""A loaded bundle: manifest checked, files verified, graphs opened and warmed up."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.bundle.encoder import ImageEncoder
from service.bundle.manifest import Manifest, load_manifest, manifest_digest, verify_files
from service.bundle.sessions import check_runtime, make_session
from service.bundle.text import TextEncoder

EMBEDDED_BUNDLE = Path(__file__).parent.parent / "bundles" / "nano"


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """What a bundle holds once its graphs are open.

    Attributes:
        folder: Where it was loaded from.
        manifest: Its checked manifest.
        digest: SHA-256 of the manifest, which names every file of the bundle.
        runtime: Name and version of the ONNX Runtime that runs it.
        detector_session: Session of ``detector.onnx``; `service.vision.detector` reads it.
    """

    folder: Path
    manifest: Manifest
    digest: str
    runtime: str
    image_encoder: ImageEncoder
    text_encoder: TextEncoder
    detector_session: Any

    @property
    def calibration_path(self) -> Path:
        """Where `service.scoring.calibration` finds its file."""
        return self.folder / "calibration.json"


def load_bundle(folder: Path = EMBEDDED_BUNDLE, threads: int = 0, gpu: bool = False) -> Bundle:
    """Verify a bundle and open it.

    Args:
        folder: Bundle folder.
        threads: Threads inside one operator; 0 lets the runtime choose.
        gpu: Whether to prefer the CUDA provider where it exists.

    Returns:
        The bundle, with both encoders warm.

    Raises:
        BundleError: In one line, for anything that is not as the manifest says.
    """
    manifest = load_manifest(folder)
    verify_files(folder, manifest)
    runtime = check_runtime()
    image_encoder = ImageEncoder(
        make_session(folder / "image_encoder.onnx", threads, gpu), manifest.half_dim
    )
    text_encoder = TextEncoder(
        make_session(folder / "text_encoder.onnx", threads, gpu),
        folder / "tokenizer.json",
        manifest.text.context_length,
        manifest.half_dim,
    )
    image_encoder.warm_up()
    text_encoder.warm_up()
    return Bundle(
        folder=folder,
        manifest=manifest,
        digest=manifest_digest(folder),
        runtime=runtime,
        image_encoder=image_encoder,
        text_encoder=text_encoder,
        detector_session=make_session(folder / "detector.onnx", threads, gpu),
    )
