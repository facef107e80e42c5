"""Organizations: their place in the tree, their limits."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.platform.rows import (
    add_child,
    refused,
    rows,
    scalar,
    until_blocked,
)
from tests.platform import Connection, Platform, add_user

pytestmark = pytest.mark.pg(">=15")


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    return platform.owner


async def places(db: Connection) -> dict[str, tuple[str, int]]:
    """Return path and depth by name, with names for ids."""
    found = await rows(
        db, "select id::text, name, organization_path, depth from public.organizations"
    )
    names = {key: name for key, name, _, _ in found}
    return {
        name: ("/".join(names.get(part, part) for part in path.split("/")), depth)
        for _, name, path, depth in found
    }


async def move(db: Connection, organization: UUID, parent: UUID | None) -> None:
    await db.execute(
        "update public.organizations set parent_id = %s where id = %s",
        [parent, organization],
    )


@pytest.mark.requirement("S2.4.1-c")
async def test_paths_follow_parents(owner: Connection) -> None:
    a = await add_child(owner, "a")
    b = await add_child(owner, "b", a)
    await add_child(owner, "c", b)

    assert await places(owner) == {
        "a": ("/a/", 0),
        "b": ("/a/b/", 1),
        "c": ("/a/b/c/", 2),
    }


@pytest.mark.requirement("S2.4.1-c")
async def test_a_move_takes_everything_below_along(owner: Connection) -> None:
    a = await add_child(owner, "a")
    b = await add_child(owner, "b", a)
    c = await add_child(owner, "c", b)
    await add_child(owner, "d", c)
    x = await add_child(owner, "x")

    await move(owner, b, x)
    moved = await places(owner)
    await move(owner, b, None)

    assert moved == {
        "a": ("/a/", 0),
        "x": ("/x/", 0),
        "b": ("/x/b/", 1),
        "c": ("/x/b/c/", 2),
        "d": ("/x/b/c/d/", 3),
    }
    assert (await places(owner))["d"] == ("/b/c/d/", 2)


@pytest.mark.requirement("S2.4.1-c")
async def test_a_path_cannot_be_written(owner: Connection) -> None:
    await add_child(owner, "a")

    await owner.execute(
        "update public.organizations set organization_path = '/x/', depth = 7"
    )

    assert await places(owner) == {"a": ("/a/", 0)}


@pytest.mark.requirement("S2.4.1-c")
async def test_circles_are_refused(owner: Connection) -> None:
    a = await add_child(owner, "a")
    b = await add_child(owner, "b", a)
    c = await add_child(owner, "c", b)

    for child, parent in ((a, a), (a, b), (a, c), (b, c)):
        async with refused(
            owner, psycopg.errors.CheckViolation, "chk_organization_no_cycle"
        ):
            await move(owner, child, parent)
    async with refused(owner, psycopg.errors.ForeignKeyViolation):
        await move(owner, a, uuid4())


@pytest.mark.requirement("S2.4.1-c")
async def test_two_moves_at_once_make_no_circle(platform: Platform) -> None:
    a = await add_child(platform.owner, "a")
    b = await add_child(platform.owner, "b")

    async def moved(child: UUID, parent: UUID) -> str:
        async with await psycopg.AsyncConnection.connect(
            platform.conninfo, autocommit=True
        ) as connection:
            try:
                await move(connection, child, parent)
            except psycopg.errors.CheckViolation as error:
                return error.diag.constraint_name or ""
            return "moved"

    async with platform.owner.transaction():
        await move(platform.owner, a, b)
        task = asyncio.create_task(moved(b, a))
        await until_blocked(platform.owner)

    assert await task == "chk_organization_no_cycle"


@pytest.mark.requirement("S2.4.1-c")
async def test_a_tree_has_at_most_32_levels_below_its_root(owner: Connection) -> None:
    top = await add_child(owner, "top")
    chain = [await add_child(owner, "0")]
    for number in range(1, 33):
        chain.append(await add_child(owner, str(number), chain[-1]))

    async with refused(owner, psycopg.errors.CheckViolation, "chk_organization_depth"):
        await add_child(owner, "33", chain[-1])
    async with refused(owner, psycopg.errors.CheckViolation, "chk_organization_depth"):
        await move(owner, chain[0], top)

    assert (await places(owner))["32"][1] == 32


@pytest.mark.requirement("S2.4.1-b")
async def test_a_full_organization_takes_nobody(owner: Connection) -> None:
    full, empty = await add_child(owner, "full"), await add_child(owner, "empty")
    await owner.execute(
        "update public.organizations set user_limit = 2 where id = %s", [full]
    )
    for name in ("a", "b"):
        await add_user(owner, email=f"{name}@x.com", organization=full)
    guest = await add_user(owner, email="c@x.com", organization=empty)
    join = "update public.user_profiles set organization_id = %s where id = %s"

    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_organization_user_limit"
    ):
        await owner.execute(join, [full, guest])
    await add_user(owner, email="d@x.com", organization=full, role="super_admin")
    await owner.execute("update public.user_profiles set full_name = 'n'")
    await owner.execute("update public.organizations set user_limit = null")
    await owner.execute(join, [full, guest])

    assert (
        await scalar(
            owner,
            "select count(*) from public.user_profiles where organization_id = %s",
            full,
        )
        == 4
    )


@pytest.mark.requirement("S2.4.1-b")
async def test_the_hundred_and_first_profile_is_refused(owner: Connection) -> None:
    organization = await add_child(owner, "usual")
    await owner.execute(
        "insert into auth.users (id, email)"
        " select gen_random_uuid(), n || '@x.com' from generate_series(1, 101) as n"
    )
    join = (
        "update public.user_profiles set organization_id = %s"
        " where email = any (select n || '@x.com' from"
        " generate_series(%s::integer, %s) as n)"
    )
    await owner.execute(join, [organization, 1, 100])

    async with refused(
        owner, psycopg.errors.CheckViolation, "chk_organization_user_limit"
    ):
        await owner.execute(join, [organization, 101, 101])


@pytest.mark.requirement("S2.4.1-b")
async def test_two_at_once_cannot_share_the_last_place(platform: Platform) -> None:
    owner = platform.owner
    organization = await add_child(owner, "one")
    await owner.execute("update public.organizations set user_limit = 1")
    users = [await add_user(owner, email=f"{n}@x.com") for n in range(8)]

    async def joins(user: UUID) -> bool:
        async with await psycopg.AsyncConnection.connect(
            platform.conninfo, autocommit=True
        ) as connection:
            try:
                await connection.execute(
                    "update public.user_profiles set organization_id = %s"
                    " where id = %s",
                    [organization, user],
                )
            except psycopg.errors.CheckViolation:
                return False
            return True

    joined = await asyncio.gather(*map(joins, users))

    assert sorted(joined) == [False] * 7 + [True]


@pytest.mark.requirement("S2.1.1-g")
async def test_an_organization_with_members_is_not_deleted(owner: Connection) -> None:
    organization = await add_child(owner, "a")
    await add_user(owner, email="a@x.com", organization=organization)

    async with refused(owner, psycopg.errors.ForeignKeyViolation):
        await owner.execute("delete from public.organizations")

    await owner.execute("update public.user_profiles set organization_id = null")
    await owner.execute("delete from public.organizations")
    assert await places(owner) == {}
