"""Settings of the servers to watch, and what they become."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)

from monitor.model.target import Credentials, Intervals, Profile, Target
from monitor.settings import libpq
from monitor.settings.composed import ThresholdOverrides
from monitor.settings.labels import check_labels
from monitor.settings.logins import Command, RoleSettings
from monitor.settings.rls import RlsSettings
from monitor.settings.suggest import did_you_mean
from monitor.settings.values import (
    Interval,
    Names,
    Section,
    Table,
    as_mapping,
    parse_table,
    problem,
)

_NAME = re.compile(r"[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]{0,127}")


def check_name(name: str) -> str:
    """Refuse a name that would not survive labels and URLs."""
    if not _NAME.fullmatch(name):
        raise problem(
            "may consist of letters, digits and _ . : - [ ], at most 128",
            "The name is the label server of every series and a part of URLs.",
        )
    return name


def _check_conninfo(conninfo: SecretStr) -> SecretStr:
    libpq.parse(conninfo.get_secret_value())
    return conninfo


def _options_as_text(value: object) -> object:
    given = parse_table(value)
    options = as_mapping(given)
    if options is None:
        return given
    known = libpq.keywords()
    for key in options:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise problem("has a key that libpq does not know", hint)
    return {k: str(v) if isinstance(v, int) else v for k, v in options.items()}


Conninfo = Annotated[SecretStr, AfterValidator(_check_conninfo)]
Options = Annotated[dict[str, SecretStr], BeforeValidator(_options_as_text)]
Labels = Annotated[Table, AfterValidator(check_labels)]


class IntervalSettings(Section):
    """How often each kind of statistics is read."""

    activity: Interval = Field(
        default=Intervals().activity,
        description="Connections, locks, blocking chains, replication.",
    )
    statements: Interval = Field(
        default=Intervals().statements, description="pg_stat_statements, without texts."
    )
    tables: Interval = Field(
        default=Intervals().tables, description="Statistics of tables."
    )
    indexes: Interval = Field(
        default=Intervals().indexes, description="Statistics of indexes."
    )
    catalog: Interval = Field(
        default=Intervals().catalog, description="Definitions, policies, lints."
    )
    sizes: Interval = Field(
        default=Intervals().sizes, description="The next part of the rotation of sizes."
    )
    texts: Interval = Field(
        default=Intervals().texts, description="Texts of statements not seen before."
    )
    capabilities: Interval = Field(
        default=Intervals().capabilities,
        description="Version, role, extensions, privileges.",
    )

    def to_intervals(self) -> Intervals:
        """Return the values the runtime works with."""
        return Intervals(
            **{name: getattr(self, name) for name in type(self).model_fields}
        )


class TargetOptions(Section):
    """All about a target but its name; also the template for discovered ones."""

    dsn: Conninfo | None = Field(
        default=None,
        description="Connection string or URI; empty means libpq's environment.",
    )
    libpq: Options | None = Field(
        default=None, description="The same as keywords: host, port, user, dbname, …"
    )
    password_file: str | None = Field(
        default=None, description="File with the password, read at every connect."
    )
    password_command: Command | None = Field(
        default=None,
        description="Command that prints the password, run at every connect.",
    )
    labels: Labels = Field(
        default={},
        description="Labels for every series, finding and alert of the target.",
    )
    databases: Names = Field(
        default=("*",), description="Patterns of databases to watch."
    )
    exclude_databases: Names = Field(
        default=Target(name="").exclude_databases,
        description="Patterns of databases to skip.",
    )
    connections_per_server: int = Field(
        default=3, ge=2, le=32, description="Connections over all databases together."
    )
    profile: Profile = Field(
        default="standard",
        description="How many series: minimal, standard, everything.",
    )
    intervals: IntervalSettings = IntervalSettings()
    maintainer: RoleSettings | None = Field(
        default=None, description="Login for VACUUM and ANALYZE: pgvigil_maintainer."
    )
    ddl: RoleSettings | None = Field(
        default=None, description="Login that creates and drops indexes: pgvigil_ddl."
    )
    pgbouncer_dsn: Conninfo | None = Field(
        default=None, description="PgBouncer's admin console, for SHOW POOLS."
    )
    pgbouncer_password_file: str | None = Field(
        default=None, description="File with the password for PgBouncer's console."
    )
    registered_standbys: int = Field(
        default=0, ge=0, le=1000, description="Standbys that are targets here, too."
    )
    rls: RlsSettings = RlsSettings()
    thresholds: ThresholdOverrides = Field(
        default_factory=ThresholdOverrides,
        description="Thresholds that differ for this target.",
    )

    @model_validator(mode="after")
    def _check_one_way(self) -> Self:
        if self.dsn is not None and self.libpq is not None:
            raise problem("has both dsn and libpq; give one")
        if self.password_file is not None and self.password_command is not None:
            raise problem("has both password_file and password_command; give one")
        if self.password_command is not None and not self.password_command:
            raise problem("has an empty password_command")
        if self.libpq is not None:
            libpq.build(reveal(self.libpq))
        return self

    def given(self) -> dict[str, Any]:
        """Return the fields that were set, as they are."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    @property
    def conninfo(self) -> str:
        """Return the connection string; empty for libpq's environment."""
        if self.dsn is not None:
            return self.dsn.get_secret_value()
        return libpq.build(reveal(self.libpq)) if self.libpq else ""


class TargetSettings(TargetOptions):
    """One server to watch."""

    name: Annotated[str, AfterValidator(check_name)] = Field(
        default="default",
        description="The label server of everything about this target.",
    )

    def to_target(self) -> Target:
        """Return the value the runtime works with."""
        return make_target(self, name=self.name)


T = TypeVar("T", bound=TargetOptions)


def without_probes(options: T) -> T:
    """Return a target of which no policy is probed."""
    return options.model_copy(update={"rls": options.rls.without_probes})


def reveal(options: Mapping[str, SecretStr]) -> dict[str, str]:
    """Return connection keywords as libpq needs them."""
    return {key: value.get_secret_value() for key, value in options.items()}


def make_target(
    options: TargetOptions,
    *,
    name: str,
    conninfo: str | None = None,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> Target:
    """Return a target; `conninfo` and `labels` add to what the options say."""
    where = options.conninfo if conninfo is None else conninfo
    return Target(
        name=name,
        credentials=Credentials(
            conninfo=where,
            password_file=options.password_file,
            password_command=options.password_command,
        ),
        labels={**options.labels, **labels},
        databases=options.databases,
        exclude_databases=options.exclude_databases,
        connections_per_server=options.connections_per_server,
        profile=options.profile,
        intervals=options.intervals.to_intervals(),
        maintainer=options.maintainer and options.maintainer.credentials(where),
        ddl=options.ddl and options.ddl.credentials(where),
        pgbouncer=_pgbouncer(options),
        registered_standbys=options.registered_standbys,
        rls=options.rls.to_options(where),
        thresholds=dict(options.thresholds),
    )


def _pgbouncer(options: TargetOptions) -> Credentials | None:
    if options.pgbouncer_dsn is None:
        return None
    return Credentials(
        conninfo=options.pgbouncer_dsn.get_secret_value(),
        password_file=options.pgbouncer_password_file,
    )
