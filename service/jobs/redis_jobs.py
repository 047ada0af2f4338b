"""Jobs as Redis holds them, seen and changed by every API process and every worker.

    saclip:job:{id}         hash: `job` as JSON, `revision`, `status`
    saclip:beat:{id}        string that a running attempt rewrites; gone soon after it stops
    saclip:worker           string that every worker rewrites; gone soon after the last one stops
    saclip:jobs             sorted set of ids by the time they were created
    saclip:status:{status}  set of ids
    saclip:callbacks        set of ids of ended jobs whose caller is still to be told
    saclip:knowledge        hash: `sha256`, `text` of the hierarchy in service

A change is made from a copy and written only when the revision is still that of the copy, so two
processes never overwrite each other and an attempt that lost its job can change nothing.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from coredis import PureToken, Redis
from coredis.commands import Script

from service.errors import JobNotFound
from service.jobs.store import STATUSES, Job

BEAT_LIFE_S = 12
WORKER_LIFE_S = 10
_PREFIX = "saclip:"
KNOWLEDGE_KEY = _PREFIX + "knowledge"
_JOBS_KEY, _CALLBACKS_KEY = _PREFIX + "jobs", _PREFIX + "callbacks"

# KEYS: job, jobs, callbacks;
# ARGV: revision expected ('' for a new job), id, status, revision, JSON, time, callback or ''
_WRITE = """
local known = redis.call('HGET', KEYS[1], 'revision') or ''
if known ~= ARGV[1] then return 0 end
local old = redis.call('HGET', KEYS[1], 'status')
if old then redis.call('SREM', 'saclip:status:' .. old, ARGV[2]) end
redis.call('SADD', 'saclip:status:' .. ARGV[3], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[6], ARGV[2])
if ARGV[7] == 'pending' then redis.call('SADD', KEYS[3], ARGV[2])
else redis.call('SREM', KEYS[3], ARGV[2]) end
redis.call('HSET', KEYS[1], 'job', ARGV[5], 'revision', ARGV[4], 'status', ARGV[3])
return 1
"""
# KEYS: job, jobs, callbacks, beat; ARGV: id
_FORGET = """
local status = redis.call('HGET', KEYS[1], 'status')
if status then redis.call('SREM', 'saclip:status:' .. status, ARGV[1]) end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1], KEYS[4])
"""
# KEYS: knowledge; ARGV: digest that must be there ('' when there may be none), new digest, text
_SWAP = """
local known = redis.call('HGET', KEYS[1], 'sha256')
if known and known ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'sha256', ARGV[2], 'text', ARGV[3])
return 1
"""


class RedisJobs:
    """The state of all jobs.

    Args:
        redis: A client whose answers are text.
    """

    def __init__(self, redis: "Redis[str]") -> None:
        self._redis = redis
        self._write: Script[str] = redis.register_script(_WRITE)
        self._forget: Script[str] = redis.register_script(_FORGET)
        self._swap: Script[str] = redis.register_script(_SWAP)

    async def create(self, job: Job) -> None:
        """Make a job known."""
        await self._put(job, expected="")

    async def get(self, job_id: str) -> Job:
        """A job as it stands.

        Raises:
            JobNotFound: There is none of this id.
        """
        text = await self._redis.hget(_job_key(job_id), "job")
        if text is None:
            raise JobNotFound("no job has this id; an ended one is deleted after some time")
        return Job.model_validate_json(text)

    async def is_known(self, job_id: str) -> bool:
        """Whether there is a job of this id."""
        return bool(await self._redis.exists([_job_key(job_id)]))

    async def all(self) -> list[Job]:
        """All jobs, newest first."""
        return await self.page(0, -1)

    async def page(self, start: int, count: int) -> list[Job]:
        """So many jobs from a place on, newest first; -1 for all of them."""
        return await self._load(
            _JOBS_KEY, offset=start, count=count, order=PureToken.DESC
        )  # fmt: skip

    async def of_status(self, *statuses: str) -> list[Job]:
        """The jobs that have one of these statuses, newest first."""
        jobs = [job for status in statuses for job in await self._load(_status_key(status))]
        return sorted(jobs, key=lambda job: job.created_at, reverse=True)

    async def untold(self) -> list[str]:
        """Ids of the ended jobs whose caller is still to be told."""
        return list(await self._redis.smembers(_CALLBACKS_KEY))

    async def counts(self) -> dict[str, int]:
        """Number of jobs by status."""
        return {status: await self._redis.scard(_status_key(status)) for status in STATUSES}

    async def change(self, job_id: str, change: Callable[[Job], Job | None]) -> Job | None:
        """Change a job as it is at this moment.

        Args:
            job_id: Which one.
            change: Makes the new state of the old one; None leaves it, and may be asked again
                when somebody else was faster.

        Returns:
            The new state; None when it was left.

        Raises:
            JobNotFound: There is none of this id.
        """
        while True:
            job = await self.get(job_id)
            changed = change(job)
            if changed is None:
                return None
            if await self._put(changed, expected=str(job.revision)):
                return changed

    async def forget(self, job_id: str) -> None:
        """Remove every trace of a job."""
        keys = [_job_key(job_id), _JOBS_KEY, _CALLBACKS_KEY, _beat_key(job_id)]
        await self._forget(keys, [job_id])

    async def beat(self, job_id: str, run: str, count: int) -> None:
        """Say that this attempt is alive."""
        await self._redis.set(_beat_key(job_id), f"{run}:{count}", ex=BEAT_LIFE_S)

    async def last_beat(self, job_id: str) -> str | None:
        """What the attempt last said; None when it has been silent for long."""
        return await self._redis.get(_beat_key(job_id))

    async def worker_beat(self) -> None:
        """Say that there is a worker, whether it has a job or not."""
        await self._redis.set(_PREFIX + "worker", "1", ex=WORKER_LIFE_S)

    async def has_worker(self) -> bool:
        """Whether a worker has said so in the last seconds."""
        return await self._redis.get(_PREFIX + "worker") is not None

    async def knowledge_sha256(self) -> str | None:
        """Digest of the hierarchy in service; None when none was ever replaced."""
        return await self._redis.hget(KNOWLEDGE_KEY, "sha256")

    async def knowledge(self) -> str | None:
        """The text of the hierarchy in service."""
        return await self._redis.hget(KNOWLEDGE_KEY, "text")

    async def swap_knowledge(self, text: str, sha256: str, present: str) -> bool:
        """Put another hierarchy in service, unless somebody else was faster."""
        return bool(await self._swap([KNOWLEDGE_KEY], [present, sha256, text]))

    async def ping(self) -> None:
        """Raise when Redis does not answer."""
        await self._redis.ping()

    async def _load(self, ids_key: str, **part: Any) -> list[Job]:
        """The jobs whose ids stand in a set, in one answer: one by one takes seconds."""
        wanted = [_job_key("*") + "->job"]
        texts = await self._redis.sort(ids_key, gets=wanted, by="nosort", **part)
        assert isinstance(texts, tuple)
        return [Job.model_validate_json(text) for text in texts if text is not None]

    async def _put(self, job: Job, expected: str) -> bool:
        keys = [_job_key(job.id), _JOBS_KEY, _CALLBACKS_KEY]
        arguments: list[Any] = [
            expected, job.id, job.status, job.revision, job.model_dump_json(),
            job.created_at.timestamp(), job.callback or "",
        ]  # fmt: skip
        return bool(await self._write(keys, arguments))


@asynccontextmanager
async def open_jobs(redis_url: str) -> AsyncIterator[RedisJobs]:
    """Jobs over a connection of their own, for a moment."""
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        yield RedisJobs(redis)


def _job_key(job_id: str) -> str:
    return f"{_PREFIX}job:{job_id}"


def _beat_key(job_id: str) -> str:
    return f"{_PREFIX}beat:{job_id}"


def _status_key(status: str) -> str:
    return f"{_PREFIX}status:{status}"
