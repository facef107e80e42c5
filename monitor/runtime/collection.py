"""One round of collecting in one database: ask all at once, then read each reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from monitor.collectors import epoch
from monitor.collectors.collector import Collected, Moment
from monitor.errors import TargetError
from monitor.postgres.request import Reply, Request
from monitor.postgres.session import Session
from monitor.runtime.clock import Clock
from monitor.runtime.schedule import Job

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one job brought; `collected` is None where it failed."""

    job: Job
    collected: Collected | None
    moment: Moment


async def collect(
    session: Session,
    jobs: Sequence[Job],
    *,
    seconds: float,
    clock: Clock,
    target: str,
) -> tuple[Outcome, ...]:
    """Run all requests of these jobs in one pipeline and read the replies.

    The epoch is read first, in the same round trip, so that no reset can hide
    between it and the counters. A job's failure is noted on the job and costs
    its own data only.

    Raises:
        TargetError: the connection is lost or the deadline passed.
    """
    asked = [(job, job.collector.requests()) for job in jobs]
    requests: list[Request] = [epoch.request()]
    for _, wanted in asked:
        requests.extend(wanted)
    replies = await session.run_all(requests, seconds=seconds)
    if replies[0].error is not None:
        raise replies[0].error
    moment = Moment(
        monotonic=clock.monotonic(), now=clock.now(), epoch=epoch.read(replies[0])
    )
    outcomes: list[Outcome] = []
    rest = iter(replies[1:])
    for job, wanted in asked:
        own = tuple(next(rest) for _ in wanted)
        collected = _read(job, own, moment, target) if own else job.idle(moment.now)
        outcomes.append(Outcome(job=job, collected=collected, moment=moment))
    return tuple(outcomes)


def _read(
    job: Job, replies: Sequence[Reply], moment: Moment, target: str
) -> Collected | None:
    seconds = max(reply.seconds for reply in replies)
    error = next((reply.error for reply in replies if reply.error), None)
    if error is None:
        try:
            collected = job.collector.read(replies, moment)
        except TargetError as unreadable:
            error = unreadable
        except Exception as defect:
            if not job.error:
                log.exception(
                    "collector_crashed", target=target, collector=job.collector.name
                )
            error = TargetError(f"could not read: {type(defect).__name__}")
        else:
            _note_success(job, replies, moment, seconds, target)
            return collected
    if job.failed(error, seconds=seconds):
        log.warning(
            "collector_failed",
            target=target,
            database=job.datname,
            collector=job.collector.name,
            error=error.message,
            detail=error.detail,
        )
    return None


def _note_success(
    job: Job, replies: Sequence[Reply], moment: Moment, seconds: float, target: str
) -> None:
    if job.error:
        log.info(
            "collector_recovered",
            target=target,
            database=job.datname,
            collector=job.collector.name,
        )
    rows = sum(len(reply.rows) for reply in replies)
    job.succeeded(now=moment.now, seconds=seconds, rows=rows)
