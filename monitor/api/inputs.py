"""Bodies that POST takes, and reading them within bounds."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Self, TypeVar

from aiohttp import web
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from monitor.api.context import CONTEXT
from monitor.api.responses import Problem
from monitor.model.text import clean_line

_DAY = 86_400

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Input(BaseModel):
    """Base of all bodies; `by` is who asks, for journal and log."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    by: Name = "api"

    @property
    def author(self) -> str:
        """Return who asks, on one line without control characters."""
        return clean_line(self.by, limit=100) or "api"


class ActionInput(Input):
    """Which target the action is on; needed where several have its number."""

    target: Name | None = None


class MuteInput(Input):
    """Why a finding is muted, and until when or for how long."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    until: AwareDatetime | None = None
    duration_seconds: float | None = Field(default=None, gt=0, le=365 * _DAY)

    @model_validator(mode="after")
    def _check_one_end(self) -> Self:
        if (self.until is None) == (self.duration_seconds is None):
            raise PydanticCustomError("one_end", "give until or duration_seconds")
        return self


class ReloadInput(Input):
    """Nothing more is needed."""


class PauseInput(Input):
    """Whether every action is stopped, or allowed again."""

    paused: bool = True


I = TypeVar("I", bound=Input)  # noqa: E741 - as short as T


async def read(request: web.Request, kind: type[I]) -> I:
    """Return a request's body.

    Raises:
        Problem: it is too slow, or not what the route takes.
        HTTPRequestEntityTooLarge: it is too long.
    """
    options = request.app[CONTEXT].options
    try:
        async with asyncio.timeout(options.request_timeout.total_seconds()):
            raw = await request.read()
    except TimeoutError as error:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time"
        ) from error
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{where}: {first['msg']}" if where else first["msg"]
        raise Problem(HTTPStatus.BAD_REQUEST, clean_line(message, limit=300)) from error
