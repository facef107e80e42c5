"""What a probe asks a server: one round trip, each answer on its own.

Nothing here needs a privilege to be asked; what may be refused is a request of
its own, so that a refusal costs that answer only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.postgres import trust
from monitor.postgres.request import Request

MarkerKind = Literal["role", "setting", "function"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The server, our role and what it may do. One row.

    `statements_loaded` says whether pg_stat_statements was preloaded: its setting
    exists only then. `query_ids_off`: compute_query_id is `off`. See also `trust`.
    """

    version_num: int
    version: str
    role: str
    database: str
    is_superuser: bool
    bypasses_rls: bool
    is_standby: bool
    started_at: datetime
    reads_all_stats: bool
    reads_all_settings: bool
    lists_wal: bool
    reads_control_data: bool
    reserved_connections: int | None
    may_use_reserved: bool
    tracks_io_timing: bool
    statements_loaded: bool
    query_ids_off: bool
    has_monitoring: bool
    may_use_monitoring: bool
    monitoring_owner: str = ""
    trusts_monitoring: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRow:
    """An installed extension; `usable` is None for those of no concern to us."""

    name: str
    schema: str
    version: str
    usable: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRow:
    """A database that this role may connect to."""

    datname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRow:
    """Part of a cluster's identity, as text."""

    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsRow:
    """How many user tables there are, and of how many pg_stats shows nothing."""

    tables: int = 0
    hidden_by_rls: int = 0
    hidden_by_privilege: int = 0


