"""A round of probes: a table, a statement, a question or a rewritten policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.model.persona import ListedStatement, Persona
from monitor.model.rls import Guarded
from monitor.rls.inventory import Inventory
from monitor.rls.rewriting import Rewrite

Key = tuple[str, ...]
"""What a round is about: its kind, database, subject and persona."""

Asked = tuple[str, int, str]
"""Database, queryid and role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRound:
    """A table whose policies can be timed for a persona.

    `rows` and `relpages` are estimates of the catalog, those of a partitioned
    table of all its partitions. `rows_per_second` is how many rows scans of it
    returned lately.
    """

    table: Guarded
    persona: Persona
    policy_set: str
    rows: float
    relpages: int
    rows_per_second: float

    @property
    def database(self) -> str:
        """Return where it takes place."""
        return self.table.database

    @property
    def key(self) -> Key:
        """Return what tells it from other rounds, whatever the policies are."""
        table = self.table
        return ("table", table.database, str(table.relid), self.persona.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRound:
    """A listed statement that can be timed for a persona.

    `policy_set` is that of all tables of the database together.
    """

    statement: ListedStatement
    persona: Persona
    policy_set: str

    @property
    def database(self) -> str:
        """Return where it takes place."""
        return self.statement.database

    @property
    def key(self) -> Key:
        """Return what tells it from other rounds."""
        return ("statement", self.database, self.statement.name, self.persona.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmRound:
    """Recorded statements of which the server can say whether policies filter them.

    The costliest by time lately, with their texts, by queryid.
    """

    database: str
    role: str
    statements: tuple[tuple[int, str], ...]

    @property
    def key(self) -> Key:
        """Return what tells it from other rounds, whatever the statements are."""
        return ("confirm", self.database, self.role)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingRound:
    """A rewrite of a policy that can be proven and timed.

    `known` is the inventory that it was made from.
    """

    rewrite: Rewrite
    known: Inventory

    @property
    def database(self) -> str:
        """Return where it takes place."""
        return self.rewrite.datname

    @property
    def key(self) -> Key:
        """Return what tells it from other rounds, whatever the policies are."""
        policy = self.rewrite.policy
        relid = str(policy.relid)
        return ("saving", self.database, relid, policy.name, self.rewrite.rule)


Round = TableRound | StatementRound | ConfirmRound | SavingRound


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What could be probed now, and the policies by which old figures are void.

    `policies` holds the policy set of each table under row level security, by
    database and oid; `databases` that of all tables of a database together. Both
    lack the databases whose policies are not known yet.
    """

    rounds: tuple[Round, ...]
    policies: Mapping[tuple[str, int], str]
    databases: Mapping[str, str]
