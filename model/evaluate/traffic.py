"""Generated clips through the service's own code: boxes with detector noise, tracks, text, motion.

    saclip-model evaluate traffic

Held-out seeds; the scripts are those of training, the hierarchy's sentences are none of its
captions. The detector is left out on purpose: it knows no drawn cars. Its faults are put on the
true boxes instead, frame by frame.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from model.evaluate.auc import LabelledScores, bootstrap_interval
from model.evaluate.controls import position_control
from model.evaluate.generated import analyze_clip, smoothed_scores
from model.evaluate.report import MEASURES
from model.evaluate.texts import wilson_interval
from model.evaluate.told import best_constant, loudest, told_together, voice_of
from model.synthesis.scripts import HELD_OUT
from model.synthesis.traffic import HELD_OUT_SEED, make_clip
from service.pipeline.frame import FrameAnalyzer, FrameResult
from service.scoring.calibration import paired_score
from service.scoring.dynamics import fused
from service.scoring.past import against_past
from service.scoring.text_bank import TextBank

EVAL_SEED = HELD_OUT_SEED + 5_000_000


@dataclass(frozen=True, slots=True)
class LeafFigures:
    """What is told first of the accident, in each clip that has one.

    Some leaves have up to four codes. ``code``: the told leaf has that of the clip among them;
    ``first_code``: its first one, which stands for the leaf's own kind, is that of the clip.
    """

    name: str
    clips: int
    leaf: float
    code: float
    code_interval: tuple[float, float]
    first_code: float
    participants: float


class _Told(NamedTuple):
    """What is told of a clip, and what it shows: leaf, DoTA code, name of the script."""

    leaf: str
    true_leaf: str
    true_code: str
    script: str


def evaluate_traffic(
    analyzer: FrameAnalyzer,
    shuffled: FrameAnalyzer,
    num_clips: int = 120,
    console: Console | None = None,
) -> dict[str, object]:
    """AUC and best leaves on held-out clips, beside what text or motion reach alone.

    Args:
        analyzer: The bundle's.
        shuffled: The same with the vectors of its descriptions shuffled, from `nulls`.
        num_clips: Half of them with an accident.
        console: Where the tables go; standard output when left out.

    Returns:
        The figures, ready for JSON.
    """
    shown = console or Console()
    calibration = analyzer.calibration.clips
    scores: dict[str, list[LabelledScores]] = {}
    leaves: dict[str, list[_Told]] = {}
    for seed in track(
        range(EVAL_SEED, EVAL_SEED + num_clips), "clips", console=shown, transient=True
    ):
        clip = make_clip(seed, anomalous=seed % 2 == 0)
        for name, one in (("text and motion", analyzer), ("shuffled texts", shuffled)):
            results = analyze_clip(one, clip, seed)
            own = [r.text_level for r in results]
            variants = {name: ([r.leaf_evidence for r in results], own)}
            if one is analyzer:
                still = [np.zeros_like(r.evidence) for r in results]
                alone = [r.standardised for r in results]
                variants["text alone"] = (alone, [paired_score(e) for e in alone])
                moved = [
                    _evidence(one.text_bank, np.where(np.isfinite(r.evidence), z, r.evidence), r)
                    for z, r in zip(still, results, strict=True)
                ]
                variants["motion alone"] = (moved, [0.0] * len(moved))
            for variant, (evidence, levels) in variants.items():
                strongest = [paired_score(e) for e in evidence]
                seen = smoothed_scores(clip, strongest, levels, calibration)
                scores.setdefault(variant, []).append(seen)
                if clip.label.any():
                    raw = against_past(clip.times_s, strongest, levels, calibration.past_share)
                    if variant == name:
                        said = [voice_of(r, float(s)) for r, s in zip(results, raw, strict=True)]
                    else:
                        said = [
                            loudest(e, one.text_bank.leaf_ids, s)
                            for e, s in zip(evidence, raw.tolist(), strict=True)
                        ]
                    top = told_together(seen, said, calibration.smoothing_s)
                    truth = _Told(top, clip.leaf_id, clip.dota, clip.script)
                    leaves.setdefault(variant, []).append(truth)
    scores["control: position t/T"] = position_control(scores["text and motion"])
    figures = [_leaf_figures(name, told, analyzer.text_bank) for name, told in leaves.items()]
    codes_of = {item.leaf_id: item.dota for item in analyzer.text_bank.descriptions}
    ours = leaves["text and motion"]
    if unseen := [told for told in ours if told.script in HELD_OUT]:
        figures.insert(1, _leaf_figures("of it, scripts held out", unseen, analyzer.text_bank))
    best = best_constant([(told.true_code,) for told in ours], codes_of)
    constant = [told._replace(leaf=best) for told in ours]
    figures.append(_leaf_figures(f"control: always {best}", constant, analyzer.text_bank))
    shown.print(_auc_table(scores))
    shown.print(_leaf_table(figures))
    return {
        "num_clips": num_clips,
        "auc": {
            name: {m: round(measure(rows), 4) for m, measure in MEASURES.items()}
            for name, rows in scores.items()
        },
        "leaves": [asdict(row) for row in figures],
    }


def _evidence(
    bank: TextBank, text: NDArray[np.float64], result: FrameResult
) -> NDArray[np.float64]:
    assert result.motion is not None
    return fused(text, result.motion, bank, 0.0, 1.0)


def _leaf_figures(name: str, told: Sequence[_Told], bank: TextBank) -> LeafFigures:
    codes = {item.leaf_id: item.dota for item in bank.descriptions}
    roles = {item.leaf_id: item.participants for item in bank.descriptions}
    right = [one.true_code in codes.get(one.leaf, ()) for one in told]
    first = [codes.get(one.leaf, ())[:1] == (one.true_code,) for one in told]
    same = [roles.get(one.leaf) == roles[one.true_leaf] for one in told]
    return LeafFigures(
        name=name,
        clips=len(told),
        leaf=float(np.mean([one.leaf == one.true_leaf for one in told])),
        code=float(np.mean(right)),
        code_interval=wilson_interval(sum(right), len(right)),
        first_code=float(np.mean(first)),
        participants=float(np.mean(same)),
    )


def _auc_table(scores: dict[str, list[LabelledScores]]) -> Table:
    table = Table("AUC, generated clips", *MEASURES)
    for name, rows in scores.items():
        cells = []
        for measure in MEASURES.values():
            low, high = bootstrap_interval(rows, measure, 300)
            cells.append(f"{measure(rows):.3f} [{low:.2f}, {high:.2f}]")
        table.add_row(name, *cells)
    return table


def _leaf_table(figures: Sequence[LeafFigures]) -> Table:
    table = Table(
        "what is told first", "clips", "leaf", "DoTA code", "95 %", "first", "participants"
    )
    for row in figures:
        low, high = row.code_interval
        table.add_row(
            row.name,
            str(row.clips),
            f"{row.leaf:.3f}",
            f"{row.code:.3f}",
            f"{low:.2f} to {high:.2f}",
            f"{row.first_code:.3f}",
            f"{row.participants:.3f}",
        )
    return table
