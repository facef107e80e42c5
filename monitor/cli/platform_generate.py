"""The command `platform generate`: rows for a load test."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from monitor.cli.migrate import Place, placed
from monitor.cli.output import emit_json, emit_line
from monitor.demo.population import Population
from monitor.demo.population import generate as fill
from monitor.postgres.session import Session

_PAUSE_SECONDS = 2.0


@click.command()
@placed
@click.option(
    "--profiles",
    type=click.IntRange(10, 10_000_000),
    default=10_000,
    show_default=True,
    help="How many users.",
)
@click.option(
    "--messages",
    type=click.IntRange(0, 1_000_000_000),
    default=100_000,
    show_default=True,
    help="How many messages, 20 to a conversation.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Another seed gives other ids.",
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Last day of the messages, UTC. [default: today]",
)
@click.option(
    "--with-triggers",
    is_flag=True,
    help="Let every trigger fire as for requests: far slower, audited.",
)
@click.option(
    "--beside-real-users",
    is_flag=True,
    help="Even where there are users who were not generated.",
)
def generate(
    output: str,
    profiles: int,
    messages: int,
    seed: int,
    until: datetime | None,
    *,
    place: Place,
    with_triggers: bool,
    beside_real_users: bool,
) -> None:
    """Fill an installed platform with users and messages for a load test.

    The same options give the same rows. With 1,000,000 profiles and 10,000,000
    messages it takes 6 GB and, with triggers silent, some ten minutes; as a role that
    may not silence them several times as long, since each message counts itself.
    """
    population = Population(
        profiles=profiles, messages=messages, seed=seed, until=_midnight(until)
    )
    told = _Told(time.monotonic())

    async def work(session: Session) -> bool:
        return await fill(
            session,
            population,
            told,
            with_triggers=with_triggers,
            beside_real_users=beside_real_users,
        )

    fired = place.run(work)
    if output == "json":
        emit_json({**_counts(population), "with_triggers": fired})
    else:
        emit_line(_described(population, fired=fired))


def _counts(population: Population) -> dict[str, int]:
    return {
        "organizations": population.organizations,
        "profiles": population.profiles,
        "content_items": population.items,
        "conversations": population.conversations,
        "messages": population.messages,
    }


def _described(population: Population, *, fired: bool) -> str:
    made = ", ".join(
        f"{number:,} {name.replace('_', ' ')}"
        for name, number in _counts(population).items()
    )
    return f"generated {made}; triggers {'in force' if fired else 'silent'}"


def _midnight(day: datetime | None) -> datetime:
    now = day or datetime.now(UTC)
    return now.replace(tzinfo=UTC, hour=0, minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class _Told:
    """Says on standard error how far it is, each kind at its end or every moment."""

    since: float

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self.since < _PAUSE_SECONDS:
            return
        self.since = now
        click.echo(f"{what}: {done:,} of {total:,}", err=True)
