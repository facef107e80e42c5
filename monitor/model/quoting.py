"""Identifiers and literals as PostgreSQL itself would quote them, for people to read.

The text goes into findings, never to a server: what pgvigil runs is composed by
psycopg. Source: quote_ident, quote_literal; manual section 4.1.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")

# Every keyword of PostgreSQL 18 but the unreserved ones (pg_get_keywords). Older
# servers reserve fewer; quoting a word too many does no harm.
_KEYWORDS = frozenset(
    """
all analyse analyze and any array as asc asymmetric authorization between bigint
binary bit boolean both case cast char character check coalesce collate collation
column concurrently constraint create cross current_catalog current_date
current_role current_schema current_time current_timestamp current_user dec decimal
default deferrable desc distinct do else end except exists extract false fetch float
for foreign freeze from full grant greatest group grouping having ilike in initially
inner inout int integer intersect interval into is isnull join json json_array
json_arrayagg json_exists json_object json_objectagg json_query json_scalar
json_serialize json_table json_value lateral leading least left like limit localtime
localtimestamp merge_action national natural nchar none normalize not notnull null
nullif numeric offset on only or order out outer overlaps overlay placing position
precision primary real references returning right row select session_user setof
similar smallint some substring symmetric system_user table tablesample then time
timestamp to trailing treat trim true union unique user using values varchar
variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists
xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
""".split()  # noqa: SIM905 - 164 quoted words in a column read worse
)


def quote_ident(name: str) -> str:
    """Return a name as an identifier, in double quotes wherever it needs them."""
    if _PLAIN.match(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """Return `schema.name` with each part quoted where it needs it."""
    return f"{quote_ident(schema)}.{quote_ident(name)}"


def quote_literal(text: str) -> str:
    """Return a text as a string literal, whatever standard_conforming_strings is."""
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f"E{quoted}" if "\\" in text else quoted
