"""Writes the tables in README and docs that are made from the code.

`python -m tests.documents` (`make documents`) writes them; a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from monitor import resources
from monitor.exporters.layout import family_of
from monitor.model.server import NEWEST_KNOWN_MAJOR, Extension, Server
from monitor.model.units import size
from monitor.postgres.queries import Library, Query
from monitor.runtime.rules import Rule, discover
from monitor.settings import reference
from tests import alert_rules, requirements

ROOT = Path(__file__).parent.parent

SETTINGS = """\
# Settings

Every setting with its default; made from the code by `make documents`.

Later ones win: a YAML or TOML file (`--config`, else `PGVIGIL_CONFIG`),
the secrets directory, environment variables, `--set` on the command line.
The variable of `http.listen` is `PGVIGIL_HTTP__LISTEN`,
that of the first target's name `PGVIGIL_TARGETS__0__NAME`.
Durations are written as in Prometheus (`1m30s`), sizes as `10MB`.
The README's table of findings lists the names under `thresholds`.

"""

METRICS = """\
# Metrics

Facts of PostgreSQL, made from the comments in `sql/` by `make documents`.
Every series has the label `server` and the target's own labels.
Names that end in `_total` are counters.
The daemon's own metrics, findings and thresholds are `pgvigil_…`;
`/metrics` explains them.

"""

REQUIREMENTS = """\
# Requirements

What the product has to do, and how far that is built.
Made from [requirements.toml](requirements.toml) by `make documents`.
A built row has tests marked `@pytest.mark.requirement("id")`; the build fails without.

"""

POLICY_COMMENT = re.compile(
    r"comment on policy \w+_(select|insert|update|delete) on public\.(\w+) is"
    r"((?:\s+'(?:[^']|'')*')+);"
)

NEWEST = Server(
    version_num=NEWEST_KNOWN_MAJOR * 10000,
    version=f"{NEWEST_KNOWN_MAJOR}.0",
    role="",
    database="",
    is_superuser=False,
    bypasses_rls=False,
    is_standby=False,
    system_identifier=None,
    timeline=None,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    extensions={
        "pg_stat_statements": Extension("pg_stat_statements", "public", (99,)),
    },
)


def documents() -> dict[Path, str]:
    """Return each generated document's path and text."""
    readme = ROOT / "README.md"
    platform = ROOT / "docs" / "platform.md"
    return {
        readme: _between(readme.read_text(), "checks", checks()),
        ROOT / "docs" / "settings.md": SETTINGS + reference.table().rstrip() + "\n",
        ROOT / "docs" / "metrics.md": METRICS + metrics(),
        ROOT / "alerts" / "pgvigil-findings.yml": alert_rules.findings_file(),
        platform: _between(platform.read_text(), "policies", policies()),
        ROOT / "docs" / "requirements.md": REQUIREMENTS
        + requirements.table(requirements.read(requirements.FILE.read_text())),
    }


def _between(text: str, name: str, table: str) -> str:
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    return re.sub(pattern, lambda _: begin + table + end, text, flags=re.DOTALL)


def checks() -> str:
    """Return the table of everything that can become a finding."""
    rows = ["| name | kind | finding | warning | critical |", "|---|---|---|---|---|"]
    rows += [
        f"| `{rule.name}` | {rule.kind} | {rule.title} | "
        f"{_level(rule, 'warning')} | {_level(rule, 'critical')} |"
        for rule in discover().values()
    ]
    return "\n".join(rows) + "\n"


def _level(rule: Rule, name: str) -> str:
    default = {f.name: f.default for f in fields(rule.thresholds)}.get(name)
    if not isinstance(default, int | float):
        return ""
    if rule.unit.startswith("bytes"):
        return size(default) + rule.unit.removeprefix("bytes")
    return f"{default:,.10g} {rule.unit}"


def policies() -> str:
    """Return the table of what the platform's policies allow, from their comments."""
    file = (
        resources.directory("sql") / "migrations/platform/002_create_rls_policies.sql"
    )
    rows = ["| table | command | who, and which rows |", "|---|---|---|"]
    for command, table, literals in POLICY_COMMENT.findall(file.read_text()):
        text = "".join(re.findall(r"'((?:[^']|'')*)'\s*", literals)).replace("''", "'")
        rows.append(f"| `{table}` | {command} | {text} |")
    return "\n".join(rows) + "\n"


def metrics() -> str:
    """Return a table of metrics for each query that exports any."""
    sql = resources.directory("sql")
    stats = Library.load(sql / "stats")
    facts = Library.load(sql / "metrics", taken=stats.names)
    sections = [
        section
        for library in (stats, facts)
        for name in library.names
        for section in _section(library.choose(name, NEWEST))
    ]
    return "\n".join(sections)


def _section(query: Query) -> Iterator[str]:
    if query.help:
        rows = [
            f"| `{family_of(query.name, column)}` | {text} |"
            for column, text in query.help.items()
        ]
        head = ["| metric or label | meaning |", "|---|---|"]
        yield f"## {query.name}\n\n{query.title}\n\n" + "\n".join(head + rows) + "\n"


def main() -> None:
    """Write what differs."""
    for path, text in documents().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
