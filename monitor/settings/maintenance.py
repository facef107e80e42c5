"""Settings of what the daemon may change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from monitor.maintenance.planner import Choices, kinds
from monitor.maintenance.policy import DROPS_NEEDED_TWICE, Policy
from monitor.model.action import ActionMode
from monitor.settings.composed import ActionOptions
from monitor.settings.suggest import did_you_mean
from monitor.settings.values import (
    Names,
    PositiveDuration,
    Section,
    as_mapping,
    parse_table,
    problem,
    yaml_off,
)


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise problem("is not a time zone of this system, such as UTC")
    return zone


def _known_kinds(value: object) -> object:
    modes = parse_table(value)
    for kind in as_mapping(modes) or ():
        if kind not in kinds():
            hint = did_you_mean(str(kind), kinds())
            raise problem("names a kind of action that does not exist", hint)
    return modes


Mode = Annotated[ActionMode, BeforeValidator(yaml_off)]


class MaintenanceSettings(Section):
    """What the daemon may change, and when. Nothing, unless told."""

    mode: Mode = Field(
        default=ActionMode.DRY_RUN, description="For kinds that modes does not name."
    )
    modes: Annotated[dict[str, Mode], BeforeValidator(_known_kinds)] = Field(
        default={}, description="For each kind: off, dry_run, approve or auto."
    )
    schedule: str = Field(
        default="0 2 * * *", description="When auto runs, as in crontab."
    )
    zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC", description="Time zone of the schedule."
    )
    duration: PositiveDuration = Field(
        default=timedelta(hours=2),
        description="How long a scheduled run may start actions.",
    )
    max_actions: int = Field(
        default=10, ge=1, le=1000, description="At most, a day and target."
    )
    cooldown: PositiveDuration = Field(
        default=timedelta(hours=1),
        description="Rest after a failure; doubles with each further one.",
    )
    schemas: Names = Field(default=("*",), description="Patterns of schemas to act in.")
    lock_timeout: PositiveDuration = Field(
        default=timedelta(seconds=2), description="How long an action waits for a lock."
    )
    statement_timeout: PositiveDuration = Field(
        default=timedelta(hours=1), description="How long an action may take."
    )
    approval_expires: PositiveDuration = Field(
        default=timedelta(days=7), description="How long an action may await approval."
    )
    allow_superuser_actions: bool = Field(
        default=False, description="Act although the role is a superuser."
    )
    confirm_drop_index: bool = Field(
        default=False, description="Second consent for modes.drop_index = auto."
    )

    options: ActionOptions = Field(
        default_factory=ActionOptions,
        description="For each kind what differs from its own options.",
    )

    @field_validator("schedule")
    @classmethod
    def _check_schedule(cls, schedule: str) -> str:
        try:
            CronSim(schedule, datetime(2024, 1, 1, tzinfo=UTC))
        except CronSimError:
            raise problem('is not a crontab schedule such as "0 2 * * *"') from None
        return schedule

    @model_validator(mode="after")
    def _check_drop_index(self) -> Self:
        is_automatic = self.modes.get(DROPS_NEEDED_TWICE) is ActionMode.AUTO
        if is_automatic and not self.confirm_drop_index:
            raise problem(
                "drops indexes by itself only with confirm_drop_index",
                "Set maintenance.confirm_drop_index to true, or use mode approve.",
            )
        return self

    def choices(self) -> Choices:
        """Return what an operator allows, as planner and executor take it."""
        policy = Policy(
            mode=self.mode,
            modes=self.modes,
            confirm_drop_index=self.confirm_drop_index,
            schedule=self.schedule,
            zone=ZoneInfo(self.zone),
            duration=self.duration,
            max_actions=self.max_actions,
            cooldown=self.cooldown,
            schemas=self.schemas,
        )
        return Choices(policy=policy, options=self.options)
