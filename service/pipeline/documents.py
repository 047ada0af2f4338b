"""A report for other readers than programs: a table, subtitles for a player, a page to print."""

import base64
import csv
import hashlib
import io
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from service.pipeline.report import FrameRow, Report, SegmentRow

Format = Literal["json", "csv", "html", "vtt"]
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "html": "text/html",
    "vtt": "text/vtt",
}
TEMPLATES = Path(__file__).parent / "templates"
CHART_WH = (720, 120)
TICK_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the clip's length, where the chart says the time
MAX_CHART_POINTS = 2000  # finer than a printed line shows
MINUS = "\u2212"


def report_csv(report: Report) -> str:
    """One line a sampled frame; a frame within a segment carries its number and description."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    names = ("index", "time_s", "score", "eq11", "probability", "anomalous")
    table.writerow([*names, "segment", "description"])
    for row in report.frames:
        number, segment = _segment_of(report, row)
        values = [getattr(row, name) for name in names[:-1]]
        says = _description(segment) if segment else ""
        table.writerow([*values, int(row.anomalous), number or "", _no_formula(says)])
    return text.getvalue()


def report_vtt(report: Report) -> str:
    """WebVTT: one cue a segment, for any player beside the film or the clip."""
    blocks = ["WEBVTT"]
    for number, segment in enumerate(report.segments, start=1):
        # A cue that ends where it begins is never shown.
        end_s = max(segment.end_s, segment.start_s + 0.1)
        blocks.append(
            f"{number}\n{_clock(segment.start_s)} --> {_clock(end_s)}\n"
            f"{_cue_text(_description(segment))} (p {segment.probability:.2f})"
        )
    return "\n\n".join(blocks) + "\n"


def report_html(report: Report, pictures: Mapping[int, bytes] | None = None) -> str:
    """One page with nothing outside it, to keep and to print.

    Args:
        report: The report.
        pictures: JPEG files by the number of their frame, for the peaks of the segments.
    """
    template, style = _template()
    return template.render(
        report=report,
        style=Markup(style),  # noqa: S704  # our own file
        curve=_curve(report),
        bands=[_band(report, segment) for segment in report.segments],
        chart=CHART_WH,
        threshold=report.model.threshold,
        ticks=[_tick(report, share) for share in TICK_SHARES],
        pictures={
            index: base64.b64encode(jpeg).decode() for index, jpeg in (pictures or {}).items()
        },
    )


def html_policy() -> str:
    """The Content-Security-Policy under which the page shows: its one style, its own pictures."""
    digest = base64.b64encode(hashlib.sha256(_template()[1].encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _template() -> tuple[Template, str]:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {"clock": _short_clock, "percent": _percent, "signed": _signed}
    environment.filters.update(filters, unbroken=_unbroken)
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8").strip()
    return environment.get_template("report.html"), style


def _curve(report: Report) -> str:
    """Points of the probability over time, for an SVG polyline."""
    rows = report.frames[:: max(1, len(report.frames) // MAX_CHART_POINTS)]
    return " ".join(
        f"{_x(report, row.time_s):.1f},{CHART_WH[1] * (1 - row.probability):.1f}" for row in rows
    )


def _band(report: Report, segment: SegmentRow) -> tuple[float, float]:
    left = _x(report, segment.start_s)
    return round(left, 1), round(max(2.0, _x(report, segment.end_s) - left), 1)


def _x(report: Report, time_s: float) -> float:
    return CHART_WH[0] * min(1.0, time_s / max(report.video.duration_s, 1e-9))


def _tick(report: Report, share: float) -> tuple[float, str]:
    return CHART_WH[0] * share, _short_clock(report.video.duration_s * share)


def _segment_of(report: Report, row: FrameRow) -> tuple[int, SegmentRow | None]:
    if row.anomalous:
        for number, segment in enumerate(report.segments, start=1):
            if segment.start_s <= row.time_s <= segment.end_s:
                return number, segment
    return 0, None


def _description(segment: SegmentRow) -> str:
    return segment.explanations[0].text if segment.explanations else "anomaly"


def _no_formula(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula; descriptions are user-given."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _cue_text(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"\s+", " ", escaped)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _short_clock(seconds: float) -> str:
    """``3.4 s``, ``2:03.4 min`` or ``1:02:03.4 h``, as the page says it."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest / 10:04.1f} h"
    return f"{minutes}:{rest / 10:04.1f} min" if minutes else f"{rest / 10:.1f} s"


def _percent(share: float) -> str:
    """``82 %``; what is neither 0 nor 1 is never rounded to it."""
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def _unbroken(name: str) -> str:
    """An object and its number stay on one line."""
    return name.replace(" #", "\u00a0#")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", MINUS)
