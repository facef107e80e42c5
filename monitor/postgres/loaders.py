r"""How text arrives: never as a crash, whatever its bytes.

Names of roles and databases are shared between databases of different encodings, and
a server sends what it stored: bytes that are not valid in this database's encoding.
The driver would fail on one of them, and with it all rows of the result. Whoever
watches sees such bytes as `\xNN`; whoever acts is refused them, because a name that
was made readable is another name.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.adapt import Loader
from psycopg.pq import Format

if TYPE_CHECKING:
    from psycopg.abc import AdaptContext, Buffer

# "char", name, text, unknown, bpchar, varchar; arrays of them come along.
_OIDS = (18, 19, 25, 705, 1042, 1043)


class _TextLoader(Loader):
    """Decodes in the connection's encoding; SQL_ASCII has none, and is UTF-8 mostly."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        encoding = self.connection.info.encoding if self.connection else "utf-8"
        self._encoding = "utf-8" if encoding == "ascii" else encoding

    @abstractmethod
    def load(self, data: Buffer) -> str:
        """Return the text."""


class _Readable(_TextLoader):
    """For those who watch."""

    def load(self, data: Buffer) -> str:
        """Return the text, with the bytes visible that are none."""
        return str(data, self._encoding, "backslashreplace")


class _Exact(_TextLoader):
    """For those who act."""

    def load(self, data: Buffer) -> str:
        """Return the text, or fail as the driver fails on other bad data."""
        try:
            return str(data, self._encoding)
        except UnicodeDecodeError as error:
            raise psycopg.DataError(
                f"text that is not valid {self._encoding}: {bytes(data)!r}"
            ) from error


class _ReadableBinary(_Readable):
    """The same for binary results."""

    format = Format.BINARY


class _ExactBinary(_Exact):
    """The same for binary results."""

    format = Format.BINARY


def load_text(
    context: psycopg.AsyncConnection[Any] | psycopg.Cursor[Any], *, is_exact: bool
) -> None:
    """Decide how the text of a connection or cursor is read, in both formats."""
    loaders = (_Exact, _ExactBinary) if is_exact else (_Readable, _ReadableBinary)
    for oid in _OIDS:
        for loader in loaders:
            context.adapters.register_loader(oid, loader)
