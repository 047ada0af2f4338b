"""The asynchronous client; `service.client` has the blocking one and gives both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio.to_thread
import httpx2
from httpx2.websockets import AsyncWebSocketSession

from service import client_calls as calls
from service.api.schemas import JobAnswer, JobList
from service.client_calls import TIMEOUT_S, OnProgress, Picture
from service.jobs.store import ENDED
from service.pipeline.frame_score import FrameScore
from service.pipeline.report import Report
from service.pipeline.stream_score import StreamScore
from service.scoring.calibration import Mode


class AsyncClient:
    """The same for asyncio; arguments and results are those of ``Client``."""

    def __init__(
        self, base_url: str, api_key: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._http = httpx2.AsyncClient(
            base_url=base_url, headers=calls.headers(api_key), timeout=timeout_s
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def score(
        self, *images: Picture, top_k: int = 5, mode: Mode = "paired"
    ) -> list[FrameScore]:
        """Score pictures."""
        files, data = await anyio.to_thread.run_sync(calls.score_form, images, top_k, mode)
        return calls.scores(await self._http.post("/frames/score", files=files, data=data))

    async def submit(
        self,
        video: Path | str,
        *,
        sample_fps: float | None = None,
        top_k: int = 5,
        mode: Mode = "paired",
        film: bool = True,
        callback_url: str | None = None,
    ) -> JobAnswer:
        """Send a clip; its job comes back at once."""
        data = calls.video_form(sample_fps, top_k, mode, film, callback_url)
        file = await anyio.to_thread.run_sync(Path(video).open, "rb")
        with file:
            files = {"video": (Path(video).name, file)}
            return calls.job(await self._http.post("/videos/analyze", files=files, data=data))

    async def analyze(
        self,
        video: Path | str,
        *,
        sample_fps: float | None = None,
        top_k: int = 5,
        mode: Mode = "paired",
        film: bool = True,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Send a clip, follow its job and fetch the report."""
        job = await self.submit(video, sample_fps=sample_fps, top_k=top_k, mode=mode, film=film)
        async for state in self.events(job.id):
            if on_progress is not None:
                on_progress(state)
        return await self.report(job.id)

    async def events(self, job_id: str) -> AsyncIterator[JobAnswer]:
        """States of a job as they change, until it has ended."""
        last_id, tries = "", 0
        while True:
            try:
                path = calls.events_path(job_id)
                async with self._http.sse(path, headers=calls.resume(last_id)) as stream:
                    if stream.response.is_error:
                        await stream.response.aread()
                    calls.check(stream.response)
                    async for event in stream:
                        last_id, tries = event.id, 0
                        state = calls.state(event.data)
                        yield state
                        if state.status in ENDED:
                            return
            except httpx2.TransportError:
                tries += 1
                if tries > calls.MAX_RECONNECTS:
                    raise

    async def report(self, job_id: str) -> Report:
        """The report of a completed job."""
        response = await self._http.get(f"/jobs/{job_id}/report", params={"format": "json"})
        return calls.report(response)

    async def jobs(self, limit: int = 100, after: str | None = None) -> JobList:
        """Jobs that are kept, newest first; ``after`` the id of one lists those older than it."""
        return calls.job_list(await self._http.get("/jobs", params=calls.paging(limit, after)))

    async def cancel(self, job_id: str) -> JobAnswer:
        """Cancel a job that waits or runs."""
        return calls.job(await self._http.delete(f"/jobs/{job_id}"))

    @asynccontextmanager
    async def stream(self, top_k: int = 5, mode: Mode = "paired") -> AsyncIterator[AsyncStream]:
        """Open a live stream."""
        url = calls.stream_url(self._http.base_url)
        async with self._http.websocket(url, params={"top_k": top_k, "mode": mode}) as session:
            yield AsyncStream(session)


class AsyncStream:
    """A live stream; each frame sent is answered before the next, so that none is dropped."""

    def __init__(self, session: AsyncWebSocketSession) -> None:
        self._session = session

    async def score(self, image: Picture, time_s: float) -> StreamScore:
        """Score the next frame; its time is later than that of the frame before."""
        data = await anyio.to_thread.run_sync(calls.picture, image)
        await self._session.send_text(calls.frame_head(time_s))
        await self._session.send_bytes(data)
        return calls.stream_score(await self._session.receive_text())
