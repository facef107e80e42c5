"""The functions that policies call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFunctionRow:
    """A function that a policy calls, itself or through another such function.

    `volatility` is pg_proc.provolatile (`i`, `s`, `v`). `search_path` is the one
    it fixes, None if none. `is_inlinable` says that the planner could put its
    body in the caller's place: language SQL, no SECURITY DEFINER, no SET, not
    strict beyond its arguments. `kind` is pg_proc.prokind (`f`, `a`, `w`, `p`);
    `returns` is the type, as format_type prints it. `hash` changes with its body or
    attributes. Built-in functions are listed only if they are VOLATILE.
    Source: pg_proc.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    schemaname: str
    name: str
    arguments: str
    owner: str
    language: str
    volatility: str
    is_definer: bool
    is_leakproof: bool
    is_inlinable: bool
    kind: str = "f"
    returns: str = ""
    returns_set: bool
    search_path: str | None
    settings: tuple[str, ...]
    hash: str
