"""Local cameras for tests: pictures over HTTP, one after the other, as many network cameras do."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.builders.footage import encoded, street

BOUNDARY = "frame"


class MjpegCamera:
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
        self.connections = 0
        self.sent = 0
        self._closing = threading.Event()
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

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}/video"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
