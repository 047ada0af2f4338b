"""Headers of files made by hand, byte by byte, so that no library's leniency hides a mistake."""

import struct
import zlib

import pytest

from service.errors import FrameNotDecodable, FrameNotSupported
from service.vision.image_header import ImageHeader, read_header

SOF0 = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 48, 64, 1) + b"\x01\x11\x00"
SOS = b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\x00\x00\x3f\x00"


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *between: bytes) -> bytes:
    ihdr = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + ihdr + b"".join(between) + png_chunk(b"IEND", b"")


def webp(chunk: bytes, body: bytes) -> bytes:
    inner = b"WEBP" + chunk + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def test_a_jpeg_header_is_found_behind_other_segments_and_fill_bytes() -> None:
    """An APP1 whose thumbnail holds a frame header and an end marker of its own is stepped over."""
    thumbnail = b"\xff\xd8" + SOF0.replace(b"\x00\x40", b"\x00\x08") + b"\xff\xd9"
    app1 = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail

    header = read_header(b"\xff\xd8" + app1 + b"\xff\xff" + SOF0[1:] + SOS + b"\x12\xff\xd9")

    assert header == ImageHeader("JPEG", 64, 48)


def test_a_jpeg_whose_only_end_marker_is_the_thumbnail_s_is_cut_off() -> None:
    """The end marker must stand behind the first scan."""
    app1 = b"\xff\xe1" + struct.pack(">H", 6) + b"\xff\xd8\xff\xd9"

    with pytest.raises(FrameNotDecodable, match="cut off after"):
        read_header(b"\xff\xd8" + app1 + SOF0 + SOS + b"\x12\x34")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(png(20_000, 20_000), ImageHeader("PNG", 20_000, 20_000), id="huge png"),
        pytest.param(
            png(3, 2, png_chunk(b"acTL", bytes(8))), ImageHeader("PNG", 3, 2, True), id="apng"
        ),
        pytest.param(
            webp(b"VP8X", b"\x02\x00\x00\x00" + b"\x1f\x4e\x00" + b"\x01\x00\x00"),
            ImageHeader("WebP", 20_000, 2, True),
            id="animated webp",
        ),
        pytest.param(
            webp(b"VP8L", b"\x2f" + struct.pack("<I", (640 - 1) | (480 - 1) << 14)),
            ImageHeader("WebP", 640, 480),
            id="lossless webp",
        ),
        pytest.param(
            webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 640 | 0x4000, 480)),
            ImageHeader("WebP", 640, 480),
            id="lossy webp with a scale in its top bits",
        ),
    ],
)
def test_sizes_are_read_without_any_pixel(data: bytes, expected: ImageHeader) -> None:
    """None of these files holds a single pixel, and none needs one."""
    assert read_header(data) == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "empty", id="0 bytes"),
        pytest.param(b"\xff\xd8\xff", "inside its header", id="three bytes of jpeg"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x04ab", "inside its header", id="jpeg, no frame"),
        pytest.param(b"\xff\xd8" + SOS + b"\xff\xd9", "no frame header", id="jpeg scan only"),
        pytest.param(b"\xff\xd8\xff\xe0\x00\x02abcd", "no marker at byte 6", id="jpeg garbage"),
        pytest.param(png(0, 5), "0x5", id="png without width"),
        pytest.param(png(4, 4)[:-6], "cut off", id="png inside its last chunk"),
        pytest.param(png(4, 4)[:33], "no IEND", id="png behind its header"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + png_chunk(b"IDAT", b"abcd"), "IHDR", id="png order"),
        pytest.param(webp(b"VP8L", b"\x2f0000")[:-1], "cut off", id="webp one byte short"),
        pytest.param(webp(b"JUNK", b"1234"), "unknown chunk", id="webp chunk"),
    ],
)
def test_a_damaged_file_is_told_from_a_foreign_one(data: bytes, words: str) -> None:
    """It names what is wrong, and it is never an IndexError or a struct.error."""
    with pytest.raises(FrameNotDecodable, match=words):
        read_header(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"GIF89a" + bytes(20), "a GIF", id="gif"),
        pytest.param(b"\x00\x00\x00\x18ftypisom", "/videos/analyze", id="video"),
        pytest.param(b"\x00\x00\x00\x18ftypheic", "a HEIC", id="heic"),
        pytest.param(b"<html>", "text", id="html"),
        pytest.param(b"hello world", "11 bytes that begin with 68 65 6c", id="garbage"),
    ],
)
def test_a_foreign_format_is_named(data: bytes, words: str) -> None:
    """A client learns what it sent."""
    with pytest.raises(FrameNotSupported, match=words):
        read_header(data)