@dataclass(frozen=True, slots=True)
class MarkerRow:
    """Something by which a provider is known: a role, setting or function."""

    kind: MarkerKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All that a probe was told; None and empty for what was refused."""

    facts: Facts
    extensions: tuple[ExtensionRow, ...] = ()
    databases: tuple[str, ...] = ()
    system_identifier: str | None = None
    timeline: int | None = None
    statistics: StatisticsRow | None = None
    markers: frozenset[MarkerRow] = frozenset()


FACTS = Request(
    name="probe_facts",
    sql="""
        select
            pg_catalog.current_setting('server_version_num')::int4 as version_num,
            pg_catalog.split_part(
                pg_catalog.current_setting('server_version'), ' ', 1
            ) as version,
            r.rolname as role,
            pg_catalog.current_database() as database,
            r.rolsuper as is_superuser,
            r.rolbypassrls as bypasses_rls,
            pg_catalog.pg_is_in_recovery() as is_standby,
            pg_catalog.pg_postmaster_start_time() as started_at,
            pg_catalog.pg_has_role('pg_read_all_stats', 'usage') as reads_all_stats,
            pg_catalog.pg_has_role(
                'pg_read_all_settings', 'usage'
            ) as reads_all_settings,
            pg_catalog.has_function_privilege(
                'pg_catalog.pg_ls_waldir()', 'execute'
            ) as lists_wal,
            pg_catalog.has_function_privilege(
                'pg_catalog.pg_control_system()', 'execute'
            ) and pg_catalog.has_function_privilege(
                'pg_catalog.pg_control_checkpoint()', 'execute'
            ) as reads_control_data,
            pg_catalog.current_setting(
                'reserved_connections', true
            )::int4 as reserved_connections,
            r.rolsuper or exists (
                select
                from pg_catalog.pg_roles as reserved
                where reserved.rolname = 'pg_use_reserved_connections'
                    and pg_catalog.pg_has_role(reserved.oid, 'usage')
            ) as may_use_reserved,
            pg_catalog.current_setting('track_io_timing')::bool as tracks_io_timing,
            pg_catalog.current_setting(
                'pg_stat_statements.max', true
            ) is not null as statements_loaded,
            coalesce(
                pg_catalog.current_setting('compute_query_id', true) = 'off', false
            ) as query_ids_off,
            m.owner is not null as has_monitoring,
            coalesce(m.is_usable, false) as may_use_monitoring,
            coalesce(m.owner, '') as monitoring_owner,
            coalesce(m.is_trusted, true) as trusts_monitoring
        from pg_catalog.pg_roles as r
        left join ("""
    + trust.MONITORING
    + """) as m on true
        where r.rolname = current_user
    """,
    row=Facts,
)

EXTENSIONS = Request(
    name="probe_extensions",
    sql="""
        select
            e.extname as name,
            n.nspname as schema,
            e.extversion as version,
            (
                select pg_catalog.bool_and(
                    pg_catalog.has_function_privilege(p.oid, 'execute')
                    and pg_catalog.has_schema_privilege(p.pronamespace, 'usage')
                )
                from pg_catalog.pg_depend as d
                join pg_catalog.pg_proc as p on p.oid = d.objid
                where d.refclassid = 'pg_catalog.pg_extension'::regclass
                    and d.refobjid = e.oid
                    and d.classid = 'pg_catalog.pg_proc'::regclass
                    and d.deptype = 'e'
                    and p.proname in (
                        'pg_stat_statements',
                        'pg_stat_statements_info',
                        'pgstattuple_approx'
                    )
            ) as usable
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        order by e.extname
    """,
    row=ExtensionRow,
)

# datconnlimit -2 marks a database whose DROP was interrupted.
DATABASES = Request(
    name="probe_databases",
    sql="""
        select
            d.datname as datname
        from pg_catalog.pg_database as d
        where d.datallowconn
            and not d.datistemplate
            and d.datconnlimit <> -2
            and pg_catalog.has_database_privilege(d.oid, 'connect')
        order by
            pg_catalog.pg_stat_get_db_xact_commit(d.oid)
                + pg_catalog.pg_stat_get_db_xact_rollback(d.oid) desc nulls last,
            d.datname
    """,
    row=DatabaseRow,
)

SYSTEM_IDENTIFIER = Request(
    name="probe_system_identifier",
    sql="""
        select
            s.system_identifier::text as value
        from pg_catalog.pg_control_system() as s
    """,
    row=IdentityRow,
)

# The control file knows a promotion only after the next checkpoint; the name of
# the WAL file being written knows it at once, but not during recovery.
PRIMARY_TIMELINE = Request(
    name="probe_primary_timeline",
    sql="""
        select
            pg_catalog.substr(
                pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8
            ) as value
        where not pg_catalog.pg_is_in_recovery()
    """,
    row=IdentityRow,
)

STANDBY_TIMELINE = Request(
    name="probe_standby_timeline",
    sql="""
        select
            pg_catalog.to_hex(
                greatest(w.received_tli, c.timeline_id)
            ) as value
        from pg_catalog.pg_control_checkpoint() as c
        left join pg_catalog.pg_stat_wal_receiver as w on true
        where pg_catalog.pg_is_in_recovery()
    """,
    row=IdentityRow,
)

# Object ids below 16384 are those of the system's own tables.
STATISTICS = Request(
    name="probe_statistics",
    sql="""
        select
            pg_catalog.count(*)::int4 as tables,
            pg_catalog.count(*) filter (
                where c.relrowsecurity and pg_catalog.row_security_active(c.oid)
            )::int4 as hidden_by_rls,
            pg_catalog.count(*) filter (
                where not pg_catalog.has_any_column_privilege(c.oid, 'select')
            )::int4 as hidden_by_privilege
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where c.oid >= 16384
            and c.relkind in ('r', 'p', 'm')
            and n.nspname <> 'monitoring'
    """,
    row=StatisticsRow,
)


def markers_request(markers: Sequence[MarkerRow]) -> Request:
    """Return the query for those of all providers' markers that exist here."""
    names = {
        kind: [m.name for m in markers if m.kind == kind]
        for kind in ("role", "setting", "function")
    }
    return Request(
        name="probe_markers",
        sql="""
            select
                'role' as kind,
                r.rolname as name
            from pg_catalog.pg_roles as r
            where r.rolname = any(%(role)s)
            union all
            select
                'setting' as kind,
                s.name as name
            from pg_catalog.pg_settings as s
            where s.name = any(%(setting)s)
            union all
            select
                'function' as kind,
                p.proname as name
            from pg_catalog.pg_proc as p
            where p.proname = any(%(function)s)
                and p.pronamespace = 'pg_catalog'::regnamespace
        """,
        parameters=names,
        row=MarkerRow,
    )
