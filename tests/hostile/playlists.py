"""Texts and containers that name another file or an address, for players that follow."""

import base64
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.builders.footage import street_clip
from tests.hostile.corpus import Hostile


def playlists(secret: str, url: str, folder: Path) -> Iterator[Hostile]:
    """All of them.

    Args:
        secret: A file that must not be read.
        url: An address that must not be asked.
        folder: Where clips may be made.
    """
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    yield from hls(secret, url, f"tcp://{host}:{port}", f"udp://{host}:{port}")
    yield from lists(secret, url, host, port)
    yield from containers(secret, url, folder)


def hls(secret: str, url: str, *more: str) -> Iterator[Hostile]:
    """Apple's playlists, whose lines every protocol of FFmpeg was once tried with."""
    encoded = base64.b64encode(secret.encode()).decode()
    targets = (
        secret, f"file://{secret}", f"file:{secret}", url, f"concat:{secret}|{secret}",
        f"crypto:{secret}", f"crypto+file:{secret}", f"subfile,,start,0,end,99,,:{secret}",
        f"async:{url}", f"cache:{url}", f"data:text/plain;base64,{encoded}",
        "../" * 12 + secret.lstrip("/"), f"gopher{url[4:]}", f"ftp{url[4:]}", f"rtsp{url[4:]}",
        *more,
    )  # fmt: skip
    for number, target in enumerate(targets):
        text = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
        extension = ("m3u8", "mp4", "ts", "avi", "mkv")[number % 5]
        yield Hostile(f"hls {number} of {target[:12]}", f"a.{extension}", text.encode())
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n"
    yield Hostile(
        "hls with a map",
        "a.m3u8",
        f'{head}#EXT-X-MAP:URI="file://{secret}"\n#EXTINF:9,\n{url}\n'.encode(),
    )
    yield Hostile(
        "hls with a key",
        "a.m3u8",
        f'{head}#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:9,\nfile://{secret}\n'.encode(),
    )
    yield Hostile(
        "hls of hls", "a.m3u8", f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n".encode()
    )
    yield Hostile(
        "hls behind a mark", "a.m3u8", "\ufeff#EXTM3U\n".encode() + f"#EXTINF:9,\n{url}\n".encode()
    )
    yield Hostile("hls behind spaces", "a.mp4", b"   \n\n#EXTM3U\n#EXTINF:9,\n" + url.encode())


def lists(secret: str, url: str, host: str, port: str) -> Iterator[Hostile]:
    """Every other kind of list."""
    sdp = (
        f"v=0\no=- 0 0 IN IP4 {host}\ns=x\nc=IN IP4 {host}\nt=0 0\n"
        f"m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )
    mpd = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        "<Period><AdaptationSet><Representation><BaseURL>{}</BaseURL></Representation>"
        "</AdaptationSet></Period></MPD>"
    )
    conf = "ffconcat version 1.0"
    smil = f'<smil><body><switch><video src="{url}"/></switch></body></smil>'
    track = f"<trackList><track><location>{url}</location></track></trackList>"
    vobsub = "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos:"
    made = {
        "ffconcat of a file": ("a.ffconcat", f"{conf}\nfile '{secret}'\n"),
        "ffconcat of an address": ("a.mp4", f"{conf}\nfile '{url}'\n"),
        "ffconcat with options": ("a.ffconcat", f"{conf}\nfile '{secret}'\noption safe 0\n"),
        "concat without a head": ("a.concat", f"file '{secret}'\n"),
        "sdp": ("a.sdp", sdp),
        "sdp as mp4": ("a.mp4", sdp),
        "dash of a file": ("a.mpd", mpd.format(f"file://{secret}")),
        "dash of an address": ("a.mpd", mpd.format(url)),
        "dash as mp4": ("a.mp4", mpd.format(url)),
        "smooth streaming": ("a.ism", smil),
        "pls": ("a.pls", f"[playlist]\nFile1={url}\nNumberOfEntries=1\n"),
        "xspf": ("a.xspf", f"<playlist>{track}</playlist>"),
        "asx": ("a.asx", f'<asx version="3.0"><entry><ref href="{url}"/></entry></asx>'),
        "rtsp reference": ("a.mov", f"rtsptext\nrtsp{url[4:]}\n"),
        "RealMedia's list": ("a.ram", url),
        "vobsub": ("a.idx", f"{vobsub} {secret}\n"),
        "edit list of mplayer": ("a.edl", f"mplayer EDL file, version 2\n< {secret} \n"),
        "cue sheet": ("a.cue", f'FILE "{secret}" WAVE\n  TRACK 01 AUDIO\n'),
        "filter graph": ("a.lavfi", f"movie={secret}"),
        "numbered pictures": ("%d.jpg", secret),
    }  # fmt: skip
    for name, (filename, text) in made.items():
        yield Hostile(name, filename, text.encode())


