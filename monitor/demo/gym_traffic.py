"""Traffic of the platform's users: they sign up, publish, assign, and converse."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, LiteralString

from monitor.demo.gateway import Request, user_id, work
from monitor.demo.gym_content import ORGANIZATIONS, USERS

Person = Literal["user", "creator", "manager", "newcomer"]

_PERSONS: dict[Person, Callable[[random.Random], int]] = {
    "user": lambda dice: dice.randrange(2 * ORGANIZATIONS, USERS),
    "creator": lambda dice: dice.randrange(ORGANIZATIONS, 2 * ORGANIZATIONS),
    "manager": lambda dice: dice.randrange(ORGANIZATIONS),
    "newcomer": lambda dice: dice.randrange(10**6, 10**9),
}
"""Who has which number; `gym_content.ROWS` gives roles and organizations by it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One kind of request: its role, how often it comes, who sends it, what it does.

    The statement may use `user`, `colleague`, `new` (an id), `place` and `email`.
    """

    role: Literal["authenticated", "service_role", "auth_service"]
    weight: int
    person: Person
    statement: LiteralString


VISITS: tuple[Visit, ...] = (
    # The platform's answer to the shop's slow count of documents.
    Visit(
        "authenticated",
        6,
        "user",
        "select pg_catalog.count(*) from public.content_items as i",
    ),
    Visit(
        "authenticated",
        10,
        "user",
        "select l.id, l.title, l.updated_at"
        " from public.list_content(p_repository => 'documents', p_limit => 20) as l",
    ),
    Visit("authenticated", 10, "user", "select public.user_dashboard()"),
    Visit(
        "authenticated",
        8,
        "user",
        """
        select m.role, m.content
        from public.conversation_messages as m
        where
            m.conversation_id = (
                select c.id
                from public.conversations as c
                where c.user_id = %(user)s
                order by c.last_message_at desc
                limit 1
            )
        order by m.created_at desc
        limit 50
        """,
    ),
    Visit(
        "authenticated",
        1,
        "user",
        """
        insert into public.conversations (user_id, title)
        values (%(user)s, 'what shall I learn next?')
        """,
    ),
    Visit(
        "authenticated",
        5,
        "user",
        """
        insert into public.conversation_messages (conversation_id, role, content)
        select c.id, 'user', 'and why?'
        from public.conversations as c
        where c.user_id = %(user)s
        order by c.last_message_at desc
        limit 1
        """,
    ),
    # Answers, and what they cost, are written by the service.
    Visit(
        "service_role",
        5,
        "user",
        """
        insert into public.conversation_messages (
            conversation_id, role, content, tokens_used, processing_time_ms, cost_cents
        )
        select c.id, 'assistant', 'because', %(place)s, 900 + %(place)s, 1
        from public.conversations as c
        where c.user_id = %(user)s
        order by c.last_message_at desc
        limit 1
        """,
    ),
    Visit(
        "authenticated",
        3,
        "creator",
        """
        insert into public.content_items (
            repository_id, title, content_data, status, created_by, organization_id
        )
        select r.id, 'a new document', '{"text": "draft"}', 'review', p.id,
            p.organization_id
        from public.content_repositories as r
        cross join public.user_profiles as p
        where r.name = 'documents' and p.id = %(user)s
        """,
    ),
    Visit(
        "authenticated",
        3,
        "manager",
        """
        update public.content_items
        set status = 'published'
        where
            id = (
                select i.id
                from public.content_items as i
                where i.status = 'review'
                limit 1
            )
        """,
    ),
    Visit(
        "authenticated",
        2,
        "manager",
        """
        insert into public.content_assignments (
            content_item_id, user_id, assigned_by, assignment_type
        )
        select i.id, %(colleague)s, %(user)s, 'recommended'
        from public.content_items as i
        where i.status = 'published'
        order by i.id
        offset %(place)s
        limit 1
        on conflict do nothing
        """,
    ),
    Visit(
        "auth_service",
        1,
        "newcomer",
        "insert into auth.users (id, email) values (%(new)s, %(email)s)",
    ),
    Visit(
        "auth_service",
        1,
        "user",
        """
        update auth.users
        set last_sign_in_at = pg_catalog.now()
        where id = %(user)s
        """,
    ),
)


async def run(conninfo: str, *, seed: int = 1) -> None:
    """Send requests until cancelled: a dozen a second."""
    await work(conninfo, "gym-api", choose, seed)


def choose(dice: random.Random) -> Request:
    """Return the next request of somebody."""
    (visit,) = dice.choices(VISITS, [visit.weight for visit in VISITS])
    return request(visit, dice)


def request(visit: Visit, dice: random.Random) -> Request:
    """Return a request of this kind, of a person who may send it."""
    number = _PERSONS[visit.person](dice)
    user = user_id(number)
    new = uuid.UUID(int=dice.getrandbits(128), version=4)
    values = {
        "user": user,
        # Numbers of one organization lie ORGANIZATIONS apart.
        "colleague": user_id(number % ORGANIZATIONS + 3 * ORGANIZATIONS),
        "new": new,
        "email": f"{new}@example.com",
        "place": dice.randrange(90),
    }
    return Request(visit.role, user, visit.statement, values)
