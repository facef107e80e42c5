"""The commands `platform audit`: seal the audit log's days, and verify them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from hashlib import sha256

import click

from monitor.cli.migrate import Place, placed
from monitor.cli.output import emit_json, emit_line, emit_table
from monitor.postgres import audit_seals
from monitor.postgres.audit_seals import TAMPERED, Verification
from monitor.postgres.session import Session

FOUND = 1
"""Exit status where somebody has tampered; 2 is that of every error."""

_DAY_SECONDS = 86_400.0
_SECONDS = click.option(
    "--seconds",
    type=click.FloatRange(1, _DAY_SECONDS),
    default=3600.0,
    show_default=True,
    help="Give up after this long.",
)


class NotedSeal(click.ParamType[bytes]):
    """A seal in hexadecimal digits."""

    name = "seal"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """Return the seal's bytes."""
        text = str(value)
        try:
            seal = bytes.fromhex(text)
        except ValueError:
            seal = b""
        if len(seal) != sha256().digest_size:
            self.fail(f'"{text}" is not a seal of 64 hexadecimal digits', param, ctx)
        return seal


@click.group()
def audit() -> None:
    """Prove that nobody has changed the audit log."""


@audit.command()
@placed
@click.option(
    "--up-to", type=click.DateTime(["%Y-%m-%d"]), help="Up to this day instead, UTC."
)
@_SECONDS
def seal(output: str, up_to: datetime | None, seconds: float, *, place: Place) -> None:
    """Seal the days that are over, up to the day before yesterday (UTC).

    To be run every day by the owner, such as from cron: what was changed before a
    day is sealed cannot be found.
    """
    until = None if up_to is None else up_to.date()

    async def work(session: Session) -> int:
        return await audit_seals.seal(session, until, seconds=seconds)

    days = place.run(work)
    if output == "json":
        emit_json({"sealed": days})
        return
    emit_line(f"{days} day(s) sealed")


@audit.command()
@placed
@click.option(
    "--noted", type=NotedSeal(), help="A seal noted elsewhere, which must be there."
)
@_SECONDS
def verify(output: str, noted: bytes | None, seconds: float, *, place: Place) -> int:
    """Compare every day of the audit log with its seal.

    Exit status 0: nothing was changed; 1: something was; 2: it could not be told.
    Whoever owns the database could rewrite log and seals alike: keep the newest seal,
    which this prints, where they cannot, and give it with --noted later.
    """

    async def work(session: Session) -> Verification:
        return await audit_seals.verify(session, noted, seconds=seconds)

    found = place.run(work)
    if output == "json":
        emit_json(_document(found))
    else:
        _emit(found)
    return 0 if found.is_sound else FOUND


def _document(found: Verification) -> dict[str, object]:
    newest = found.newest
    return {
        "sound": found.is_sound,
        "noted_seal_found": found.has_noted,
        "newest_seal": newest
        and {"created_date": newest.created_date.isoformat(), "seal": newest.seal},
        "days": [
            {
                "created_date": day.created_date.isoformat(),
                "status": day.status,
                "details": day.details,
            }
            for day in found.days
        ],
    }


def _emit(found: Verification) -> None:
    counts = Counter(day.status for day in found.days)
    days = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    emit_line(f"days of the audit log: {days or 'none'}")
    tampered = [day for day in found.days if day.status in TAMPERED]
    if tampered:
        emit_table(
            ("day", "status", "details"),
            [(day.created_date, day.status, day.details) for day in tampered],
        )
    if found.has_noted is False:
        emit_line("the noted seal is not there: log and seals were written anew")
    if found.newest is None:
        emit_line("newest seal: none")
        return
    emit_line(f"newest seal: {found.newest.seal} of {found.newest.created_date}")
