"""What print-grants prints for those who probe, and for those who do not."""

from __future__ import annotations

from click.testing import CliRunner

from monitor.cli.root import pgvigil


def printed(*arguments: str) -> str:
    command = ("print-grants", "--version", "16", *arguments)
    return CliRunner().invoke(pgvigil, command, catch_exceptions=False).output


def test_the_logins_of_probes_are_not_printed_unless_asked_for() -> None:
    text = printed()

    assert "pgvigil_probe" not in text
    assert "pgvigil_bypass" not in text


def test_naming_a_persona_adds_both_logins_to_the_others() -> None:
    text = printed("--persona", "web user", "--bypassing", "service")

    assert 'grant "web user" to pgvigil_probe with inherit false, set true;' in text
    assert "grant service to pgvigil_bypass with inherit false, set true;" in text
    assert "create role pgvigil_reader;" in text
    assert "grant pg_monitor to pgvigil_probe" not in text


def test_a_login_that_was_named_is_printed_once() -> None:
    text = printed("--role", "pgvigil_probe", "--persona", "web")

    assert text.count("create role pgvigil_probe;") == 1
    assert "create role pgvigil_reader;" not in text
