"""A check's docstring as a page."""

from __future__ import annotations

from monitor.api import runbooks
from monitor.api.runbooks import Block
from monitor.runtime.rules import discover

PAGE = """\
Statements take long.

## Meaning

The mean, over `calls`
of the window.

    select 1
    from t;

    select 2;

Then look.
"""


def test_a_page_has_title_headings_paragraphs_and_code() -> None:
    found = runbooks.parse("query_time", PAGE)

    assert found.title == "Statements take long"
    assert found.blocks == (
        Block("heading", "Meaning"),
        Block(
            "paragraph",
            "The mean, over `calls` of the window.",
            ("The mean, over ", "calls", " of the window."),
        ),
        Block("code", "select 1\nfrom t;\n\nselect 2;"),
        Block("paragraph", "Then look.", ("Then look.",)),
    )


def test_code_at_the_end_is_kept() -> None:
    found = runbooks.parse("x", "Title.\n\nText.\n\n    code\n")

    assert found.blocks[-1] == Block("code", "code")


def test_a_lints_ramification_and_cure_become_sections() -> None:
    found = runbooks.parse("x", "Title.\nMore.\nRamification: the\nend.\nCure: a pill.")

    assert [(block.kind, block.text) for block in found.blocks] == [
        ("paragraph", "More."),
        ("heading", "If ignored"),
        ("paragraph", "The end."),
        ("heading", "How to fix"),
        ("paragraph", "A pill."),
    ]


def test_an_unreachable_server_has_a_runbook() -> None:
    assert runbooks.find("target_down") is not None


def test_every_rule_has_a_runbook() -> None:
    missing = [name for name in discover() if runbooks.find(name) is None]

    assert missing == []


def test_what_is_no_name_has_no_runbook() -> None:
    assert runbooks.find("../secrets") is None
    assert runbooks.find("no_such_check") is None
