"""What the catalog lints of `sql/lints` return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRow:
    """One object that one lint objects to, in one database.

    `lint` is the file's name, `detail` what is wrong in one sentence fragment,
    `remedy` the statement to type, `undo` its way back; both may be empty.
    """

    KEY: ClassVar[tuple[str, ...]] = ("lint", "object_type", "schemaname", "name")

    lint: str
    object_type: str
    schemaname: str
    name: str
    detail: str
    remedy: str
    undo: str
