"""Everything the service may refuse. Nothing here knows HTTP; `api/problems.py` maps it.

    ServiceError
    +-- FrameTooLarge, FrameNotSupported, FrameNotDecodable, TooManyFrames
    +-- VideoTooLarge, VideoNotSupported, VideoNotDecodable, AnalysisCancelled
    +-- UploadTooLarge
    +-- FrameOutOfOrder, StreamMessageInvalid
    +-- KeyRefused, ScopeMissing, RateExceeded, ForeignOrigin
    +-- KnowledgeRejected, KnowledgeChanged
    +-- JobNotFound, ReportNotReady, FrameNotSampled, Overloaded, StorageFull
    +-- WorkerKilled, QueueUnreachable, CallbackRefused
    +-- FatalError          stops the start: the process says one line and exits
        +-- BundleError     (service.bundle.manifest)
        +-- RuntimeMissing  (service.bundle.sessions)
        +-- SettingsError
        +-- SourceRefused

A class's docstring is the title of its problem; `str(error)` is the detail.
"""

import re
from collections.abc import Sequence
from typing import Protocol


class ServiceError(Exception):
    """The request cannot be served."""


class FrameTooLarge(ServiceError):
    """The picture is larger than the service accepts."""


class FrameNotSupported(ServiceError):
    """The picture's format is not supported."""


class FrameNotDecodable(ServiceError):
    """The picture cannot be decoded."""


class TooManyFrames(ServiceError):
    """The request holds more pictures than the service accepts."""


class VideoTooLarge(ServiceError):
    """The video is larger or longer than the service accepts."""


class VideoNotSupported(ServiceError):
    """The video's format is not supported."""


class VideoNotDecodable(ServiceError):
    """The video cannot be decoded."""


class UploadTooLarge(ServiceError):
    """The upload has more bytes than the service accepts."""


class FrameOutOfOrder(ServiceError):
    """A frame of a stream is not later than the one before."""


class StreamMessageInvalid(ServiceError):
    """A message of a stream is not one that the service knows."""


class RuleViolation(Protocol):
    """What `knowledge.violations.Violation` says, seen from here."""

    @property
    def id(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def detail(self) -> str: ...


class KnowledgeRejected(ServiceError):
    """The hierarchy of descriptions breaks a rule; nothing was changed."""

    def __init__(self, detail: str, violations: Sequence[RuleViolation]) -> None:
        super().__init__(detail)
        self.violations = tuple(violations)


class KnowledgeChanged(ServiceError):
    """The hierarchy in service is not the one the request names."""


class JobNotFound(ServiceError):
    """There is no such job."""


class ReportNotReady(ServiceError):
    """The job has no report."""


class FrameNotSampled(ServiceError):
    """The frame was not among those that were scored."""


class AnalysisCancelled(ServiceError):
    """The analysis was cancelled."""


class Overloaded(ServiceError):
    """The service is busy; try again later."""


class StorageFull(ServiceError):
    """The service has no room to store the upload."""


class KeyRefused(ServiceError):
    """The request carries no valid key."""


class ScopeMissing(ServiceError):
    """The key may not do this."""


class RateExceeded(ServiceError):
    """The key has sent too many requests.

    Attributes:
        wait_s: Seconds until the next one may pass.
    """

    def __init__(self, detail: str, wait_s: float) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class ForeignOrigin(ServiceError):
    """The request comes from another site's page."""


class WorkerKilled(ServiceError):
    """The analysis of the video ended its worker every time."""


class QueueUnreachable(ServiceError):
    """The queue of jobs cannot be reached."""


class CallbackRefused(ServiceError):
    """The callback address may not be called."""


class FatalError(ServiceError):
    """The service cannot start."""


class SettingsError(FatalError):
    """A setting is unknown or has an impossible value."""


class SourceRefused(FatalError):
    """The source may not, or cannot, be watched."""


def kind_of(error: type[ServiceError]) -> str:
    """The error's stable public name: ``FrameTooLarge`` is ``frame-too-large``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", error.__name__).lower()
