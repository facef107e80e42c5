"""Reads policy_matrix.txt, and finds out what is really so.

A case is tried by every person, each try in a subtransaction that is undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.integration.platform.policy_stage import PERSONS, Person, row_id
from tests.platform import Connection

FILE = Path(__file__).with_name("policy_matrix.txt")

# The try is undone by an error of our own, which also takes back role and claims.
ATTEMPT = """
create function pg_temp.attempt(person_role text, person_id text, statement text)
returns text
language plpgsql
as $$
declare
    touched bigint;
begin
    perform set_config(
        'request.jwt.claims', json_build_object('sub', person_id)::text, true
    );
    perform set_config('role', person_role, true);
    execute statement;
    get diagnostics touched = row_count;
    raise exception using errcode = 'UNDO0', message = touched::text;
exception
    when sqlstate 'UNDO0' then
        return case when sqlerrm = '0' then 'nothing' else 'done' end;
    when others then
        return sqlstate;
end
$$
"""
_TRY_ALL = """
select pg_temp.attempt(t.role, t.id, t.statement)
from unnest(%s::text[], %s::text[], %s::text[])
    with ordinality as t (role, id, statement, number)
order by t.number
"""
REFUSED = ("nothing", "42501")

_TOUCHED = {
    "organizations": "display_name",
    "user_profiles": "full_name",
    "admin_permissions": "scope",
    "content_repositories": "description",
    "content_items": "description",
    "content_versions": "title",
    "content_assignments": "expires_at",
    "conversations": "title",
    "conversation_messages": "metadata",
    "schema_migrations": "name",
    "schema_migrations_log": "step",
}
_PROFILE = """insert into public.user_profiles (id, email, role, organization_id)
values ('{auth[new]}', 'new@example.org', '%s', '{organizations[%s]}')"""
_ITEM = """insert into public.content_items
(repository_id, title, status, created_by, organization_id, version)
values ('{content_repositories[active]}', 'new', '%s', %s, %s, %s)"""
_ASSIGNMENT = """insert into public.content_assignments
(content_item_id, user_id, assigned_by, assignment_type)
values ('{content_items[row]}', '{user_profiles[clerk]}', %s, 'required')"""
_CONVERSATION = """insert into public.conversations (user_id%s) values (%s%s)"""
_MESSAGE = """insert into public.conversation_messages
(conversation_id, role, content, sequence_number%s)
values ('{conversations[row]}', '%s', 'new', 9%s)"""
_COLLEAGUE = "'{user_profiles[colleague]}'"

STATEMENTS = {
    "organizations insert": "insert into public.organizations (name, display_name)"
    " values ('new', 'New')",
    # Reads no column, so that only the policy for UPDATE is asked.
    "organizations update:renumber": "update public.organizations"
    " set id = gen_random_uuid()",
    "user_profiles insert": _PROFILE % ("user", "acme"),
    "user_profiles insert:foreign": _PROFILE % ("user", "rival"),
    "user_profiles insert:admin": _PROFILE % ("admin", "acme"),
    "user_profiles insert:super_admin": _PROFILE % ("super_admin", "acme"),
    "user_profiles update:to_admin": "update public.user_profiles"
    " set role = 'admin' where id = '{user_profiles[row]}'",
    "user_profiles update:to_super_admin": "update public.user_profiles"
    " set role = 'super_admin' where id = '{user_profiles[row]}'",
    "admin_permissions insert": "insert into public.admin_permissions"
    " (user_id, resource, action) values ('{user_profiles[clerk]}', 'users', 'read')",
    "admin_permissions insert:self": "insert into public.admin_permissions"
    " (user_id, resource, action) values ({me}, 'users', 'read')",
    "admin_permissions update:take": "update public.admin_permissions"
    " set user_id = {me}, action = 'manage' where id = '{admin_permissions[row]}'",
    "content_repositories insert": "insert into public.content_repositories"
    " (name, display_name, content_type) values ('new', 'New', 'video')",
    "content_items insert": _ITEM % ("draft", "{me}", "{org}", 1),
    "content_items insert:review": _ITEM % ("review", "{me}", "{org}", 1),
    "content_items insert:published": _ITEM % ("published", "{me}", "{org}", 1),
    "content_items insert:personal": _ITEM % ("draft", "{me}", "null", 1),
    "content_items insert:foreign": _ITEM
    % ("draft", "{me}", "'{organizations[third]}'", 1),
    "content_items insert:of_other": _ITEM % ("draft", _COLLEAGUE, "{org}", 1),
    "content_items insert:version_5": _ITEM % ("draft", "{me}", "{org}", 5),
    "content_items update:publish": "update public.content_items"
    " set status = 'published' where id = '{content_items[row]}'",
    "content_items update:of_other": "update public.content_items"
    f" set created_by = {_COLLEAGUE} where id = '{{content_items[row]}}'",
    "content_versions insert": "insert into public.content_versions"
    " (content_item_id, version_number, title, content_data, created_by)"
    " values ('{content_items[my_draft]}', 9, 'new', '{{}}', {me})",
    "content_assignments insert": _ASSIGNMENT % "{me}",
    "content_assignments insert:of_other": _ASSIGNMENT % _COLLEAGUE,
    "content_assignments update:to_foreign": "update public.content_assignments"
    " set content_item_id = '{content_items[rival_published]}'"
    " where id = '{content_assignments[row]}'",
    "conversations insert": _CONVERSATION % ("", "{me}", ""),
    "conversations insert:of_other": _CONVERSATION % ("", _COLLEAGUE, ""),
    "conversations insert:counted": _CONVERSATION % (", message_count", "{me}", ", 1"),
    "conversations insert:tokens": _CONVERSATION % (", total_tokens", "{me}", ", 1"),
    "conversations insert:cost": _CONVERSATION % (", estimated_cost", "{me}", ", 1"),
    "conversations insert:numbered": _CONVERSATION % (", last_sequence", "{me}", ", 1"),
    "conversations update:give_away": "update public.conversations"
    f" set user_id = {_COLLEAGUE}",
    "conversation_messages insert": _MESSAGE % ("", "user", ""),
    "conversation_messages insert:assistant": _MESSAGE % ("", "assistant", ""),
    "conversation_messages insert:system": _MESSAGE % ("", "system", ""),
    "conversation_messages insert:tokens": _MESSAGE % (", tokens_used", "user", ", -5"),
    "conversation_messages insert:model": _MESSAGE % (", model_used", "user", ", 'm'"),
    "conversation_messages insert:cost": _MESSAGE % (", cost_cents", "user", ", -5"),
    "conversation_messages insert:slow": _MESSAGE
    % (", processing_time_ms", "user", ", 5"),
    "conversation_messages insert:dated": _MESSAGE
    % (", created_date", "user", ", '2001-01-01'"),
    "schema_migrations insert": "insert into public.schema_migrations"
    " (version, name, kind, server_version) values ('999', 'x', 'baseline', 1)",
    "schema_migrations_log insert": "insert into public.schema_migrations_log"
    " (version, step) values ('999', 'up')",
}
"""What inserts do, and commands with a name; the rest is the same for every table."""


@dataclass(frozen=True, slots=True)
class Case:
    """A command on a row, and the persons for whom it does something."""

    table: str
    command: str
    row: str
    persons: frozenset[str]

    @property
    def label(self) -> str:
        return f"{self.table} {self.command} {self.row}"

    def __str__(self) -> str:
        return f"{self.label} = {' '.join(sorted(self.persons))}"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Ids of a table's rows by name, for a statement; "row" is the case's own."""

    table: str
    row: str
    person: Person

    def __getitem__(self, name: str) -> str:
        name = self.row if name == "row" else name
        if name == "my_self":
            return str(self.person.id)
        return str(row_id(self.table, name, self.person))


