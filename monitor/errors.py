"""Exceptions that pgvigil raises.

MonitorError
├── ConfigError            settings, files or environment are wrong
├── TargetError            one monitored server; never ends the daemon
│   ├── TargetUnreachable
│   ├── InsufficientPrivilege
│   ├── ExtensionMissing
│   └── QueryTimedOut
├── MigrationError         a schema change could not be planned or applied
├── ActionFailed           a change to a server did not do what it should
└── StateError             the state file cannot be read or written

A refused action is a value (`model.action.Refusal`), not an exception.
"""

from __future__ import annotations


class MonitorError(Exception):
    """Base of every error that pgvigil raises on purpose.

    The message follows PostgreSQL's rules: lower case, no full stop.
    `detail` and `hint` are sentences.
    """

    def __init__(self, message: str, *, detail: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.message]
        if self.detail:
            parts.append(f"DETAIL: {self.detail}")
        if self.hint:
            parts.append(f"HINT: {self.hint}")
        return "\n".join(parts)


class ConfigError(MonitorError):
    """Settings, a file they name, or the environment is wrong."""


class TargetError(MonitorError):
    """Something is wrong with one monitored server."""


class TargetUnreachable(TargetError):
    """No connection could be made, or the one at hand is gone."""


class InsufficientPrivilege(TargetError):
    """The role lacks a privilege (SQLSTATE 42501)."""


class ExtensionMissing(TargetError):
    """An extension is not installed or not preloaded."""


class QueryTimedOut(TargetError):
    """A statement ran into its deadline, statement_timeout or lock_timeout."""


class MigrationError(MonitorError):
    """A migration could not be planned, applied or taken back."""


class ActionFailed(MonitorError):
    """A change to a server failed or could not be verified."""


class StateError(MonitorError):
    """The state file cannot be read or written."""