def containers(secret: str, url: str, folder: Path) -> Iterator[Hostile]:
    """Containers that carry a list, or say that their pictures lie elsewhere."""
    mp4 = street_clip(folder / "plain.mp4").read_bytes()
    mkv = street_clip(folder / "plain.mkv").read_bytes()
    avi = street_clip(folder / "plain.avi").read_bytes()
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXTINF:9,\nfile://{secret}\n".encode()
    yield Hostile("playlist behind an mp4", "a.mp4", mp4 + playlist)
    yield Hostile("playlist before an mp4", "a.mp4", playlist + mp4)
    yield Hostile("playlist behind a matroska", "a.mkv", mkv + playlist)
    yield Hostile("playlist as a subtitle of an avi", "a.avi", with_subtitle(avi, playlist))
    for kind, place in ((b"url ", url.encode() + b"\0"), (b"alis", alias(secret))):
        yield Hostile(
            f"mp4 whose pictures lie in {kind!r}", "a.mp4", with_reference(mp4, kind, place)
        )
    yield Hostile("mp4 that refers on", "a.mov", reference_movie(url))


def box(kind: bytes, content: bytes) -> bytes:
    """A box of an MP4."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def with_reference(mp4: bytes, kind: bytes, place: bytes) -> bytes:
    """The clip with its data reference replaced by one that leads elsewhere."""
    old = mp4.index(b"dref") - 4
    size = struct.unpack_from(">I", mp4, old)[0]
    # Version and flags 0: the data is not in this file.
    new = box(b"dref", bytes(4) + struct.pack(">I", 1) + box(kind, bytes(4) + place))
    data = bytearray(mp4[:old] + new + mp4[old + size :])
    for parent in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        at = mp4.index(parent) - 4
        struct.pack_into(">I", data, at, struct.unpack_from(">I", mp4, at)[0] + len(new) - size)
    return bytes(data)


def alias(secret: str) -> bytes:
    """A Macintosh alias record with an absolute path in Unix form (tag 18)."""
    path = secret.encode()
    fixed = bytes(4) + struct.pack(">HH", 150, 2) + bytes(142)
    return fixed + struct.pack(">HH", 18, len(path)) + path + bytes(len(path) % 2) + b"\xff\xff\0\0"


def reference_movie(url: str) -> bytes:
    """QuickTime's own kind of link."""
    link = box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(url) + 1) + url.encode() + b"\0")
    return box(b"ftyp", b"qt  " + bytes(4)) + box(b"moov", box(b"rmra", box(b"rmda", link)))


def with_subtitle(avi: bytes, text: bytes) -> bytes:
    """A GAB2 subtitle, whose text FFmpeg probes as a file of its own."""
    inner = (
        b"GAB2\0" + struct.pack("<HIH", 2, 2, 0) + b"a\0" + struct.pack("<HI", 4, len(text)) + text
    )
    packet = b"01tx" + struct.pack("<I", len(inner)) + inner + bytes(len(inner) % 2)
    header = (
        b"strh" + struct.pack("<I", 56) + b"txts" + bytes(16) + struct.pack("<II", 1, 1) + bytes(28)
    )
    strf = b"strf" + struct.pack("<I", 0)
    stream = b"LIST" + struct.pack("<I", 4 + len(header) + len(strf)) + b"strl" + header + strf
    data = bytearray(avi)
    movie = avi.index(b"movi")
    data[movie + 4 : movie + 4] = packet
    grow(data, movie - 4, len(packet))
    heads = avi.index(b"hdrl") - 8
    end = heads + 8 + struct.unpack_from("<I", avi, heads + 4)[0]
    data[end:end] = stream
    grow(data, heads + 4, len(stream))
    grow(data, 4, len(packet) + len(stream))
    streams = avi.index(b"avih") + 8 + 24
    struct.pack_into("<I", data, streams, 2)
    return bytes(data)


def grow(data: bytearray, at: int, by: int) -> None:
    """A size field of a RIFF that takes more in."""
    struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] + by)