def expected() -> list[Case]:
    """Return the cases of the file."""
    groups: dict[str, frozenset[str]] = {}
    cases: list[Case] = []
    for line in FILE.read_text().splitlines():
        name, separator, text = line.partition("=")
        if not separator or line.startswith("#"):
            continue
        if not name.startswith("@"):
            table, command, row = name.split()
            cases.append(Case(table, command, row, frozenset(text.split())))
        else:
            groups[name.strip()] = frozenset(text.split())
    return [
        Case(c.table, c.command, c.row, _resolved(c.persons, groups)) for c in cases
    ]


def _resolved(
    names: Iterable[str], groups: dict[str, frozenset[str]]
) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        found |= _resolved(groups[name], groups) if name in groups else {name}
    return frozenset(found)


async def actual(owner: Connection, cases: list[Case]) -> list[Case]:
    """Try the cases and return them with those for whom they do something.

    Who gets an error that is no refusal appears with it, as "user!23505".
    """
    tries = [(case, person) for case in cases for person in PERSONS]
    outcomes = await attempt(owner, [(p, statement(case, p)) for case, p in tries])
    persons: dict[str, set[str]] = {case.label: set() for case in cases}
    for (case, person), outcome in zip(tries, outcomes, strict=True):
        if outcome not in REFUSED:
            suffix = "" if outcome == "done" else f"!{outcome}"
            persons[case.label].add(person.name + suffix)
    return [Case(c.table, c.command, c.row, frozenset(persons[c.label])) for c in cases]


async def attempt(owner: Connection, tries: list[tuple[Person, str]]) -> list[str]:
    """Return how statements of persons end: done, nothing or an error's code."""
    # Thousands of short statements: compiling them would take most of the time.
    await owner.execute("set local jit = off")
    cursor = await owner.execute(
        _TRY_ALL,
        [
            [person.database_role for person, _ in tries],
            [str(person.id) for person, _ in tries],
            [text for _, text in tries],
        ],
    )
    return [outcome for (outcome,) in await cursor.fetchall()]


def statement(case: Case, person: Person) -> str:
    """Return what a person tries."""
    template = STATEMENTS.get(f"{case.table} {case.command}")
    if template is None:
        return _plain(case, person)
    return completed(template, case, person)


def completed(template: str, case: Case, person: Person) -> str:
    """Return a statement with the ids of a case's rows filled in."""
    tables = {t: _Rows(t, case.row, person) for t in (*_TOUCHED, "auth")}
    organization = (
        f"'{row_id('organizations', person.organization)}'"
        if person.organization
        else "null"
    )
    return template.format_map({**tables, "me": f"'{person.id}'", "org": organization})


def _plain(case: Case, person: Person) -> str:
    table, column = f"public.{case.table}", _TOUCHED[case.table]
    own = _Rows(case.table, case.row, person)["row"]
    where = "" if case.row == "-" else f" where id = '{own}'"
    return {
        "select": f"select 1 from {table}{where}",
        "update": f"update {table} set {column} = {column}{where}",
        "delete": f"delete from {table}{where}",
    }[case.command]
