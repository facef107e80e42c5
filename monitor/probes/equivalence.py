"""Whether two forms of a policy admit the same rows: counted, on a sample.

Both expressions are evaluated for the same rows as a login that sees all of them,
with a persona's claims; nothing is altered and nothing but two counts comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.persona import Persona, RlsOptions
from monitor.model.quoting import qualified
from monitor.postgres.request import Request
from monitor.probes import recorded, transaction
from monitor.probes.pair import ProbePair
from monitor.probes.transaction import Failure, Guise
from monitor.rls.imitation import changed_policy
from monitor.rls.rewriting import Rewrite

_LESS = 20
SMALL_PAGES = 128
"""Up to this many pages rows are drawn one by one, as in the probes of tables."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows were judged differently, of how many."""

    differing: int
    compared: int


def bypassing_as(persona: Persona, options: RlsOptions) -> Guise:
    """Return the guise that sees all rows with a persona's claims.

    Not with its search_path: whoever may create functions in one of those schemas
    could slip one under a built-in name, to be run with the rights of this side. A
    helper that needs the path fails, and nothing is predicted.
    """
    claims = {n: v for n, v in persona.settings.items() if n != "search_path"}
    return Guise(role=options.bypass_role, settings=claims)


async def compare(
    pair: ProbePair, rewrite: Rewrite, persona: Persona, *, seed: int
) -> Count | Failure:
    """Return how a sample of the table's rows fares under both forms.

    A sample that takes too long is tried again with fewer rows, twice.
    """
    options = pair.options
    guise = bypassing_as(persona, options)
    for percent, by_page in _samples(rewrite, options):
        request = _request(rewrite, persona.role, percent, seed, by_page=by_page)
        reply = await transaction.run(pair.bypass, guise, request, seconds=pair.seconds)
        if isinstance(reply, Failure):
            if reply.status != "timeout":
                return reply
            continue
        match reply.rows:
            case ((int(differing), int(compared)),):
                return Count(differing, compared)
            case _:
                return Failure("error", "the server gave no counts")
    return Failure("timeout", "comparing both forms took too long")


def _samples(rewrite: Rewrite, options: RlsOptions) -> Iterator[tuple[float, bool]]:
    """Yield percentages, and whether pages are drawn rather than rows.

    The last one is of so few rows that a draw of pages might have none.
    """
    is_large = rewrite.relation.relpages > SMALL_PAGES
    for part, by_page in ((1, is_large), (_LESS, is_large), (_LESS**2, False)):
        rows = max(rewrite.relation.reltuples, options.large_sample)
        yield 100.0 * options.large_sample / part / rows, by_page


def _request(
    rewrite: Rewrite, role: str, percent: float, seed: int, *, by_page: bool
) -> Request:
    policy, table = rewrite.policy, rewrite.relation
    pairs = (
        (policy.using, changed_policy(rewrite, role)),
        (policy.check, rewrite.check),
    )
    differ = " or ".join(
        f"(({old}) is true) is distinct from (({new}) is true)"
        for old, new in pairs
        if old and old != new
    )
    method = "system" if by_page else "bernoulli"
    counts = (
        f"select pg_catalog.count(*) filter (where {differ or 'false'}) as differing,",
        "pg_catalog.count(*) as compared",
        f"from {qualified(table.schemaname, table.relname)}",
        f"tablesample pg_catalog.{method} ({percent:.6f}) repeatable ({seed})",
    )
    return recorded.with_text("probe_equivalence", "", " ".join(counts))
