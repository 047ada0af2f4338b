"""Generated clips through the service's own code: boxes with detector noise, tracks, text, motion.

    saclip-model evaluate traffic

Held-out seeds; the scripts are those of training, the hierarchy's sentences are none of its
captions. The detector is left out on purpose: it knows no drawn cars. Its faults are put on the
true boxes instead, frame by frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from model.evaluate.auc import LabelledScores, Versions, bootstrap_interval, median_auc
from model.evaluate.controls import position_control
from model.evaluate.curve import curve
from model.evaluate.generated import labelled, see_clip
from model.evaluate.report import MEASURES
from model.evaluate.told import best_constant, loudest, share_interval, told_together, voice_of
from model.evaluate.variants import MOTION_ALONE, TEXT_ALONE, motion_evidence
from model.synthesis.scripts import HELD_OUT
from model.synthesis.traffic import HELD_OUT_SEED, TrafficClip, make_clip
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.judging import FrameResult
from service.scoring.calibration import ClipsCalibration, paired_score
from service.scoring.telling import Voice
from service.scoring.text_bank import TextBank

EVAL_SEED = HELD_OUT_SEED + 5_000_000
PARTS = (TEXT_ALONE, MOTION_ALONE)


@dataclass(frozen=True, slots=True)
class LeafFigures:
    """What is told first of the accident, in each clip that has one.

    Some leaves have up to four codes. ``code``: the told leaf has that of the clip among them;
    ``first_code``: its first one, which stands for the leaf's own kind, is that of the clip. Of a
    teller in several versions these are means, and ``code_interval`` is over versions too.
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


class _Row(NamedTuple):
    """A clip's scores, and what is told of its accident if it has one."""

    scores: LabelledScores
    told: _Told | None


def evaluate_traffic(
    analyzer: FrameAnalyzer,
    shuffles: Sequence[FrameAnalyzer],
    num_clips: int = 120,
    console: Console | None = None,
) -> dict[str, object]:
    """AUC and best leaves on held-out clips, beside what text or motion reach alone.

    Args:
        analyzer: The bundle's.
        shuffles: The same with the vectors of its descriptions shuffled, from `nulls`.
        num_clips: Half of them with an accident.
        console: Where the tables go; standard output when left out.

    Returns:
        The figures, ready for JSON.
    """
    shown = console or Console()
    bank = analyzer.text_bank
    rows: dict[str, list[list[_Row]]] = {name: [[]] for name in ("text and motion", *PARTS)}
    mixed: list[list[_Row]] = [[] for _ in shuffles]
    for seed in track(
        range(EVAL_SEED, EVAL_SEED + num_clips), "clips", console=shown, transient=True
    ):
        clip = make_clip(seed, anomalous=seed % 2 == 0)
        seen = see_clip(analyzer, clip, seed)
        results = analyzer.judge(seen, domain="clips")
        rows["text and motion"][0].append(_row_of(analyzer, clip, results))
        for name in PARTS:
            rows[name][0].append(_row_of_part(analyzer, clip, results, name))
        for other, of_other in zip(shuffles, mixed, strict=True):
            of_other.append(_row_of(other, clip, other.judge(seen, domain="clips")))
    rows[f"shuffled texts ({len(shuffles)})"] = mixed
    scores: dict[str, Versions] = {
        name: [[row.scores for row in version] for version in versions]
        for name, versions in rows.items()
    }
    scores["control: position t/T"] = [position_control(scores["text and motion"][0])]
    told = {
        name: [[row.told for row in version if row.told] for version in versions]
        for name, versions in rows.items()
    }
    figures = [_leaf_figures(name, versions, bank) for name, versions in told.items()]
    (ours,) = told["text and motion"]
    if unseen := [one for one in ours if one.script in HELD_OUT]:
        figures.insert(1, _leaf_figures("of it, scripts held out", [unseen], bank))
    codes_of = {item.leaf_id: item.dota for item in bank.descriptions}
    best = best_constant([(one.true_code,) for one in ours], codes_of)
    constant = [one._replace(leaf=best) for one in ours]
    figures.append(_leaf_figures(f"control: always {best}", [constant], bank))
    shown.print(_auc_table(scores))
    shown.print(_leaf_table(figures))
    return {
        "num_clips": num_clips,
        "num_shuffles": len(shuffles),
        "auc": {
            name: {m: round(median_auc(versions, of), 4) for m, of in MEASURES.items()}
            for name, versions in scores.items()
        },
        "leaves": [asdict(row) for row in figures],
    }


def _row_of(analyzer: FrameAnalyzer, clip: TrafficClip, results: Sequence[FrameResult]) -> _Row:
    """What the service makes of a clip."""
    scores, levels = [r.score for r in results], [r.text_level for r in results]
    voices = [voice_of(r, r.score) for r in results]
    return _row(analyzer.calibration.clips, clip, scores, levels, voices)


def _row_of_part(
    analyzer: FrameAnalyzer, clip: TrafficClip, results: Sequence[FrameResult], name: str
) -> _Row:
    """What one part of the evidence would make of it alone."""
    bank = analyzer.text_bank
    if name == TEXT_ALONE:
        evidence = [r.standardised for r in results]
        scores = levels = [paired_score(e) for e in evidence]
    else:
        evidence = [motion_evidence(bank, r) for r in results]
        scores, levels = [paired_score(e) for e in evidence], [0.0] * len(evidence)
    voices = [loudest(e, bank.leaf_ids, s) for e, s in zip(evidence, scores, strict=True)]
    return _row(analyzer.calibration.clips, clip, scores, levels, voices)


def _row(
    calibration: ClipsCalibration,
    clip: TrafficClip,
    scores: Sequence[float],
    levels: Sequence[float],
    voices: Sequence[Voice],
) -> _Row:
    raw, values = curve(clip.times_s, scores, levels, calibration)
    scored = labelled(clip, values)
    if not clip.label.any():
        return _Row(scored, None)
    heard = [voice._replace(score=s) for voice, s in zip(voices, raw.tolist(), strict=True)]
    leaf = told_together(scored, heard, calibration.smoothing_s)
    return _Row(scored, _Told(leaf, clip.leaf_id, clip.dota, clip.script))


def _leaf_figures(name: str, versions: Sequence[Sequence[_Told]], bank: TextBank) -> LeafFigures:
    codes = {item.leaf_id: item.dota for item in bank.descriptions}
    roles = {item.leaf_id: item.participants for item in bank.descriptions}
    told = [one for version in versions for one in version]
    right = [[one.true_code in codes.get(one.leaf, ()) for one in row] for row in versions]
    first = [codes.get(one.leaf, ())[:1] == (one.true_code,) for one in told]
    same = [roles.get(one.leaf) == roles[one.true_leaf] for one in told]
    return LeafFigures(
        name=name,
        clips=len(versions[0]),
        leaf=float(np.mean([one.leaf == one.true_leaf for one in told])),
        code=float(np.mean(right)),
        code_interval=share_interval(right),
        first_code=float(np.mean(first)),
        participants=float(np.mean(same)),
    )


def _auc_table(scores: Mapping[str, Versions]) -> Table:
    table = Table("AUC, generated clips", *MEASURES)
    for name, versions in scores.items():
        cells = []
        for measure in MEASURES.values():
            low, high = bootstrap_interval(versions, measure, 300)
            cells.append(f"{median_auc(versions, measure):.3f} [{low:.2f}, {high:.2f}]")
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
