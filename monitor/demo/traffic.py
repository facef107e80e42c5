"""Traffic of an application with row level security: many users, three roles.

Every request is what an API layer in front of PostgreSQL does: a transaction that
takes a role, sets the user's claims, and runs a statement or two.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from dataclasses import dataclass
from hashlib import md5
from typing import Literal, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.demo.content import USERS

Connection = psycopg.AsyncConnection[TupleRow]
Role = Literal["anon", "authenticated", "service_role"]

WORKERS = 4
_PAUSE_SECONDS = (0.02, 0.15)
_RECONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One kind of request: its role, how often it comes, and its statement.

    The statement may use `user`, `product` and `total`.
    """

    role: Role
    weight: int
    statement: LiteralString


_OPEN_ORDERS: LiteralString = """
    select o.id, o.total, o.created_at
    from app.orders as o
    where o.status = 'open'
    order by o.created_at desc
    limit 20
"""

VISITS: tuple[Visit, ...] = (
    Visit(
        "anon",
        20,
        "select p.name, p.price from app.products as p where p.id = %(product)s",
    ),
    Visit("authenticated", 16, _OPEN_ORDERS),
    # The same statement under a role that no policy binds: a natural experiment.
    Visit("service_role", 4, _OPEN_ORDERS),
    Visit("authenticated", 4, "select pg_catalog.count(*) from app.documents as d"),
    Visit(
        "authenticated",
        8,
        "select p.email from app.profiles as p where p.id = %(user)s",
    ),
    Visit(
        "authenticated",
        6,
        """
        insert into app.orders (user_id, organization_id, status, total, created_at)
        values (%(user)s, 1 + %(product)s %% 50, 'open', %(total)s, pg_catalog.now())
        """,
    ),
    Visit(
        "authenticated",
        4,
        "update app.orders set status = 'paid' where status = 'open' and total > 400",
    ),
    Visit(
        "authenticated",
        3,
        "insert into app.tickets (subject) values ('where is my parcel?')",
    ),
    Visit(
        "service_role",
        3,
        """
        select o.status, pg_catalog.count(*), pg_catalog.sum(o.total)
        from app.orders as o
        where o.user_id = %(user)s
        group by o.status
        """,
    ),
    Visit(
        "service_role",
        2,
        """
        select i.product_id, pg_catalog.sum(i.quantity)
        from app.order_items as i
        where i.product_id = %(product)s
        group by i.product_id
        """,
    ),
)


async def run(conninfo: str, *, seed: int = 1) -> None:
    """Send requests until cancelled; a lost connection is opened again.

    The rate is bounded by pauses: a few dozen requests a second.
    """
    async with asyncio.TaskGroup() as group:
        for number in range(WORKERS):
            group.create_task(_work(conninfo, random.Random(seed + number)))  # noqa: S311 - no secret


async def _work(conninfo: str, dice: random.Random) -> None:
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True, application_name="shop-api"
            ) as connection:
                await _serve(connection, dice)
        except psycopg.Error:
            # The server may be restarting; that is part of a demo, too.
            await asyncio.sleep(_RECONNECT_SECONDS)


async def _serve(connection: Connection, dice: random.Random) -> None:
    weights = [visit.weight for visit in VISITS]
    while True:
        (visit,) = dice.choices(VISITS, weights)
        await send(connection, visit, dice)
        await asyncio.sleep(dice.uniform(*_PAUSE_SECONDS))


async def send(connection: Connection, visit: Visit, dice: random.Random) -> None:
    """Serve one request in a transaction of its own."""
    user = user_id(dice.randint(1, USERS))
    claims = {"sub": str(user), "role": visit.role}
    values = {
        "user": user,
        "product": dice.randint(1, 500),
        "total": dice.randint(1, 500),
    }
    async with connection.transaction():
        role = sql.Identifier(visit.role)
        await connection.execute(sql.SQL("set local role {}").format(role))
        await connection.execute(
            "select pg_catalog.set_config('request.jwt.claims', %s, true)",
            [json.dumps(claims)],
        )
        await connection.execute(visit.statement, values)


def user_id(number: int) -> uuid.UUID:
    """Return the id of the n-th user, as `content.ROWS` computes it."""
    digest = md5(str(number).encode(), usedforsecurity=False)
    return uuid.UUID(digest.hexdigest())
