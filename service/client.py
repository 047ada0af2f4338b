"""A Python client of the service, blocking and asynchronous, with typed results.

from service.client import Client

with Client("http://127.0.0.1:8000") as client:
    (result,) = client.score("frame.jpg")
    report = client.analyze("clip.mp4", on_progress=print)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
from httpx2.websockets import WebSocketSession

from service import client_calls as calls
from service.api.schemas import JobAnswer, JobList
from service.client_async import AsyncClient
from service.client_calls import TIMEOUT_S, OnProgress, Picture, ServiceRefused
from service.jobs.store import ENDED
from service.pipeline.documents import Format
from service.pipeline.frame_score import FrameScore
from service.pipeline.report import Report
from service.pipeline.stream_score import StreamScore
from service.scoring.calibration import Mode

__all__ = ["AsyncClient", "Client", "ServiceRefused", "StreamScore"]


class Client:
    """Blocking client; use it as a context manager.

    Args:
        base_url: Where the service answers, such as ``http://127.0.0.1:8000``.
        api_key: Sent as a bearer token when given.
        timeout_s: Longest silence of the server; uploads and waits may take longer in all.

    Every method raises ``ServiceRefused`` for a problem that the service names, and
    ``httpx2.HTTPError`` when it cannot be reached.
    """

    def __init__(
        self, base_url: str, api_key: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._http = httpx2.Client(
            base_url=base_url, headers=calls.headers(api_key), timeout=timeout_s
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def score(self, *images: Picture, top_k: int = 5, mode: Mode = "paired") -> list[FrameScore]:
        """Score pictures: paths, or the bytes of JPEG, PNG or WebP files; a result for each."""
        files, data = calls.score_form(images, top_k, mode)
        return calls.scores(self._http.post("/frames/score", files=files, data=data))

    def submit(
        self,
        video: Path | str,
        *,
        sample_fps: float | None = None,
        top_k: int = 5,
        mode: Mode = "paired",
        film: bool = True,
        callback_url: str | None = None,
    ) -> JobAnswer:
        """Send a clip; its job comes back at once. The file is streamed, never read as a whole."""
        data = calls.video_form(sample_fps, top_k, mode, film, callback_url)
        with Path(video).open("rb") as file:
            files = {"video": (Path(video).name, file)}
            return calls.job(self._http.post("/videos/analyze", files=files, data=data))

    def analyze(
        self,
        video: Path | str,
        *,
        sample_fps: float | None = None,
        top_k: int = 5,
        mode: Mode = "paired",
        film: bool = True,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Send a clip, follow its job and fetch the report.

        Raises:
            ServiceRefused: Also when the job failed or was cancelled.
        """
        job = self.submit(video, sample_fps=sample_fps, top_k=top_k, mode=mode, film=film)
        for state in self.events(job.id):
            if on_progress is not None:
                on_progress(state)
        return self.report(job.id)

    def events(self, job_id: str) -> Iterator[JobAnswer]:
        """States of a job as they change, until it has ended; a cut connection is taken up."""
        last_id, tries = "", 0
        while True:
            try:
                with self._http.sse(calls.events_path(job_id), headers=calls.resume(last_id)) as s:
                    if s.response.is_error:
                        s.response.read()
                    calls.check(s.response)
                    for event in s:
                        last_id, tries = event.id, 0
                        state = calls.state(event.data)
                        yield state
                        if state.status in ENDED:
                            return
            except httpx2.TransportError:
                tries += 1
                if tries > calls.MAX_RECONNECTS:
                    raise

    def job(self, job_id: str) -> JobAnswer:
        """A job as it stands."""
        return calls.job(self._http.get(f"/jobs/{job_id}"))

    def jobs(self, limit: int = 100, after: str | None = None) -> JobList:
        """Jobs that are kept, newest first; ``after`` the id of one lists those older than it."""
        return calls.job_list(self._http.get("/jobs", params=calls.paging(limit, after)))

    def cancel(self, job_id: str) -> JobAnswer:
        """Cancel a job that waits or runs."""
        return calls.job(self._http.delete(f"/jobs/{job_id}"))

    def report(self, job_id: str) -> Report:
        """The report of a completed job."""
        return calls.report(self._http.get(f"/jobs/{job_id}/report", params={"format": "json"}))

    def report_as(self, job_id: str, kind: Format) -> str:
        """The report as text of another format: ``csv``, ``html`` or ``vtt``."""
        return calls.text(self._http.get(f"/jobs/{job_id}/report", params={"format": kind}))

    def frame(self, job_id: str, index: int) -> FrameScore:
        """What was found in one sampled frame."""
        return calls.frame(self._http.get(f"/jobs/{job_id}/frames/{index}"))

    def save_film(self, job_id: str, path: Path | str) -> None:
        """Write the annotated film to a file."""
        with self._http.stream("GET", f"/jobs/{job_id}/video.mp4") as response:
            if response.is_error:
                response.read()
            calls.check(response)
            with Path(path).open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)

    @contextmanager
    def stream(self, top_k: int = 5, mode: Mode = "paired") -> Iterator[Stream]:
        """Open a live stream: tracks and smoothing last as long as the block."""
        url = calls.stream_url(self._http.base_url)
        with self._http.websocket(url, params={"top_k": top_k, "mode": mode}) as session:
            yield Stream(session)


class Stream:
    """A live stream; each frame sent is answered before the next, so that none is dropped."""

    def __init__(self, session: WebSocketSession) -> None:
        self._session = session

    def score(self, image: Picture, time_s: float) -> StreamScore:
        """Score the next frame.

        Args:
            image: A path, or the bytes of a JPEG, PNG or WebP file.
            time_s: Its time; later than that of the frame before.
        """
        self._session.send_text(calls.frame_head(time_s))
        self._session.send_bytes(calls.picture(image))
        return calls.stream_score(self._session.receive_text())
