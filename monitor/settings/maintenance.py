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

from monitor.model.action import ActionMode
from monitor.settings.composed import action_kinds
from monitor.settings.suggest import did_you_mean
from monitor.settings.values import (
    Names,
    PositiveDuration,
    Section,
    as_mapping,
    parse_table,
    problem,
)


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise problem("is not a time zone of this system, such as UTC")
    return zone


def _known_kinds(value: object) -> object:
    modes = parse_table(value)
    for kind in as_mapping(modes) or ():
        if kind not in action_kinds():
            hint = did_you_mean(str(kind), action_kinds())
            raise problem("names a kind of action that does not exist", hint)
    return modes


class MaintenanceSettings(Section):
    """What the daemon may change, and when. Nothing, unless told."""

    mode: ActionMode = Field(
        default=ActionMode.DRY_RUN, description="For kinds that modes does not name."
    )
    modes: Annotated[dict[str, ActionMode], BeforeValidator(_known_kinds)] = Field(
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
    max_actions_per_run: int = Field(default=10, ge=1, le=1000)
    schemas: Names = Field(default=("*",), description="Patterns of schemas to act in.")
    lock_timeout: PositiveDuration = timedelta(seconds=2)
    statement_timeout: PositiveDuration = timedelta(hours=1)
    approval_expires: PositiveDuration = timedelta(days=7)
    allow_superuser_actions: bool = Field(
        default=False, description="Act although the role is a superuser."
    )
    confirm_drop_index: bool = Field(
        default=False, description="Second consent for modes.drop_index = auto."
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
        if (
            self.mode_of("drop_index") is ActionMode.AUTO
            and not self.confirm_drop_index
        ):
            raise problem(
                "drops indexes by itself only with confirm_drop_index",
                "Set maintenance.confirm_drop_index to true, or use mode approve.",
            )
        return self

    def mode_of(self, kind: str) -> ActionMode:
        """Return what may be done with actions of a kind."""
        return self.modes.get(kind, self.mode)

    @property
    def time_zone(self) -> ZoneInfo:
        """Return the schedule's time zone."""
        return ZoneInfo(self.zone)
