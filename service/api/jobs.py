"""``/jobs``: where a video's analysis stands, its report, and cancelling it."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from service import errors
from service.api import problems
from service.api.schemas import JobAnswer, JobList
from service.api.state import State
from service.jobs.store import Job
from service.pipeline.report import Report

router = APIRouter(prefix="/jobs", tags=["jobs"])
JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="As `POST /videos/analyze` gave it.")]


def job_answer(job: Job) -> JobAnswer:
    """A job as the API shows it."""
    done = job.status == "completed"
    content = job.model_dump(exclude={"options"})
    return JobAnswer.model_validate(
        {**content, "report_url": f"/jobs/{job.id}/report" if done else None}
    )


@router.get("")
def list_jobs(state: State) -> JobList:
    """All jobs that are kept, newest first."""
    return JobList(jobs=[job_answer(job) for job in state.queue.list()])


@router.get("/{job_id}", responses=problems.responses(errors.JobNotFound))
def read_job(state: State, job_id: JobId) -> JobAnswer:
    """Status, progress and stage of one job."""
    return job_answer(state.queue.get(job_id))


@router.get("/{job_id}/report", responses=problems.responses(errors.JobNotFound, errors.ReportNotReady))
def read_report(state: State, job_id: JobId) -> Report:
    """The finished report."""
    return state.queue.report(job_id)


@router.delete("/{job_id}", status_code=204, responses=problems.responses(errors.JobNotFound))
def delete_job(state: State, job_id: JobId) -> Response:
    """Cancel a job that waits or runs; forget one that has ended."""
    state.queue.delete(job_id)
    return Response(status_code=204)
