"""The whole chain once: captions, triplets, training, export, evaluation, a served answer."""

import json
import runpy
from pathlib import Path

import pytest

PIPELINE = Path(__file__).parents[2] / "benchmarks" / "pipeline_tiny.py"


@pytest.mark.slow
def test_captions_to_a_served_answer(tmp_path: Path) -> None:
    """Every stage leaves what the next one needs; the answer names a description."""
    run = runpy.run_path(str(PIPELINE))["run"]

    seconds = run(tmp_path)

    assert list(seconds) == ["generate", "curate", "train", "export", "evaluate", "serve"]
    counts = json.loads((tmp_path / "curated" / "counts.json").read_text())
    assert counts["captions"] == 400
    assert counts["triplets"] > 300
    assert (tmp_path / "curated" / "DATA_CARD.md").is_file()
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    assert manifest["parity"]["relation"] < 1e-3
    assert "fp16" in manifest["precisions"]
    layouts = json.loads((tmp_path / "layouts" / "layouts.json").read_text())
    figures = layouts["random"]
    assert figures["items"] == 160
    assert 0 <= figures["image_to_text"] <= 1  # at chance: a random tower and 200 pictures
    rows = [json.loads(x) for x in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["total"] < 0.7 * rows[0]["total"]
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert 0 <= answer["probability"] <= 1
    assert answer["best"]
