"""Locks and waits: who is blocked, by what, for how long."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import activity, health, locks

CHECKS = (
    "blocked_backends",
    "deadlocks",
    "idle_in_transaction",
    "long_transaction",
    "prepared_transaction",
)


def dashboard() -> Json:
    """Return the dashboard of locks and waits."""
    return board(
        uid="pgvigil-locks",
        title="Locks and waits",
        description="Who is blocked, by what kind of lock, and what is held open.",
        anchor="#locks",
        sections=[
            Section("Findings", list(health.findings_about("locks", CHECKS))),
            Section("Locks", list(locks.locks())),
            Section("Open transactions", list(locks.transactions())),
            Section("Waits", [*locks.waits(), activity.waits()]),
            Section("Given up", list(locks.conflicts())),
        ],
    )
