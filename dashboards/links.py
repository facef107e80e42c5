"""Where a click leads: to pgvigil's page, or to another dashboard."""

from __future__ import annotations

PAGE = "${pgvigil:raw}"
"""Where pgvigil listens, as the reader typed it."""

_KEPT = "${__url_time_range}&${datasource:queryparam}&${job:queryparam}"

RUNBOOK = f"{PAGE}/runbooks/${{__value.raw}}"
SERVER_PAGE = f"{PAGE}/?target=${{__value.raw}}#findings"

EVIDENCE = (
    f"{PAGE}/?target=${{__data.fields.server}}&check=${{__data.fields.check}}#findings"
)


def to_board(uid: str, *variables: str) -> str:
    """Return the way to a dashboard for what a table's row is about.

    `variables` are columns whose values are chosen there; the data source, the
    jobs and the time stay.
    """
    chosen = [f"var-{name}=${{__data.fields.{name}}}" for name in variables]
    return f"/d/{uid}?" + "&".join([_KEPT, "${pgvigil:queryparam}", *chosen])
