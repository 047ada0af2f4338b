"""What a picture file says about itself, read from its first bytes without decoding it.

A header tells the size before any pixel is allocated, so a 20,000 x 20,000 picture of a few
kilobytes is refused at no cost.
"""

import struct
from dataclasses import dataclass
from typing import Literal

from service.errors import FrameNotDecodable, FrameNotSupported

JPEG_START = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"
PNG_START = b"\x89PNG\r\n\x1a\n"
# Start Of Frame: C0..CF without DHT (C4), the reserved JPG (C8) and DAC (CC).
JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_START_OF_SCAN = 0xDA
JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM, RST0..RST7
WEBP_ANIMATION_FLAG = 0x02

# Named in a refusal only, so that a client learns what it sent: (offset, bytes, name).
OTHER_FORMATS = (
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (0, b"II*\x00", "a TIFF"),
    (0, b"MM\x00*", "a TIFF"),
    (4, b"ftypavi", "an AVIF"),
    (4, b"ftyphei", "a HEIC"),
    (4, b"ftypmif1", "a HEIF"),
    (4, b"ftyp", "an MP4 video; videos go to /videos/analyze"),
    (0, b"\x1aE\xdf\xa3", "a Matroska video; videos go to /videos/analyze"),
    (0, b"%PDF", "a PDF"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"<", "text (XML, SVG or HTML)"),
)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size in stored pixels (before EXIF orientation) and whether more frames follow the first."""

    kind: Literal["JPEG", "PNG", "WebP"]
    width: int
    height: int
    animated: bool = False


def read_header(data: bytes) -> ImageHeader:
    """Read kind and size of a JPEG, PNG or WebP.

    Raises:
        FrameNotSupported: Another format, or no picture at all.
        FrameNotDecodable: 0 bytes, or a file that is cut off or contradicts itself.
    """
    if not data:
        raise FrameNotDecodable("the file is empty (0 bytes)")
    try:
        if data.startswith(JPEG_START):
            header = _read_jpeg(data)
        elif data.startswith(PNG_START):
            header = _read_png(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            header = _read_webp(data)
        else:
            raise FrameNotSupported(f"expected JPEG, PNG or WebP, got {_name_of(data)}")
    except (struct.error, IndexError) as error:
        raise FrameNotDecodable(f"the file ends inside its header ({len(data)} bytes)") from error
    if header.width < 1 or header.height < 1:
        raise FrameNotDecodable(f"the {header.kind} header says {header.width}x{header.height}")
    return header


def _name_of(data: bytes) -> str:
    for offset, magic, name in OTHER_FORMATS:
        if data[offset : offset + len(magic)] == magic:
            return name
    return f"{len(data)} bytes that begin with {data[:8].hex(' ')}"


def _read_jpeg(data: bytes) -> ImageHeader:
    """Walk the segments up to the first scan, then look for the end marker.

    Entropy-coded bytes never contain FF D9 (an FF is stuffed with 00), and a thumbnail's own end
    marker stands before the first scan; so an end marker after it proves a complete file.
    """
    size: tuple[int, int] | None = None
    at = 2
    while True:
        if data[at] != 0xFF:
            raise FrameNotDecodable(f"the JPEG is damaged: no marker at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte before the marker
            at += 1
        elif marker in JPEG_WITHOUT_LENGTH:
            at += 2
        elif marker == JPEG_START_OF_SCAN:
            break
        else:
            if marker in JPEG_FRAME_MARKERS and size is None:
                height, width = struct.unpack_from(">HH", data, at + 5)
                size = (width, height)
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    if size is None:
        raise FrameNotDecodable("the JPEG has no frame header")
    if data.find(JPEG_END, at) < 0:
        raise FrameNotDecodable(f"the JPEG is cut off after {len(data)} bytes: no end marker")
    return ImageHeader("JPEG", *size)


def _read_png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise FrameNotDecodable("the PNG does not begin with IHDR")
    width, height = struct.unpack_from(">II", data, 16)
    at, kind, animated = len(PNG_START), b"", False
    while kind != b"IEND":
        if at + 12 > len(data):
            raise FrameNotDecodable(f"the PNG is cut off after {len(data)} bytes: no IEND")
        length = int(struct.unpack_from(">I", data, at)[0])
        kind = data[at + 4 : at + 8]
        animated |= kind == b"acTL"
        at += 12 + length
    if at > len(data):
        raise FrameNotDecodable(f"the PNG is cut off after {len(data)} bytes")
    return ImageHeader("PNG", width, height, animated)


def _read_webp(data: bytes) -> ImageHeader:
    if int(struct.unpack_from("<I", data, 4)[0]) + 8 > len(data):
        raise FrameNotDecodable(f"the WebP is cut off after {len(data)} bytes")
    chunk = data[12:16]
    if chunk == b"VP8X":
        animated = bool(data[20] & WEBP_ANIMATION_FLAG)
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return ImageHeader("WebP", width, height, animated)
    if chunk == b"VP8L":
        bits = int(struct.unpack_from("<I", data, 21)[0])
        return ImageHeader("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return ImageHeader("WebP", width & 0x3FFF, height & 0x3FFF)  # the top bits are a scale
    raise FrameNotDecodable(f"the WebP begins with an unknown chunk {chunk!r}")
