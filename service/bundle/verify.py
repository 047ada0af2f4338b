"""Every check of a bundle, one after the other, for a person who wants to see them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from service.bundle import bundle
from service.bundle.graphs import check_calibration
from service.bundle.manifest import (
    CALIBRATION,
    IMAGE_ENCODER,
    MANIFEST,
    TEXT_ENCODER,
    BundleError,
    check_file,
    load_manifest,
)

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Check:
    """One check: of which file, what was looked at, and what was wrong (None: nothing)."""

    file: str
    what: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class BundleReport:
    """The outcome of all checks that could be made."""

    folder: Path
    checks: tuple[Check, ...]

    @property
    def is_sound(self) -> bool:
        """Whether `load_bundle` would accept the folder."""
        return all(check.problem is None for check in self.checks)


def verify_bundle(folder: Path, threads: int = 0) -> BundleReport:
    """Check a bundle as `load_bundle` does, but go on after a fault.

    Graphs are opened only when every file is as listed: nothing can be said about damaged ones.

    Raises:
        RuntimeMissing: ONNX Runtime itself is missing or doubled.
    """
    checks: list[Check] = []

    def attempt(file: str, what: str, step: Callable[[], Found]) -> Found | None:
        try:
            found = step()
        except BundleError as error:
            checks.append(Check(file, what, str(error)))
            return None
        checks.append(Check(file, what, None))
        return found

    manifest = attempt(MANIFEST, "schema", lambda: load_manifest(folder))
    if manifest is None:
        return BundleReport(folder, tuple(checks))
    for name, record in manifest.files.items():
        attempt(name, "size and SHA-256", partial(check_file, folder, name, record))
    if all(check.problem is None for check in checks):
        attempt(
            IMAGE_ENCODER,
            "runs, shapes, unit length",
            lambda: bundle.open_image_encoder(folder, manifest, threads),
        )
        attempt(
            TEXT_ENCODER,
            "runs, fits the tokenizer, unit length",
            lambda: bundle.open_text_encoder(folder, manifest, threads),
        )
        attempt(
            manifest.detector.file,
            "runs, fits layout and classes",
            lambda: bundle.open_detector(folder, manifest, threads),
        )
        attempt(CALIBRATION, "stills and clips", lambda: check_calibration(folder / CALIBRATION))
    return BundleReport(folder, tuple(checks))
