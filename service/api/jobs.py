"""``/jobs``: where a video's analysis stands, its report, and cancelling it."""

from fastapi import APIRouter, Response

from service import errors
from service.api import problems
from service.api.schemas import JobAnswer, JobList, job_answer
from service.api.state import State
from service.pipeline.report import Report

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("")
def list_jobs(state: State) -> JobList:
    """All jobs that are kept, newest first."""
    return JobList(jobs=[job_answer(job) for job in state.queue.jobs()])


@router.get("/{job_id}", responses=problems.responses(errors.JobNotFound))
def read_job(state: State, job_id: str) -> JobAnswer:
    """Status, progress and stage of one job."""
    return job_answer(state.queue.get(job_id))


@router.get(
    "/{job_id}/report",
    response_model=Report,
    responses=problems.responses(errors.JobNotFound, errors.ReportNotReady),
)
def read_report(state: State, job_id: str) -> Response:
    """The report of a completed job."""
    # Checked when it was written: reading it as JSON once more would only cost time.
    return Response(state.queue.report(job_id), media_type="application/json")


@router.delete("/{job_id}", status_code=202, responses=problems.responses(errors.JobNotFound))
def cancel_job(state: State, job_id: str) -> JobAnswer:
    """Cancel a job that waits or runs; a running one stops within a second.

    A job that has ended stays as it is.
    """
    return job_answer(state.queue.cancel(job_id))
