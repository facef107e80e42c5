"""The published cases of slow policies, at their published sizes.

Source: github.com/GaryAustin1/RLS-Performance, tests 1 to 6, and the section "RLS
performance recommendations" of Supabase's manual.
"""

from __future__ import annotations

from dataclasses import dataclass

USER = "70225db6-b0ba-4116-9b08-6b25f33bb70a"
ROWS = 100_000
SIDE_ROWS = 1_000

_IDS = "md5(i::text)::uuid"
TABLES = f"""
create table public.rlstest as
select
    i as id,
    'name-' || i as name,
    case when i = 1 then '{USER}'::uuid else {_IDS} end as user_id,
    'user' as role,
    i % {SIDE_ROWS} as team_id
from pg_catalog.generate_series(1, {ROWS}) as i;
alter table public.rlstest add primary key (id);
create table public.rlstest_roles as
select
    i as id,
    case when i = {SIDE_ROWS} then '{USER}'::uuid else {_IDS} end as user_id,
    case when i = {SIDE_ROWS} then 'admin' else 'user' end as role
from pg_catalog.generate_series(1, {SIDE_ROWS}) as i;
create table public.team_user as
select
    i as team_id,
    case when i % 100 = 0 then '{USER}'::uuid else {_IDS} end as user_id
from pg_catalog.generate_series(1, {SIDE_ROWS}) as i;
create table public.posts as
select
    i as id,
    case when i % 100 = 0 then '{USER}'::uuid else {_IDS} end as user_id
from pg_catalog.generate_series(1, {ROWS}) as i;
alter table public.posts add primary key (id);
create table public.comments as
select
    i as id,
    i as post_id
from pg_catalog.generate_series(1, {ROWS}) as i;
alter table public.rlstest enable row level security;
alter table public.comments enable row level security;
"""
_FUNCTION = "language plpgsql security definer set search_path = '' as"
IS_ADMIN = f"""
create function public.is_admin() returns boolean {_FUNCTION} $$
begin
    return exists (
        select from public.rlstest_roles as r
        where r.user_id = auth.uid() and r.role = 'admin'
    );
end $$;
"""
GET_ROLE = f"""
create function public.get_role() returns text {_FUNCTION} $$
begin
    return (select r.role from public.rlstest_roles as r where r.user_id = auth.uid());
end $$;
"""
USER_TEAMS = f"""
create function public.user_teams() returns integer[] {_FUNCTION} $$
begin
    return array(
        select t.team_id from public.team_user as t where t.user_id = auth.uid()
    );
end $$;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One published case: its policy, and which of our rules has the cure.

    `ratio` is the published one, of the times before and after. `evidence` is what
    the finding that names the cause has to say.
    """

    name: str
    using: str
    ratio: float
    finding: str
    evidence: str
    before: str = ""
    table: str = "rlstest"
    statement: str = ""
    role: str = "user"
    rewrite: str = ""

    @property
    def policy(self) -> str:
        """Return the statements that lay the case down."""
        return (
            f"{self.before}\n"
            f"create policy published on public.{self.table} "
            f"for select using ({self.using});\n"
        )

    @property
    def sql(self) -> str:
        """Return the statement that is timed."""
        return self.statement or f"select count(*) from public.{self.table}"


CASES = (
    Case(
        name="1 index on user_id",
        using="auth.uid() = user_id",
        ratio=3167,
        finding="missing_index",
        evidence="user_id",
    ),
    Case(
        name="2a (select auth.uid())",
        using="auth.uid() = user_id",
        ratio=19.9,
        finding="call_not_wrapped",
        evidence="calls auth.uid() for every row",
        rewrite="wrap_calls",
    ),
    Case(
        name="2b (select is_admin())",
        before=IS_ADMIN,
        using="public.is_admin()",
        ratio=1571,
        finding="call_not_wrapped",
        evidence="calls public.is_admin() for every row",
        rewrite="declare_stable",
    ),
    Case(
        name="2c is_admin() or uid",
        before=IS_ADMIN,
        using="public.is_admin() or auth.uid() = user_id",
        ratio=1100,
        finding="call_not_wrapped",
        evidence="calls public.is_admin() and auth.uid() for every row",
        rewrite="declare_stable",
    ),
    Case(
        name="2d get_role() = role",
        before=GET_ROLE,
        using="public.get_role() = role",
        ratio=14833,
        finding="call_not_wrapped",
        evidence="calls public.get_role() for every row",
        rewrite="declare_stable",
    ),
    Case(
        name="2e = any (user_teams())",
        before=USER_TEAMS,
        using="team_id = any (public.user_teams())",
        ratio=10812,
        finding="call_not_wrapped",
        evidence="calls public.user_teams() for every row",
        rewrite="declare_stable",
    ),
    Case(
        name="5 join direction",
        using=(
            "auth.uid() in (select t.user_id from public.team_user as t "
            "where t.team_id = rlstest.team_id)"
        ),
        ratio=450,
        finding="policy_rewrite",
        evidence="evaluates a sub-select for every row",
        rewrite="use_set",
    ),
    Case(
        name="6 to authenticated, asked by anon",
        using="auth.uid() = user_id",
        ratio=1700,
        finding="policy_rewrite",
        evidence="is evaluated for roles whose requests it can never admit",
        role="anon",
        rewrite="restrict_roles",
    ),
    Case(
        name="manual: exists (posts) to in",
        using=(
            "exists (select 1 from public.posts as p where p.id = comments.post_id "
            "and p.user_id = auth.uid())"
        ),
        ratio=4.7,
        table="comments",
        finding="policy_rewrite",
        evidence="evaluates a sub-select for every row",
        rewrite="use_set",
    ),
)
REDUNDANT_FILTER = Case(
    name="3 redundant filter",
    using="auth.uid() = user_id",
    ratio=19.0,
    finding="call_not_wrapped",
    evidence="statements that filter by user_id themselves",
    statement=f"select count(*) from public.rlstest where user_id = '{USER}'",
)
