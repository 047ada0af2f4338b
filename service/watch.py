"""``saclip watch``: a camera, a file or a stream scored as it comes; alarms printed and posted."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from service.outbox import Outbox
from service.pipeline.alarms import AlarmEvent, AlarmKeeper
from service.pipeline.engine import Engine
from service.pipeline.stream import StreamScorer
from service.printing import participants
from service.scoring.calibration import Mode
from service.settings import Settings
from service.vision.clips import SampledFrame
from service.vision.isolated import in_a_child
from service.vision.live import LiveFrames
from service.vision.sources import parse_source
from service.webhooks import Message, Webhooks, load_signing_secret, named_host

FLUSH_S = 15.0  # at the end, for messages that nobody has taken yet


class Watch:
    """One source, watched until it ends or the process is told to stop.

    Args:
        settings: Limits, the sampling rate, the hosts that may be watched.
        source: The number of a camera, a file, an RTSP or HTTP address.
        webhook: Where alarms are posted to; nowhere when left out.
        as_json: Whether to print a JSON object a line instead of words.
        realtime: Whether a file is played at its own pace.

    Raises:
        SourceRefused: The source may not, or cannot, be watched.
        CallbackRefused: The webhook is no address to call.
        FatalError: There is no secret to sign with.
    """

    def __init__(
        self,
        settings: Settings,
        source: str,
        webhook: str | None = None,
        as_json: bool = False,
        realtime: bool = False,
    ) -> None:
        self._source = parse_source(source, settings.hosts_to_watch)
        self._webhook, self._as_json = webhook, as_json
        self._outbox = None if webhook is None else _outbox(settings, webhook)
        self._out, self._err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
        self._frames = LiveFrames(
            self._source,
            settings.sample_fps,
            settings.max_image_pixels,
            in_a_child(*settings.decode_limits),
            told=self._note,
            realtime=realtime,
        )
        self._scored = self._failed = 0

    def run(self, engine: Engine, mode: Mode = "paired", top_k: int = 5) -> None:
        """Watch until the file ends, or SIGINT or SIGTERM comes.

        Raises:
            ServiceError: A file cannot be read.
        """
        self._model = {
            "bundle": engine.bundle.manifest.name,
            "knowledge_sha256": engine.hierarchy.sha256,
            "mode": mode,
        }
        scorer = StreamScorer(engine, mode, top_k)
        keeper = AlarmKeeper(engine.analyzer.calibration.clips)
        if self._outbox is not None:
            self._outbox.start()
        with self._frames as frames, _until_signal(frames):
            for sampled in frames:
                if sampled is not None:
                    self._score(sampled, scorer, keeper)
                    continue
                scorer.lose()
                for event in keeper.lose():
                    self._tell(event)
        for event in keeper.end():
            self._tell(event)
        unsent = 0 if self._outbox is None else self._outbox.stop(FLUSH_S)
        self._sum_up(unsent)

    def _score(self, sampled: SampledFrame, scorer: StreamScorer, keeper: AlarmKeeper) -> None:
        dropped = self._frames.counts.dropped
        try:
            scorer.score(sampled.frame, sampled.time_s, sampled.index, dropped)
        except Exception as error:  # one frame must not end the watch
            self._failed += 1
            self._note(f"frame at {sampled.time_s:.1f} s not scored: {error!r}"[:300])
            return
        self._scored += 1
        assert scorer.latest is not None
        for event in keeper.update(scorer.latest):
            self._tell(event)

    def _tell(self, event: AlarmEvent) -> None:
        content = self._content(event)
        if self._as_json:
            self._out.print(Text(json.dumps(content)))
        else:
            self._out.print(Text(self._line(event)))
        if self._outbox is not None and self._webhook is not None:
            body = json.dumps(content).encode()
            name = f"{event.type.replace('.', '_')}_{event.alarm.id}"
            self._outbox.send(Message(self._webhook, name, body))

    def _content(self, event: AlarmEvent) -> dict[str, Any]:
        """What is posted and printed as JSON; a live source has times of the clock as well."""
        data = {"source": self._source.shown, **event.alarm.model_dump(mode="json")}
        if self._source.is_live:
            for name in ("began", "ended", "peak"):
                time_s = data[f"{name}_s"]
                data[f"{name}_at"] = None if time_s is None else self._clock(time_s).isoformat()
        return {
            "type": event.type,
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {**data, "model": self._model, "dropped": self._frames.counts.dropped},
        }

    def _line(self, event: AlarmEvent) -> str:
        alarm = event.alarm
        if event.type == "alarm.ended" and alarm.ended_s is not None:
            lasted_s = alarm.ended_s - alarm.began_s
            return (
                f"{self._when(alarm.ended_s)}  over   after {lasted_s:.1f} s, "
                f"highest probability {alarm.probability:.2f}"
            )
        best = alarm.explanations[0] if alarm.explanations else None
        what = f"{best.text} ({participants(best)})" if best else "nothing to compare"
        return f"{self._when(alarm.began_s)}  ALARM  probability {alarm.probability:.2f}  {what}"

    def _when(self, time_s: float) -> str:
        if self._source.is_live:
            return self._clock(time_s).astimezone().strftime("%H:%M:%S")
        return f"{time_s:8.1f} s"

    def _clock(self, time_s: float) -> datetime:
        return datetime.fromtimestamp(self._frames.started_at + time_s, UTC)

    def _note(self, line: str) -> None:
        now = time.strftime("%H:%M:%S")
        self._err.print(Text(f"{now}  {line}", "yellow"))

    def _sum_up(self, unsent: int) -> None:
        counts = self._frames.counts
        parts = [f"{self._scored} frames scored", f"{counts.dropped} dropped for a newer one"]
        parts += [f"{self._failed} not scored"] if self._failed else []
        parts += [f"lost {counts.lost} times"] if counts.lost else []
        parts += [f"{unsent} messages not delivered"] if unsent else []
        self._note(f"{self._source.shown}: {', '.join(parts)}")


def _outbox(settings: Settings, webhook: str) -> Outbox:
    # The operator names it on the command line, so its own host is the list.
    _, host = named_host(webhook)
    secret = load_signing_secret(settings.callback_secret_file, "--webhook")
    webhooks = Webhooks(frozenset({host}), secret)
    webhooks.check(webhook)
    return Outbox(webhooks)


@contextmanager
def _until_signal(frames: LiveFrames) -> Iterator[None]:
    """SIGINT and SIGTERM end the watch in order: the alarm that lasts is ended and told."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread handle signals
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: frames.stop()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
