"""Reads Alertmanager's silences, as its API v2 lists them."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from monitor.model.silence import Matcher, Silence
from monitor.model.text import clean_line

_LONGEST = 200


class _Matcher(BaseModel):
    name: str
    value: str
    is_regex: bool = Field(default=False, alias="isRegex")
    is_equal: bool = Field(default=True, alias="isEqual")


class _Status(BaseModel):
    state: Literal["active", "pending", "expired"]


class _Silence(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    id: str
    status: _Status
    matchers: tuple[_Matcher, ...]
    ends_at: AwareDatetime = Field(alias="endsAt")
    created_by: str = Field(default="", alias="createdBy")
    comment: str = ""


_ALL: TypeAdapter[tuple[_Silence, ...]] = TypeAdapter(tuple[_Silence, ...])


def read_silences(document: object) -> tuple[Silence, ...]:
    """Return the active silences of the answer to `GET /api/v2/silences`.

    Raises:
        ValueError: it is not such an answer.
    """
    return tuple(
        Silence(
            id=one.id,
            matchers=tuple(Matcher(**matcher.model_dump()) for matcher in one.matchers),
            until=one.ends_at,
            by=clean_line(one.created_by, limit=_LONGEST),
            comment=clean_line(one.comment, limit=_LONGEST),
        )
        for one in _ALL.validate_python(document)
        if one.status.state == "active"
    )
