"""A store that API and workers reach over the network, so that they need not share a disk.

Any file system of fsspec will do: ``s3://bucket/prefix`` (extra ``s3``), ``file:///mnt/share``.
A job works in a local folder; its upload comes from the store, and what others need goes there.
"""

import shutil
import uuid
from pathlib import Path

import fsspec

from service.errors import FatalError
from service.jobs.store import (
    ARTEFACTS,
    KEPT_FILES,
    REPORT_FILE,
    UPLOAD_FILE,
    JobStore,
)
from service.pipeline.report import Report


class SharedStore(JobStore):
    """Uploads, checkpoints, reports and artefacts in a shared place, worked on in a local folder.

    Args:
        folder: Local folder of running jobs and of artefacts that were read.
        url: Where the shared ones are.

    Raises:
        FatalError: The place cannot be reached, or needs an extra that is not installed.
    """

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        try:
            self._fs, self._root = fsspec.core.url_to_fs(
                url,
                use_listings_cache=False,  # other processes write there too
            )
            self._fs.makedirs(self._root, exist_ok=True)
        except ImportError as error:
            raise FatalError(
                f"SACLIP_STORE_URL {url}: {error.name or 'a package'} is missing; "
                "install the extra saclip[s3]"
            ) from error
        except Exception as error:
            raise FatalError(f"SACLIP_STORE_URL {url}: cannot be reached ({error})") from error

    def publish_upload(self, job_id: str) -> None:
        """Send the received upload to the store and give its local room back."""
        self._put(job_id, UPLOAD_FILE)
        super().drop_upload(job_id)

    def has_upload(self, job_id: str) -> bool:
        return bool(self._fs.exists(self._remote(job_id, UPLOAD_FILE)))

    def take_upload(self, job_id: str) -> Path:
        """Bring the upload here, and what an earlier attempt kept, where that is newer.

        Raises:
            FileNotFoundError: There is no upload of this job.
        """
        # A local rest may be older than what another worker kept since; so it goes.
        for name in KEPT_FILES:
            (self.scratch(job_id) / name).unlink(missing_ok=True)
        for name in KEPT_FILES:
            if self._fs.exists(self._remote(job_id, name)):
                self._get(job_id, name)
        path = self.scratch(job_id) / UPLOAD_FILE
        if not path.is_file():
            self._get(job_id, UPLOAD_FILE)
        return path

    def save_report(self, job_id: str, report: Report) -> None:
        text = report.model_dump_json(by_alias=True).encode()
        self._fs.pipe_file(self._remote(job_id, REPORT_FILE), text)

    def read_report(self, job_id: str) -> bytes:
        """The report as JSON text; it was checked when it was written."""
        return bytes(self._fs.cat_file(self._remote(job_id, REPORT_FILE)))

    def scratch(self, job_id: str) -> Path:
        folder = self._folder / job_id
        folder.mkdir(exist_ok=True)
        return folder

    def keep(self, job_id: str) -> None:
        """Send the checkpoint to the store, the details it vouches for first."""
        for name in KEPT_FILES:
            if (self.scratch(job_id) / name).is_file():
                self._put(job_id, name)

    def publish(self, job_id: str) -> None:
        for name in ARTEFACTS:
            if (self.scratch(job_id) / name).is_file():
                self._put(job_id, name)

    def fetch(self, job_id: str, name: str) -> Path:
        """A local copy of what was published; a published file never changes.

        Raises:
            FileNotFoundError: Nothing was, under this name.
        """
        path = self.scratch(job_id) / name
        if name not in ARTEFACTS:
            raise FileNotFoundError(name)
        if not path.is_file():
            self._get(job_id, name)
        return path

    def release(self, job_id: str) -> None:
        for name in KEPT_FILES:
            if name not in ARTEFACTS:
                self._drop(job_id, name)
        self.forget_local(job_id)

    def forget_local(self, job_id: str) -> None:
        """Give the local room of a job back."""
        folder = self._folder / job_id
        for path in folder.glob("*"):
            if path.name in (UPLOAD_FILE, *KEPT_FILES, *ARTEFACTS) or path.suffix == ".partial":
                path.unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def drop_upload(self, job_id: str) -> None:
        super().drop_upload(job_id)
        self._drop(job_id, UPLOAD_FILE)

    def remove(self, job_id: str) -> None:
        shutil.rmtree(self._folder / job_id, ignore_errors=True)
        if self._fs.exists(f"{self._root}/{job_id}"):
            self._fs.rm(f"{self._root}/{job_id}", recursive=True)

    def _remote(self, job_id: str, name: str) -> str:
        return f"{self._root}/{job_id}/{name}"

    def _put(self, job_id: str, name: str) -> None:
        target = self._remote(job_id, name)
        self._fs.makedirs(f"{self._root}/{job_id}", exist_ok=True)
        # An object store shows an object when it is whole; a folder needs the detour.
        partial = target + ".partial" if "file" in self._fs.protocol else target
        self._fs.put_file(str(self.scratch(job_id) / name), partial)
        if partial != target:
            self._fs.mv(partial, target)

    def _get(self, job_id: str, name: str) -> None:
        path = self.scratch(job_id) / name
        # A name of its own: a film is asked for by player and page at the same time.
        partial = path.with_name(f"{name}.{uuid.uuid4().hex}.partial")
        try:
            self._fs.get_file(self._remote(job_id, name), str(partial))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _drop(self, job_id: str, name: str) -> None:
        if self._fs.exists(self._remote(job_id, name)):
            self._fs.rm_file(self._remote(job_id, name))
