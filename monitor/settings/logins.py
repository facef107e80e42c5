"""Settings of further logins on a server that is watched."""

from __future__ import annotations

import shlex
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from monitor.model.credentials import Credentials
from monitor.settings import libpq
from monitor.settings.values import Section, parse_items, problem


def _split_command(value: object) -> object:
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return parse_items(value)
    try:
        return tuple(shlex.split(value))
    except ValueError:
        raise problem("has a quotation that is not closed") from None


Command = Annotated[tuple[str, ...], BeforeValidator(_split_command)]


class RoleSettings(Section):
    """Another login on the same server."""

    user: str = Field(min_length=1, description="The role.")
    password: SecretStr | None = Field(
        default=None, description="Its password; better, use one of the following."
    )
    password_file: str | None = Field(
        default=None, description="File with the password, read at every connect."
    )
    password_command: Command | None = Field(
        default=None, description="Command that prints it, run at every connect."
    )

    @model_validator(mode="after")
    def _check_one_way(self) -> Self:
        ways = (self.password, self.password_file, self.password_command)
        if sum(way is not None for way in ways) > 1:
            raise problem("has several passwords; give one")
        return self

    def credentials(self, conninfo: str) -> Credentials:
        """Return how this login enters where a connection string leads."""
        parts = {**libpq.parse(conninfo), "user": self.user}
        parts.pop("password", None)
        if self.password is not None:
            parts["password"] = self.password.get_secret_value()
        return Credentials(
            conninfo=libpq.build(parts),
            password_file=self.password_file,
            password_command=self.password_command,
        )
