"""Local cameras for tests: JPEG pictures over HTTP, and in RTP packets over RTSP."""

import socketserver
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path

import av

from service.vision.isolated import in_this_process
from service.vision.live import LiveFrames
from service.vision.sources import parse_source
from tests.builders.footage import encoded, street

BOUNDARY = "frame"
RTCP_SENDER_REPORT = 200
RTSP_DESCRIPTION = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=street\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 26\r\na=control:track1\r\n"
)


class _Camera:
    """A server on a port of its own; ``connections`` counts who came."""

    def __init__(self) -> None:
        self.connections = 0
        self._closing = threading.Event()

    def _serve(self, server: socketserver.TCPServer) -> None:
        self._server = server
        self.host = f"127.0.0.1:{server.server_address[1]}"
        self._thread = threading.Thread(target=server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class MjpegCamera(_Camera):
    """Motion JPEG over HTTP at ``/video``; ``/elsewhere`` is a redirect to it.

    Args:
        fps: Pictures a second.
        hang_up_after: Pictures after which the first connection is cut.
        picture: Makes the JPEG of a picture's number.
    """

    def __init__(
        self,
        fps: float = 20.0,
        hang_up_after: int | None = None,
        picture: Callable[[int], bytes] = lambda number: encoded(street(number % 100)),
    ) -> None:
        super().__init__()
        self.sent = 0
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/elsewhere":
                    self.send_response(302)
                    self.send_header("Location", "/video")
                    self.end_headers()
                    return
                camera.connections += 1
                limit = hang_up_after if camera.connections == 1 else None
                self.send_response(200)
                self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
                self.end_headers()
                self._stream(limit)

            def _stream(self, limit: int | None) -> None:
                number = 0
                while not camera._closing.is_set() and number != limit:
                    jpeg = picture(number)
                    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                    head += f"Content-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        return
                    number += 1
                    camera.sent += 1
                    time.sleep(1 / fps)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._serve(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        self.url = f"http://{self.host}/video"


class Recording(_Camera):
    """A clip behind an HTTP address, sent as fast as it is taken.

    Args:
        path: The clip.
        hang_up_after: Bytes after which the second connection is cut; the first one only looks.
        seekable: Whether a part of it may be asked for.
        endless: Whether it says nothing of its length, as a camera does.
        refuses: Numbers of the connections that get a 503.
    """

    def __init__(
        self,
        path: Path,
        hang_up_after: int | None = None,
        seekable: bool = False,
        endless: bool = False,
        refuses: Collection[int] = (),
    ) -> None:
        super().__init__()
        camera, content = self, path.read_bytes()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                if camera.connections in refuses:
                    self.send_error(503)
                    return
                limit = hang_up_after if camera.connections == 2 else None
                asked = self.headers.get("Range", "") if seekable else ""
                first = int(asked.removeprefix("bytes=").partition("-")[0] or 0)
                self.send_response(206 if asked else 200)
                if not endless:
                    self.send_header("Content-Length", str(len(content) - first))
                if asked:
                    self.send_header(
                        "Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}"
                    )
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(content[first:][:limit])

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._serve(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        self.url = f"http://{self.host}/{path.name}"


class RtspCamera(_Camera):
    """JPEG in RTP over one TCP connection (RFC 2326 and 2435).

    Args:
        fps: Pictures a second.
        hang_up_after: Pictures after which the first connection is cut.
    """

    def __init__(self, fps: float = 20.0, hang_up_after: int | None = None) -> None:
        super().__init__()
        camera = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                camera.connections += 1
                limit = hang_up_after if camera.connections == 1 else None
                while request := _rtsp_request(self.rfile):
                    method, number = request
                    self.wfile.write(_rtsp_answer(method, number))
                    if method == "PLAY":
                        self._play(limit)
                        return

            def _play(self, limit: int | None) -> None:
                for number, packets in enumerate(_rtp_pictures()):
                    if camera._closing.is_set() or number == limit:
                        return
                    for packet in packets:
                        channel = 1 if packet[1] == RTCP_SENDER_REPORT else 0
                        head = b"$" + bytes([channel]) + len(packet).to_bytes(2, "big")
                        try:
                            self.wfile.write(head + packet)
                        except OSError:
                            return
                    time.sleep(1 / fps)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self._serve(server)
        self.url = f"rtsp://{self.host}/street"


def _rtsp_request(wire: BufferedIOBase) -> tuple[str, str] | None:
    """Method and sequence number of the next request; None when the client is gone."""
    lines = []
    while line := wire.readline().strip():
        lines.append(line.decode())
    if not lines:
        return None
    number = next(line.split(":")[1] for line in lines if line.lower().startswith("cseq"))
    return lines[0].split()[0], number.strip()


def _rtsp_answer(method: str, number: str) -> bytes:
    body = RTSP_DESCRIPTION if method == "DESCRIBE" else ""
    head = ["RTSP/1.0 200 OK", f"CSeq: {number}", "Session: 1"]
    head += {
        "OPTIONS": ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"],
        "DESCRIBE": ["Content-Type: application/sdp", f"Content-Length: {len(body)}"],
        "SETUP": ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1"],
    }.get(method, [])
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def _rtp_pictures() -> Iterator[list[bytes]]:
    """The packets of each picture, made by FFmpeg."""

    class Wire:
        def __init__(self) -> None:
            self.packets: list[bytes] = []

        def write(self, data: bytes) -> int:
            self.packets.append(bytes(data))
            return len(data)

    wire = Wire()
    with av.open(wire, "w", format="rtp", options={"packetsize": "1200"}) as out:
        stream = out.add_stream("mjpeg", rate=20)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuvj420p"
        stream.codec_context.thread_count = 1  # one slice a picture, too
        stream.options = {"huffman": "default", "qscale": "3"}  # the one table RTP can do
        number = 0
        while True:
            picture = av.VideoFrame.from_ndarray(street(number % 100), format="rgb24")
            picture = picture.reformat(format="yuvj420p")
            picture.pts, picture.time_base = number, Fraction(1, 20)
            out.mux(stream.encode(picture))
            yield wire.packets
            wire.packets = []
            number += 1


def live_frames(
    address: str, host: str, lines: list[str], fps: float = 10, max_pixels: int = 10**7
) -> LiveFrames:
    """The frames of a network source; what is told of it is appended to the lines."""
    source = parse_source(address, frozenset({host}))
    open_clip = in_this_process(max_pixels, 100)
    return LiveFrames(source, fps, max_pixels, open_clip, told=lines.append)
