"""Settings of row level security: whose requests come in, and as whom to probe."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)

from monitor.model.persona import ListedStatement, Persona, RlsOptions
from monitor.settings.logins import RoleSettings
from monitor.settings.values import (
    Duration,
    Interval,
    Items,
    Names,
    PositiveDuration,
    Section,
    as_mapping,
    parse_table,
    problem,
)

_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+")
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,62}$"
_DEFAULTS = RlsOptions()
_LONGEST_STATEMENT = timedelta(seconds=5)
_LONGEST_LOCK = timedelta(seconds=1)
_MOST_PERSONAS = 50
_MOST_STATEMENTS = 100


def _check_setting(name: str) -> str:
    # Without a dot it would be PostgreSQL's own: role, statement_timeout, …
    if not _SETTING.fullmatch(name):
        raise problem(
            "must be the name of a custom setting, such as request.jwt.claims"
        )
    return name


def _claims_as_text(value: object) -> object:
    if value is None:
        return None
    claims = as_mapping(parse_table(value))
    if claims is None:
        raise problem("must be a group of claims")
    return json.dumps(claims, ensure_ascii=False, default=str)


def _settings_as_text(value: object) -> object:
    given = as_mapping(parse_table(value))
    if given is None:
        raise problem("must be a group of settings")
    return {_check_setting(str(name)): _as_text(v) for name, v in given.items()}


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _at_most(limit: timedelta, told: str) -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if value > limit:
            raise problem(f"must be at most {told}")
        return value

    return AfterValidator(check)


def _each_setting(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise problem("must name at least one setting")
    return tuple(map(_check_setting, names))


Claims = Annotated[SecretStr | None, BeforeValidator(_claims_as_text)]
Carried = Annotated[dict[str, SecretStr], BeforeValidator(_settings_as_text)]
SettingNames = Annotated[Names, AfterValidator(_each_setting)]


class PersonaSettings(Section):
    """A user as requests have them: a role with claims."""

    name: str = Field(pattern=_NAME, description="The value of the label persona.")
    role: str = Field(min_length=1, description="The role that requests run as.")
    claims: Claims = Field(
        default=None,
        description="Claims of the user's token, put as JSON into claim_settings[0].",
    )
    settings: Carried = Field(
        default={}, description="Further settings of the transaction, by name."
    )

    def to_persona(self, claim_setting: str) -> Persona:
        """Return the value that probes work with."""
        carried = {name: v.get_secret_value() for name, v in self.settings.items()}
        if self.claims is not None:
            carried[claim_setting] = self.claims.get_secret_value()
        return Persona(name=self.name, role=self.role, settings=carried)


class StatementSettings(Section):
    """A statement that may be timed with and without policies."""

    name: str = Field(pattern=_NAME, description="The statement's name in reports.")
    database: str = Field(min_length=1, description="Where it runs.")
    sql: str = Field(
        min_length=1, description="Its text, values included; read-only, rolled back."
    )

    def to_statement(self) -> ListedStatement:
        """Return the value that probes work with."""
        return ListedStatement(name=self.name, database=self.database, sql=self.sql)


class RlsSettings(Section):
    """How row level security is judged and, when allowed, probed."""

    api_roles: Names = Field(
        default=_DEFAULTS.api_roles, description="Roles that requests come in as."
    )
    anonymous_roles: Names = Field(
        default=_DEFAULTS.anonymous_roles,
        description="Those of them that need no login.",
    )
    exposed_schemas: Names = Field(
        default=_DEFAULTS.exposed_schemas, description="Schemas that requests can name."
    )
    claim_settings: SettingNames = Field(
        default=_DEFAULTS.claim_settings,
        description="Settings that carry a request's claims, the main one first.",
    )
    personas: Annotated[tuple[PersonaSettings, ...], Items] = Field(
        default=(),
        max_length=_MOST_PERSONAS,
        description="As whom policies are timed; without any nothing is probed.",
    )
    statements: Annotated[tuple[StatementSettings, ...], Items] = Field(
        default=(),
        max_length=_MOST_STATEMENTS,
        description="Statements to time with and without policies.",
    )
    probe: RoleSettings | None = Field(
        default=None,
        description="Login that becomes the personas' roles: pgvigil_probe.",
    )
    bypass: RoleSettings | None = Field(
        default=None,
        description="Login that no policy binds, for comparison: pgvigil_bypass.",
    )
    bypass_role: str = Field(
        default="", description="Role with BYPASSRLS that the login bypass becomes."
    )
    interval: Interval = Field(
        default=_DEFAULTS.interval,
        description="How often each table is probed for each persona.",
    )
    seconds_per_hour: float = Field(
        default=_DEFAULTS.seconds_per_hour,
        gt=0,
        le=600,
        description="Execution time of all probes of the target, in an hour.",
    )
    statement_timeout: Annotated[
        PositiveDuration, _at_most(_LONGEST_STATEMENT, "5s")
    ] = Field(
        default=_DEFAULTS.statement_timeout,
        description="How long one statement of a probe may take.",
    )
    lock_timeout: Annotated[PositiveDuration, _at_most(_LONGEST_LOCK, "1s")] = Field(
        default=_DEFAULTS.lock_timeout,
        description="How long a probe may wait for a lock.",
    )
    pairs: int = Field(
        default=_DEFAULTS.pairs, ge=3, le=50, description="Comparisons in a round."
    )
    small_sample: int = Field(
        default=_DEFAULTS.small_sample,
        ge=100,
        le=10_000,
        description="Rows of the smaller sample of a table.",
    )
    large_sample: int = Field(
        default=_DEFAULTS.large_sample,
        ge=1_000,
        le=200_000,
        description="Rows of the larger one; the difference gives the cost of a row.",
    )
    most_active_backends: int = Field(
        default=_DEFAULTS.most_active_backends,
        ge=1,
        description="Nothing is probed while more client backends are active.",
    )
    most_replay_lag: Duration = Field(
        default=_DEFAULTS.most_replay_lag,
        description="Nothing is probed while a standby's replay is further behind.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_unique((p.name for p in self.personas), "personas")
        _check_unique((s.name for s in self.statements), "statements")
        if self.large_sample < 2 * self.small_sample:
            raise problem("has a large_sample less than twice its small_sample")
        self._check_logins()
        self._check_personas()
        return self

    def _check_logins(self) -> None:
        if (self.probe is None) is not (self.bypass is None):
            raise problem(
                "has one of probe and bypass; probing takes both",
                "One login that is both would let a policy's function switch sides.",
            )
        if self.probe and self.bypass and self.probe.user == self.bypass.user:
            raise problem(
                "has the same user for probe and bypass",
                "Give bypass a login of its own, see pgvigil print-grants.",
            )
        if (self.personas or self.statements) and self.probe is None:
            raise problem("has personas or statements without the login probe")
        if self.statements and not self.personas:
            raise problem("has statements, but no personas to time them for")

    def _check_personas(self) -> None:
        bypassing = {self.bypass_role, self.bypass.user if self.bypass else ""}
        for persona in self.personas:
            if persona.role in bypassing:
                raise problem(
                    f'persona "{persona.name}" has the role that bypasses policies'
                )
            if persona.claims is not None and self.claim_settings[0] in (
                persona.settings
            ):
                raise problem(
                    f'persona "{persona.name}" has claims and sets '
                    f"{self.claim_settings[0]} as well; give one"
                )

    @property
    def without_probes(self) -> Self:
        """Return the same settings, but nothing is probed."""
        none: dict[str, object] = {"probe": None, "bypass": None}
        return self.model_copy(update={"personas": (), "statements": (), **none})

    def to_options(self, conninfo: str) -> RlsOptions:
        """Return what the runtime works with; the logins enter where `conninfo` leads.

        The personas' claims are under the first of `claim_settings`.
        """
        same = (
            name
            for name in RlsOptions.__dataclass_fields__
            if name not in ("personas", "statements", "probe", "bypass")
        )
        main = self.claim_settings[0]
        return RlsOptions(
            personas=tuple(p.to_persona(main) for p in self.personas),
            statements=tuple(s.to_statement() for s in self.statements),
            probe=self.probe and self.probe.credentials(conninfo),
            bypass=self.bypass and self.bypass.credentials(conninfo),
            **{name: getattr(self, name) for name in same},
        )


def _check_unique(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise problem(f"has two {what} of the name {name}")
        seen.add(name)
