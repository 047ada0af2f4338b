"""`saclip bundle info` and `saclip bundle verify` as tables for the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table
from rich.text import Text

from service.bundle.bundle import Precision, choose_precision
from service.bundle.manifest import Manifest, image_encoder_file, load_manifest
from service.bundle.sessions import Device, providers_for
from service.bundle.verify import verify_bundle


def info(folder: Path, precision: Precision = "auto", device: Device = "cpu") -> Table:
    """What a bundle says about itself, and what a service would load; files are not looked at.

    Raises:
        BundleError: The manifest cannot be used, or lacks the precision that was asked for.
    """
    manifest = load_manifest(folder)
    chosen = choose_precision(manifest, precision, providers_for(device))
    table = bundle_summary(manifest)
    table.add_row("loaded here", f"{image_encoder_file(chosen)} ({chosen})")
    return table


def bundle_summary(manifest: Manifest) -> Table:
    """The manifest as a table of two columns."""
    spec = manifest.detector
    size = "x".join(map(str, spec.input_hw)) if spec.input_hw else f"long side {spec.long_side}"
    if spec.near_long_side is not None:
        size += f" and {spec.near_long_side}"
    rows = [
        ("commit", manifest.git_commit),
        ("half dimension", str(manifest.half_dim)),
        ("precisions", ", ".join(manifest.precisions)),
        ("context length", f"{manifest.text.context_length} tokens"),
        ("detector", f"{spec.layout}, {size}, {spec.colour}: {', '.join(spec.classes)}"),
        ("torch to ONNX", ", ".join(f"{k} {v:.1e}" for k, v in manifest.parity.items())),
        *(("file", f"{name} ({file.bytes:,} bytes)") for name, file in manifest.files.items()),
        *(
            ("figure", f"{name}: {json.dumps(value)}")
            for name, value in manifest.evaluation.items()
        ),
        *(
            ("learned from", f"{source.name} ({source.licence}) {source.use}".rstrip())
            for source in manifest.training_sources
        ),
        ("GPU", manifest.gpu),
    ]
    table = Table(title=f"bundle {manifest.name}", show_header=False, title_justify="left")
    for name, value in rows:
        table.add_row(name, Text(value))  # Text: brackets in a value are no markup
    return table


def verify(folder: Path, threads: int = 0) -> tuple[Table, bool]:
    """Every check of a bundle with its outcome, and whether all passed."""
    report = verify_bundle(folder, threads)
    table = Table("file", "checked", "found", title=str(folder), title_justify="left")
    for check in report.checks:
        found = Text("ok", "green") if check.problem is None else Text(check.problem, "red")
        table.add_row(check.file, check.what, found)
    return table, report.is_sound
