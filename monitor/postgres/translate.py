"""The driver's errors, told in the words of `monitor.errors`."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from monitor.errors import (
    ExtensionMissing,
    InsufficientPrivilege,
    QueryTimedOut,
    TargetError,
    TargetUnreachable,
)
from monitor.model.text import clean_line

_MESSAGE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an SQLSTATE, or a class of them, means for watching a server."""

    error: type[TargetError]
    hint: str = ""


# Source: the manual's appendix "PostgreSQL Error Codes".
_BY_CODE = {
    "42501": Meaning(
        InsufficientPrivilege, 'Compare the grants with "pgvigil print-grants".'
    ),
    "28000": Meaning(InsufficientPrivilege, "Check pg_hba.conf for this role."),
    "28P01": Meaning(InsufficientPrivilege, "Check the role's password."),
    "57014": Meaning(QueryTimedOut, "The statement ran into its time limit."),
    "55P03": Meaning(QueryTimedOut, "Another session holds a conflicting lock."),
    "25P03": Meaning(TargetUnreachable),  # idle_in_transaction_session_timeout
    "25P04": Meaning(TargetUnreachable),  # transaction_timeout
    "53300": Meaning(TargetUnreachable, "All connection slots are taken."),
    "55000": Meaning(ExtensionMissing, "Add it to shared_preload_libraries."),
    "58P01": Meaning(ExtensionMissing, "Install the extension's package."),
}
_BY_CLASS = {
    "08": Meaning(TargetUnreachable),  # connection exceptions
    "57": Meaning(TargetUnreachable),  # shutdown, crash, recovery, idle timeout
}
_UNKNOWN = Meaning(TargetError)
# Only these of code 55000 are about a module that was not preloaded.
_PRELOAD = "shared_preload_libraries"


def translate(error: psycopg.Error, *, what: str) -> TargetError:
    """Return our own error for the driver's; raise it `from` that one.

    `what` is a verb phrase, for instance "read stat_database". Only the server's
    primary message is passed on: its detail may hold values of rows.
    """
    meaning = meaning_of(error.sqlstate, _said(error))
    if error.sqlstate is None and isinstance(
        error, psycopg.OperationalError | psycopg.InterfaceError
    ):
        meaning = Meaning(TargetUnreachable)
    code = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return meaning.error(
        f"could not {what}", detail=f"{_said(error)}{code}", hint=meaning.hint
    )


def meaning_of(sqlstate: str | None, message: str = "") -> Meaning:
    """Return what an SQLSTATE means; the message decides where the code cannot."""
    if sqlstate is None:
        return _UNKNOWN
    if sqlstate == "55000" and _PRELOAD not in message:
        return _UNKNOWN
    return _BY_CODE.get(sqlstate) or _BY_CLASS.get(sqlstate[:2], _UNKNOWN)


def _said(error: psycopg.Error) -> str:
    said = error.diag.message_primary or str(error) or type(error).__name__
    return clean_line(said, limit=_MESSAGE_LIMIT)
