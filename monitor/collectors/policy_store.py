"""Keeps one database's policies between readings; expressions come later."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal, TypeVar, cast

from monitor.model.catalog import Policy
from monitor.postgres.request import Reply

T = TypeVar("T")
Queue = dict[tuple[Literal["index", "policy"], int], None]
"""Objects whose definition is not known, in the order in which it is asked for."""


_MOST_SHARED = 100_000


class Pool:
    """Equal values as one object: names repeat thousands of times.

    Values of what was dropped stay, so it starts anew now and then.
    """

    def __init__(self) -> None:
        self._values: dict[object, object] = {}

    def __len__(self) -> int:
        """Return how many values are shared."""
        return len(self._values)

    def share(self, value: T) -> T:
        """Return the first value that was equal to this one."""
        if len(self._values) >= _MOST_SHARED:
            self._values.clear()
        return cast("T", self._values.setdefault(value, value))

    def texts(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return texts as a shared tuple of shared texts."""
        return self.share(tuple(sys.intern(text) for text in texts))


class PolicyStore:
    """The policies of one database as far as they have been read."""

    def __init__(self, pool: Pool, undefined: Queue) -> None:
        self._pool = pool
        self._undefined = undefined
        self._policies: dict[int, Policy] = {}
        self._rows: dict[int, tuple[object, ...]] = {}

    @property
    def all(self) -> tuple[Policy, ...]:
        """Return the policies in catalog order."""
        return tuple(self._policies.values())

    def take(self, reply: Reply) -> bool:
        """Take in all policies; say whether any is new, changed or gone."""
        rows: dict[int, tuple[object, ...]] = {
            row[0]: row for row in cast("tuple[tuple[Any, ...], ...]", reply.rows)
        }
        if rows == self._rows:
            return False
        for gone in self._policies.keys() - rows.keys():
            self._undefined.pop(("policy", gone), None)
        before, self._policies = self._policies, {}
        for oid, row in rows.items():
            if row == self._rows.get(oid):
                self._policies[oid] = before[oid]
            else:
                values = dict(zip(reply.columns, row, strict=True))
                self._policies[oid] = self._policy(values)
                self._undefined["policy", oid] = None
        self._rows = rows
        return True

    def _policy(self, values: dict[str, Any]) -> Policy:
        return Policy(
            oid=values["oid"],
            name=values["name"],
            relid=values["relid"],
            command=sys.intern(values["command"]),
            is_permissive=values["is_permissive"],
            roles=self._pool.texts(values["roles"]),
            using=None if values["has_using"] else "",
            check=None if values["has_check"] else "",
        )

    def define(self, oid: int, using: str, check: str) -> bool:
        """Take in a policy's expressions; say whether there is such a policy."""
        policy = self._policies.get(oid)
        if policy is None:
            return False
        self._undefined.pop(("policy", oid), None)
        self._policies[oid] = replace(policy, using=using, check=check)
        return True

    def forget_names(self, relids: set[int]) -> None:
        """Ask again for expressions that contain names of these tables."""
        for oid, policy in self._policies.items():
            if policy.relid in relids:
                self._undefined["policy", oid] = None
