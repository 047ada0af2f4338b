"""Everything the service may refuse. Nothing here knows HTTP; `api/problems.py` maps it.

    ServiceError
    +-- FrameTooLarge, FrameNotSupported, FrameNotDecodable
    +-- VideoTooLarge, VideoNotSupported, VideoNotDecodable, AnalysisCancelled
    +-- UploadTooLarge, TooManyFrames
    +-- KnowledgeRejected, KnowledgeChanged
    +-- JobNotFound, ReportNotReady, Overloaded, StorageFull
    +-- FatalError          stops the start: the process says one line and exits
        +-- BundleError     (service.bundle.manifest)
        +-- RuntimeMissing  (service.bundle.sessions)
        +-- SettingsError   (service.settings)

A class's docstring is the title of its problem; `str(error)` is the detail.
"""


class ServiceError(Exception):
    """The request cannot be served."""


class FatalError(ServiceError):
    """The service cannot start."""


class FrameTooLarge(ServiceError):
    """The picture is larger than the service accepts."""


class FrameNotSupported(ServiceError):
    """The picture's format is not supported."""


class FrameNotDecodable(ServiceError):
    """The picture cannot be decoded."""


class VideoTooLarge(ServiceError):
    """The video is larger or longer than the service accepts."""


class VideoNotSupported(ServiceError):
    """The video's format is not supported."""


class VideoNotDecodable(ServiceError):
    """The video cannot be decoded."""


class AnalysisCancelled(ServiceError):
    """The analysis was cancelled."""


class UploadTooLarge(ServiceError):
    """The upload has more bytes than the service accepts."""


class TooManyFrames(ServiceError):
    """The request holds more pictures than the service accepts at once."""


class KnowledgeRejected(ServiceError):
    """The hierarchy breaks its rules."""


class KnowledgeChanged(ServiceError):
    """The hierarchy is no longer the one the request was made for."""


class JobNotFound(ServiceError):
    """There is no such job."""


class ReportNotReady(ServiceError):
    """The job has no report yet, or will never have one."""


class Overloaded(ServiceError):
    """The service is busy; try again later."""


class StorageFull(ServiceError):
    """There is no room on the disk for the upload."""
