"""CSV, WebVTT and HTML of one hand-made report."""

import base64
import csv
import hashlib
import html
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import av
import pytest

from service.pipeline.documents import html_policy, report_csv, report_html, report_vtt
from service.pipeline.report import Report


def explanation(text: str) -> dict[str, Any]:
    car = {
        "xyxy": [1, 2, 3, 4], "class": "car", "confidence": 0.5, "track_id": 1,
        "roi_source": "detected",
    }  # fmt: skip
    return {
        "description_id": "a/b", "text": text, "path": ["Anomalous", "Rear end"],
        "polarity": "anomaly", "severity": 3, "similarity": 0.5, "margin": 0.25,
        "counterpart": None, "subject": car, "object": None, "cues": {},
    }  # fmt: skip


def make_report(text: str = "A car brakes.", name: str = "clip.mp4") -> Report:
    """Four frames of 3700 s; the middle two are a segment."""
    times = (0.0, 3661.25, 3662.5, 3700.0)
    probabilities = (0.0, 0.75, 1.0, 0.25)
    return Report.model_validate(
        {
            "video": {
                "name": name, "width": 2, "height": 1, "duration_s": 3700.0, "fps": 30.0,
                "codec": "h264", "sampled_frames": 4, "sample_fps": 10.0,
            },
            "model": {"bundle": "nano", "knowledge_sha256": "0" * 64, "mode": "paired"},
            "frames": [
                {
                    "index": 10 * i, "time_s": t, "score": 2.0, "eq11": 0.125, "probability": p,
                    "anomalous": i in (1, 2),
                }
                for i, (t, p) in enumerate(zip(times, probabilities, strict=True))
            ],
            "segments": [
                {
                    "start_s": 3661.25, "end_s": 3662.5, "peak_s": 3662.5, "peak_index": 20,
                    "probability": 1.0, "explanations": [explanation(text)],
                }
            ],
            "decode_errors": [{"time_s": None, "detail": "<lost> packet", "count": 2}],
            "timings": {"total": 1.0},
        },
        by_alias=True,
    )  # fmt: skip


def test_csv_has_a_line_a_frame_and_says_which_segment() -> None:
    """Numbers as they are, 1 and 0 for the alarm, RFC 4180 line ends."""
    text = report_csv(make_report())

    rows = list(csv.reader(io.StringIO(text)))
    assert text.count("\r\n") == 5
    assert rows[0] == [
        "index", "time_s", "score", "eq11", "probability", "anomalous", "segment", "description",
    ]  # fmt: skip
    assert rows[1] == ["0", "0.0", "2.0", "0.125", "0.0", "0", "", ""]
    assert rows[2] == ["10", "3661.25", "2.0", "0.125", "0.75", "1", "1", "A car brakes."]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@cmd"])
def test_a_description_is_never_a_formula(text: str) -> None:
    """A spreadsheet would run it; descriptions come from users."""
    rows = list(csv.reader(io.StringIO(report_csv(make_report(text)))))

    assert rows[2][-1] == f"'{text}"


def test_webvtt_clock_and_escapes() -> None:
    """3661.25 s is 01:01:01.250; markup in a description stays text."""
    text = report_vtt(make_report("A <b>car</b> & a van\nbrake."))

    assert text == (
        "WEBVTT\n\n1\n01:01:01.250 --> 01:01:02.500\n"
        "A &lt;b&gt;car&lt;/b&gt; &amp; a van brake. (p 1.00)\n"
    )


def test_a_segment_of_one_frame_is_shown_for_a_moment() -> None:
    """A cue must end after it begins."""
    report = make_report()
    one = report.segments[0].model_copy(update={"end_s": 3661.25})

    text = report_vtt(report.model_copy(update={"segments": (one,)}))

    assert "01:01:01.250 --> 01:01:01.350" in text


def test_html_escapes_what_users_named_and_needs_nothing_from_outside() -> None:
    """The name of a file and a description may hold markup; it must not become any."""
    page = report_html(make_report("<script>x</script>", name='"><img src=x>'), {20: b"jpeg"})

    tags = _Tags(page)
    assert "script" not in tags.names
    assert tags.names.count("img") == 1
    assert tags.sources == ["data:image/jpeg;base64," + base64.b64encode(b"jpeg").decode()]
    assert "&lt;lost&gt; packet" in page
    assert "http" not in page
    assert "1:01:01.2" in page  # 3661.25 s in tenths


def test_html_chart_by_hand() -> None:
    """720 wide for 3700 s: the segment begins at 712.5 and is too thin, so 2 wide."""
    page = report_html(make_report())

    assert '<rect class="band" x="712.5" y="0" width="2.0" height="120">' in page
    assert 'points="0.0,120.0 712.5,30.0 712.7,0.0 720.0,90.0"' in page


def test_html_says_what_was_skipped_and_where_the_alarm_begins() -> None:
    """A frame that was not scored is no scored one; 0.6 of 120 is 48 from the top."""
    content = make_report().model_dump(by_alias=True)
    content["model"]["threshold"] = 0.6
    content["skipped"] = [{"time_s": 12.0, "reason": "too <dark>", "count": 3}]
    content["video"]["sampled_frames"] = 7

    page = report_html(Report.model_validate(content, by_alias=True))

    assert "4 frames scored" in page
    assert '<path class="threshold" d="M0 48.0H720">' in page
    assert "an alarm begins at 60 %" in page
    assert "<td>12.0 s</td><td>too &lt;dark&gt;</td>" in page


def test_html_calls_objects_as_people_do() -> None:
    """A followed car by its number, a region by what it is."""
    content = make_report().model_dump(by_alias=True)
    region = {"class": "ego", "track_id": None, "roi_source": "pseudo"}
    best = content["segments"][0]["explanations"][0]
    best["object"] = {**best["subject"], **region}

    page = report_html(Report.model_validate(content, by_alias=True))

    assert "<td>car\u00a0#1 and the camera&#39;s own car</td>" in page


def test_the_policy_allows_exactly_the_page_s_own_style() -> None:
    """The hash is of the text between the style tags."""
    style = re.search(r"<style>(.*?)</style>", report_html(make_report()), re.DOTALL)
    assert style is not None

    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in html_policy()
    assert "unsafe" not in html_policy()


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.sources: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.sources += [value for name, value in attrs if name == "src"]


def test_webvtt_as_ffmpeg_reads_it(tmp_path: Path) -> None:
    """Another program's parser finds every cue, its times, and the text without its escapes."""
    report = make_report("A <b>car</b> --> a van\n\nbrakes & stops.")
    segment = report.segments[0]
    early = segment.model_copy(update={"start_s": 0.5, "end_s": 2.0, "explanations": ()})
    path = tmp_path / "report.vtt"
    path.write_text(report_vtt(report.model_copy(update={"segments": (early, segment)})))

    with av.open(str(path)) as file:
        (stream,) = file.streams.subtitles
        base = stream.time_base
        assert base is not None
        shown = [
            (float(packet.pts * base), float((packet.duration or 0) * base), bytes(packet).decode())
            for packet in file.demux(stream)
            if packet.pts is not None
        ]

    assert [(start, length) for start, length, _ in shown] == [(0.5, 1.5), (3661.25, 1.25)]
    assert html.unescape(shown[1][2]) == "A <b>car</b> --> a van brakes & stops. (p 1.00)"
