"""Bundle and hierarchy joined into the analyzers, and the swap of one hierarchy for another."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import structlog
from pydantic import ValidationError

from knowledge.hierarchy import Hierarchy, Violation, load_hierarchy, parse_hierarchy
from service.bundle.bundle import EMBEDDED_BUNDLE, Bundle, Precision, load_bundle
from service.bundle.manifest import BundleError
from service.bundle.sessions import CPU, Device, RuntimeMissing, providers_for
from service.errors import KnowledgeChanged, KnowledgeRejected
from service.pipeline.frame import FrameAnalyzer
from service.scoring.calibration import Calibration
from service.scoring.text_bank import TextBank, build_text_bank
from service.vision.detector import Detector

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """Everything that scores, as one immutable snapshot: a job keeps the one it began with."""

    bundle: Bundle
    hierarchy: Hierarchy
    analyzer: FrameAnalyzer

    def with_hierarchy(self, hierarchy: Hierarchy) -> "Engine":
        """The same models with other descriptions, which are embedded here.

        Raises:
            KnowledgeRejected: A description does not fit the encoder.
        """
        bank = _embed(hierarchy, self.bundle)
        return replace(self, hierarchy=hierarchy, analyzer=self.analyzer.with_text_bank(bank))


def load_engine(
    bundle_dir: Path = EMBEDDED_BUNDLE,
    threads: int = 0,
    hierarchy: Hierarchy | None = None,
    calibration: Calibration | None = None,
    precision: Precision = "auto",
    device: Device = "cpu",
) -> Engine:
    """Load a bundle and embed a hierarchy.

    Args:
        bundle_dir: Bundle folder.
        threads: Threads inside one operator; 0 lets the runtime choose.
        hierarchy: The shipped one when left out.
        calibration: The bundle's own when left out.
        precision: Which image encoder of the bundle.
        device: Where the models run; ``auto`` falls back to the CPU and says so.

    Raises:
        RuntimeMissing: ``cuda`` cannot be had.
        BundleError: In one line, when the bundle is not as its manifest says.
        KnowledgeRejected: When a description does not fit the encoder.
    """
    bundle = _open_bundle(bundle_dir, threads, precision, device)
    detector = Detector(bundle.detector_session, bundle.manifest.detector)
    detector.warm_up()
    known = hierarchy or load_hierarchy()
    bank = _embed(known, bundle)
    scale = calibration or load_calibration(bundle.calibration_path)
    return Engine(bundle, known, FrameAnalyzer(detector, bundle.image_encoder, bank, scale))


def _open_bundle(folder: Path, threads: int, precision: Precision, device: Device) -> Bundle:
    providers = providers_for(device)
    try:
        return load_bundle(folder, threads, providers, precision)
    except RuntimeMissing as error:
        if device != "auto" or providers == (CPU,):
            raise
        # The GPU package is installed, but there is no GPU or no matching driver.
        log.warning("gpu_not_usable", reason=str(error))
        return load_bundle(folder, threads, (CPU,), precision)


def _embed(hierarchy: Hierarchy, bundle: Bundle) -> TextBank:
    try:
        return build_text_bank(hierarchy, bundle.text_encoder)
    except ValueError as error:
        # The encoder names the description before the colon.
        where, _, detail = str(error).rpartition(": ")
        broken = Violation("hierarchy", where or "hierarchy", "text-not-encodable", detail)
        raise KnowledgeRejected(str(error), [broken]) from error


def load_calibration(path: Path) -> Calibration:
    """Read ``calibration.json``.

    Raises:
        BundleError: When it does not fit its schema.
    """
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(f"{path}: {where}: {first['msg']}") from error


class KeepsKnowledge(Protocol):
    """Where an accepted hierarchy is kept, for the next start and for other processes."""

    def kept(self) -> bytes | None:
        """The text that was kept last; None when none ever was."""

    def keep(self, text: bytes, sha256: str, present: str) -> None:
        """Keep it, unless another than ``present`` was kept meanwhile (``KnowledgeChanged``)."""

    def newer_than(self, sha256: str) -> bytes | None:
        """The text of another one that was kept by somebody else; None when there is none."""


class KnowledgeFile:
    """Keeps the hierarchy of a single process in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def kept(self) -> bytes | None:
        return self._path.read_bytes() if self._path.is_file() else None

    def keep(self, text: bytes, sha256: str, present: str) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_bytes(text)
        partial.replace(self._path)

    def newer_than(self, sha256: str) -> bytes | None:
        return None


class LiveEngine:
    """The engine in use, replaced as a whole when experts change the hierarchy.

    Args:
        engine: What to begin with.
        keeper: Remembers an accepted hierarchy, and knows of those accepted elsewhere.
    """

    def __init__(self, engine: Engine, keeper: KeepsKnowledge) -> None:
        self._engine = engine
        self._keeper = keeper
        self._replacing = threading.Lock()

    @property
    def current(self) -> Engine:
        """The snapshot to use for one request or one job."""
        return self._engine

    def replace(
        self, hierarchy: Hierarchy, text: bytes, expected: frozenset[str] | None = None
    ) -> None:
        """Embed, keep and use another hierarchy; on any error nothing has changed.

        Args:
            hierarchy: The new one.
            text: Its file as an expert wrote it, comments included, which is what is kept.
            expected: Digests of which the present hierarchy must have one; None for any.

        Raises:
            KnowledgeChanged: Somebody else was faster.
            KnowledgeRejected: A description does not fit the encoder.
        """
        with self._replacing:
            self._follow()
            present = self._engine.hierarchy.sha256
            if expected is not None and present not in expected:
                raise KnowledgeChanged(f"the hierarchy in service has the digest {present}")
            engine = self._engine.with_hierarchy(hierarchy)
            self._keeper.keep(text, hierarchy.sha256, present)
            self._engine = engine

    def refresh(self) -> None:
        """Use the hierarchy that another process accepted, if one did."""
        with self._replacing:
            self._follow()

    def _follow(self) -> None:
        text = self._keeper.newer_than(self._engine.hierarchy.sha256)
        if text is not None:
            self._engine = self._engine.with_hierarchy(parse_hierarchy(text, "shared hierarchy"))
