"""Traffic of an application with row level security: many users, three roles."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Literal, LiteralString

from monitor.demo.content import USERS
from monitor.demo.gateway import Request, user_id, work

Role = Literal["anon", "authenticated", "service_role"]

WORKERS = 4


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
    """Send requests until cancelled: a few dozen a second."""
    async with asyncio.TaskGroup() as group:
        for number in range(WORKERS):
            group.create_task(work(conninfo, "shop-api", choose, seed + number))


def choose(dice: random.Random) -> Request:
    """Return the next request of somebody."""
    (visit,) = dice.choices(VISITS, [visit.weight for visit in VISITS])
    return request(visit, dice)


def request(visit: Visit, dice: random.Random) -> Request:
    """Return a request of this kind, of any user."""
    user = user_id(dice.randint(1, USERS))
    values = {
        "user": user,
        "product": dice.randint(1, 500),
        "total": dice.randint(1, 500),
    }
    return Request(visit.role, user, visit.statement, values)
