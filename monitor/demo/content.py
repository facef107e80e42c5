"""Rows for the demo's tables, and what years of use have done to them.

Sizes are chosen so that every flaw is beyond the smallest size that checks care
for, and all of it is there within seconds on two slow cores.
"""

from __future__ import annotations

from typing import LiteralString

USERS = 1_000

ROWS: LiteralString = """
    set role app_owner;

    insert into app.organizations (name)
    select 'organization ' || n from pg_catalog.generate_series(1, 50) as n;

    insert into app.profiles (id, organization_id, email, phone)
    select
        pg_catalog.md5(n::text)::uuid,
        1 + n % 50,
        'user' || n || '@example.com',
        -- Some numbers were typed twice.
        '+1 555 ' || n % 990
    from pg_catalog.generate_series(1, 1000) as n;

    insert into app.products (name, price)
    select 'product ' || n, 1 + n % 100
    from pg_catalog.generate_series(1, 500) as n;

    insert into app.inventory (product_id, quantity)
    select n, 100 from pg_catalog.generate_series(1, 500) as n;

    insert into app.orders (user_id, organization_id, status, total, created_at)
    select
        pg_catalog.md5((1 + n % 1000)::text)::uuid,
        1 + n % 50,
        (array['open', 'paid', 'sent', 'done', 'done', 'done'])[1 + n % 6],
        n % 500 + 0.99,
        pg_catalog.now() - n * interval '5 minutes'
    from pg_catalog.generate_series(1, 30000) as n;

    insert into app.order_items (order_id, product_id, quantity)
    select n, 1 + (n * i * 7) % 500, i
    from
        pg_catalog.generate_series(1, 30000) as n,
        pg_catalog.generate_series(1, 2) as i
    on conflict do nothing;

    insert into app.documents (organization_id, title)
    select 1 + n % 50, 'document ' || n
    from pg_catalog.generate_series(1, 4000) as n;

    insert into app.sessions (user_id, payload)
    select pg_catalog.md5((1 + n % 1000)::text)::uuid, pg_catalog.repeat('x', 400)
    from pg_catalog.generate_series(1, 50000) as n;

    insert into app.events (kind, at)
    select 'click', pg_catalog.now() from pg_catalog.generate_series(1, 10000) as n
"""

WEAR: tuple[LiteralString, ...] = (
    "analyze",
    # Expired sessions, deleted and never vacuumed away.
    "delete from app.sessions where id % 10 <> 0",
    # Or the delete would be counted after the ANALYZE that knows about it.
    "select pg_catalog.pg_stat_force_next_flush()",
    "analyze app.sessions",
    # Events have multiplied since their statistics were taken.
    """
    insert into app.events (kind, at)
    select 'view', pg_catalog.now() from pg_catalog.generate_series(1, 30000) as n
    """,
    # The 32-bit numbers of tickets are nearly used up.
    "select pg_catalog.setval('app.tickets_id_seq', 2040109465)",
)

INVALID_INDEX: LiteralString = (
    "create unique index concurrently profiles_phone_key on app.profiles (phone)"
)
"""Fails on the numbers typed twice and leaves an invalid index behind."""
