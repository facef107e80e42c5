"""As whom the demo's policies are probed, as an operator would set it up."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from monitor.demo.gateway import user_id
from monitor.demo.roles import BYPASS_ROLE, PERSONA_ROLE, Logins
from monitor.demo.schema import DATABASE
from monitor.postgres.grants import BYPASS, PROBE

SHORTENED: Mapping[str, object] = MappingProxyType(
    {"interval": "1m", "seconds_per_hour": 300}
)
"""A figure for every table must come within a minute or two, not within the hour."""

_USERS = {"member": 100, "neighbour": 150}
"""Ordinary users of both applications, by their number."""

_OPEN_ORDERS = """
    select o.id, o.total, o.created_at
    from app.orders as o
    where o.status = 'open'
    order by o.created_at desc
    limit 20
"""


def settings(logins: Logins) -> dict[str, Any]:
    """Return the target's settings for row level security."""
    return {
        "exposed_schemas": ["app", "public"],
        "personas": [_persona(name, number) for name, number in _USERS.items()],
        "statements": [
            {"name": "open_orders", "database": DATABASE, "sql": _OPEN_ORDERS}
        ],
        "probe": {"user": PROBE, "password": logins.passwords[PROBE]},
        "bypass": {"user": BYPASS, "password": logins.passwords[BYPASS]},
        "bypass_role": BYPASS_ROLE,
        **SHORTENED,
    }


def _persona(name: str, number: int) -> dict[str, Any]:
    claims = {"sub": str(user_id(number)), "role": PERSONA_ROLE}
    return {"name": name, "role": PERSONA_ROLE, "claims": claims}
