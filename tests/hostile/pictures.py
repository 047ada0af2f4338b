"""Hostile pictures: cut off, damaged, larger than they say, two things at once, mere text."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.builders.footage import encoded, street
from tests.hostile.corpus import Hostile, bit_flipped, noise, truncated

JPEG, PNG, WEBP = (encoded(street(), kind) for kind in (".jpg", ".png", ".webp"))
GOOD = (
    Hostile("jpeg", "a.jpg", JPEG),
    Hostile("png", "a.png", PNG),
    Hostile("webp", "a.webp", WEBP),
)


def pictures(secret: str, url: str) -> Iterator[Hostile]:
    """All of them.

    Args:
        secret: A file that must not be read.
        url: An address that must not be asked.
    """
    yield from noise()
    for good in GOOD:
        yield from truncated(good, 10)
        yield from bit_flipped(good, 16)
    yield from bombs()
    yield from polyglots()
    yield from texts(secret, url)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, *chunks: bytes, colour: int = 2) -> bytes:
    """A PNG of these chunks behind a header that may lie."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join((chunk(b"IHDR", header), *chunks, chunk(b"IEND", b"")))


def zeros(size: int) -> bytes:
    """So many zeros, deflated to a thousandth."""
    packer = zlib.compressobj(9)
    block = bytes(1024**2)
    packed = b"".join(packer.compress(block) for _ in range(size // len(block)))
    return packed + packer.flush()


def bombs() -> Iterator[Hostile]:
    """Small files that ask for much memory."""
    inflated = zeros(200 * 1024**2)
    data = chunk(b"IDAT", inflated)
    for width, height in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (0, 100)):
        yield Hostile(f"png {width}x{height}", "bomb.png", png(width, height, data))
    yield Hostile("png larger than its header", "bomb.png", png(10, 10, data))
    yield Hostile("png within limits, all zeros", "bomb.png", png(7000, 7000, data))
    text = chunk(b"zTXt", b"Comment\0\0" + inflated)
    profile = chunk(b"iCCP", b"icc\0\0" + inflated)
    small = chunk(b"IDAT", zlib.compress(bytes(31 * 10)))
    yield Hostile("png with a text bomb", "bomb.png", png(10, 10, text, small))
    yield Hostile("png with a profile bomb", "bomb.png", png(10, 10, profile, small))
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    yield Hostile("png with two headers", "bomb.png", png(10, 10, second, data))
    yield Hostile(
        "png with 10,000 chunks",
        "bomb.png",
        png(10, 10, *[chunk(b"tEXt", b"a\0b")] * 10_000, small),
    )
    yield Hostile(
        "png whose chunk ends nowhere", "bomb.png", PNG[:8] + b"\xff\xff\xff\xff" + PNG[12:]
    )

    at = JPEG.index(b"\xff\xc0") + 5
    huge = JPEG[:at] + struct.pack(">HH", 65_500, 65_500) + JPEG[at + 4 :]
    yield Hostile("jpeg 65500x65500", "bomb.jpg", huge)
    yield Hostile("jpeg of height 0", "bomb.jpg", JPEG[:at] + b"\0\0" + JPEG[at + 2 :])
    frame = JPEG[at - 5 : at - 3 + struct.unpack_from(">H", JPEG, at - 3)[0]]
    twice = frame[:5] + struct.pack(">HH", 65_500, 65_500) + frame[9:]
    yield Hostile(
        "jpeg with two frame headers",
        "bomb.jpg",
        JPEG[: at - 5] + frame + twice + JPEG[at - 5 + len(frame) :],
    )
    yield Hostile("jpeg of 20,000 scans", "bomb.jpg", many_scans(20_000))
    yield Hostile(
        "jpeg with endless comments",
        "bomb.jpg",
        JPEG[:2]
        + b"\xff\xfe\xff\xff"
        + bytes(65_533)
        + (b"\xff\xfe\xff\xff" + bytes(65_533)) * 40
        + JPEG[2:],
    )

    yield Hostile("webp canvas 16384x16384", "bomb.webp", extended_webp(16_384, 16_384))
    yield Hostile("webp smaller outside than inside", "bomb.webp", extended_webp(1, 1))
    yield Hostile("webp that says it has 4 GB", "bomb.webp", WEBP[:4] + b"\xff" * 4 + WEBP[8:])
    yield Hostile("webp of 2,000 frames", "bomb.webp", animated("WEBP", 2_000))
    yield Hostile("png of 500 frames", "bomb.png", animated("PNG", 500))


def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    buffer = io.BytesIO()
    Image.fromarray(street()).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last[:14] * count + data[-2:]


def extended_webp(width: int, height: int) -> bytes:
    """A WebP whose canvas says something else than its picture."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size + WEBP[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animated(kind: str, count: int) -> bytes:
    """An animation of so many small pictures."""
    frames = [Image.new("RGB", (64, 64), (i % 256, i // 256, 0)) for i in range(count)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], duration=10)
    return buffer.getvalue()


def polyglots() -> Iterator[Hostile]:
    """Files that are two things at once, and names that lie."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../evil.txt", bytes(10_000_000))
    page = b"<html><script>fetch('/knowledge')</script></html>"
    yield Hostile("jpeg and zip", "a.jpg", JPEG + archive.getvalue())
    yield Hostile("zip", "a.jpg", archive.getvalue())
    yield Hostile("jpeg and page", "a.jpg.html", JPEG + page)
    yield Hostile("png with a page inside", "a.png", png(10, 10, chunk(b"tEXt", b"x\0" + page)))
    yield Hostile("page and png", "a.png", page + PNG)
    yield Hostile("pdf and jpeg", "a.pdf", b"%PDF-1.7\n" + JPEG)
    yield Hostile("jpeg named mp4", "a.mp4", JPEG)
    yield Hostile("png named jpeg", "a.jpg", PNG)
    yield Hostile("webp named png", "a.png", WEBP)
    for kind in ("GIF", "BMP", "TIFF", "ICO", "PPM", "TGA", "PCX"):
        buffer = io.BytesIO()
        Image.fromarray(street()).save(buffer, kind)
        yield Hostile(f"{kind} named jpeg", "a.jpg", buffer.getvalue())


