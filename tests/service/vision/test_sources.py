"""What may be watched, and what is said of what may not."""

from pathlib import Path

import pytest

from service.errors import SourceRefused
from service.vision.sources import parse_source

HOSTS = frozenset({"camera.example", "camera.example:8554", "[::1]"})


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://camera.example/street",
        "rtsp://camera.example:554/street",
        "rtsp://CAMERA.example:8554/street",
        "https://camera.example/video.ts",
        "http://[::1]/video",
    ],
)
def test_an_allowed_host_may_be_watched(address: str) -> None:
    """Without regard to capitals; the usual port of a scheme needs no naming."""
    source = parse_source(address, HOSTS)

    assert (source.kind, source.address, source.is_live) == ("network", address, True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rtsp://other.example/street", "other.example is not among.*SACLIP_WATCH_HOSTS"),
        ("rtsp://camera.example:99/street", "camera.example:99 is not among"),
        ("rtsp://camera.example@other.example/", "other.example is not among"),
        ("file:///etc/passwd", "begins with rtsp, rtsps, http, https"),
        ("concat://a|b", "begins with rtsp"),
        ("http:///video", "names a host"),
        ("http://camera.example:x/", "no address to watch"),
        ("http://camera.example/a b", "blank or a control character"),
        ("missing.mp4", "neither a file"),
        ("4711", "there is no camera 4711: /dev/video4711 does not exist"),
    ],
)
def test_everything_else_is_refused_in_a_line(text: str, why: str) -> None:
    """The line names the value and what would help."""
    with pytest.raises(SourceRefused, match=why):
        parse_source(text, HOSTS)


def test_a_file_ends(tmp_path: Path) -> None:
    """So it is read once, and never opened again."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"x")

    source = parse_source(str(path), frozenset())

    assert (source.kind, source.is_live, source.shown) == ("file", False, "clip.mp4")


def test_passwords_are_not_shown() -> None:
    """Neither in messages nor in what is posted."""
    source = parse_source("rtsp://me:secret@camera.example/street?token=abc", HOSTS)

    assert source.shown == "rtsp://camera.example/street"
    assert "secret" in source.address


@pytest.mark.parametrize(
    ("scheme", "allowed"),
    [("http", {"http", "tcp"}), ("https", {"https", "tls", "tcp"})],
)
def test_a_stream_cannot_lead_elsewhere(scheme: str, allowed: set[str]) -> None:
    """No other protocol, no playlist, no redirect."""
    options = parse_source(f"{scheme}://camera.example/video", HOSTS).options

    assert set(options["protocol_whitelist"].split(",")) == allowed
    assert "hls" not in options["format_whitelist"]
    assert options["max_redirects"] == "0"
