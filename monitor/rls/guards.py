"""Reasons not to probe a server now; a probe never comes at a bad moment."""

from __future__ import annotations

from datetime import timedelta

from monitor.model.persona import RlsOptions
from monitor.model.rows.locks import LocksRow
from monitor.model.rows.recovery import RecoveryRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.units import duration
from monitor.model.view import View

_EXCLUSIVE = "AccessExclusiveLock"
_OWN = "pgvigil/"


def obstacle(view: View) -> str:
    """Return why nothing is probed on this server now, empty if something may be.

    What could not be read is an obstacle, too: load that nobody sees is not low.
    """
    options = view.target.rls
    if not view.has(ConnectionsRow):
        return "the number of active backends is not known"
    active = active_backends(view)
    if active > options.most_active_backends:
        return (
            f"{active} backends are active, more than most_active_backends = "
            f"{options.most_active_backends}"
        )
    return _lagging(view, options)


def active_backends(view: View) -> int:
    """Return how many clients run a statement, without ourselves."""
    return sum(
        row.connections
        for row in view.rows(ConnectionsRow)
        if row.state == "active" and not row.application_name.startswith(_OWN)
    )


def is_held(view: View, datname: str) -> bool:
    """Say whether somebody holds an exclusive lock on a relation of a database.

    Which one is not known without asking the server, so the database has to wait;
    such locks are short, and what waits behind one is not worth measuring.
    """
    return any(
        row.datname == datname
        and row.mode == _EXCLUSIVE
        and row.locktype == "relation"
        and row.granted == "true"
        for row in view.rows(LocksRow)
    )


def _lagging(view: View, options: RlsOptions) -> str:
    """Return which replay is too far behind: a standby's here, or our own."""
    most = options.most_replay_lag
    for row in view.rows(ReplicationRow):
        if _is_beyond(row.replay_lag_seconds, most):
            return (
                f"standby {row.application_name} is more than "
                f"{duration(most.total_seconds())} behind"
            )
    for row in view.rows(RecoveryRow):
        if _is_beyond(row.replay_age_seconds, most):
            return f"replay is more than {duration(most.total_seconds())} behind"
    return ""


def _is_beyond(seconds: float | None, most: timedelta) -> bool:
    return seconds is not None and seconds > most.total_seconds()