def texts(secret: str, url: str) -> Iterator[Hostile]:
    """Descriptions of pictures that name a file or an address, for readers that follow."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<image xlink:href="{}" width="9" height="9"/></svg>'
    )
    entity = f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{secret}">]><svg>&x;</svg>'
    laughs = "<!DOCTYPE a [<!ENTITY a 'ha'>" + "".join(
        f"<!ENTITY {chr(b)} '{('&' + chr(b - 1) + ';') * 10}'>" for b in range(98, 107)
    )
    for extension in ("svg", "jpg", "png"):
        yield Hostile(
            f"svg of a file as {extension}",
            f"a.{extension}",
            svg.format(f"file://{secret}").encode(),
        )
        yield Hostile(
            f"svg of an address as {extension}", f"a.{extension}", svg.format(url).encode()
        )
        yield Hostile(f"xml with an entity as {extension}", f"a.{extension}", entity.encode())
    yield Hostile("a billion laughs", "a.svg", (laughs + "]><svg>&j;</svg>").encode())
    yield Hostile(
        "ImageMagick's language",
        "a.jpg",
        f"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 9,9 '{url}'\n".encode(),
    )
    yield Hostile(
        "ImageMagick's script", "a.msl", f'<image><read filename="{secret}"/></image>'.encode()
    )
    yield Hostile("PostScript", "a.jpg", f"%!PS\n({secret}) (r) file\n".encode())
    yield Hostile("an address", "a.jpg", url.encode())
    yield Hostile("a path", "a.jpg", secret.encode())
