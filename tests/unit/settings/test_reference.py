"""The list of settings for the documents."""

from __future__ import annotations

from monitor.settings.reference import entries, table


def test_every_setting_says_what_it_means() -> None:
    assert [entry.key for entry in entries() if not entry.description] == []


def test_settings_are_spelled_as_in_a_file() -> None:
    defaults = {entry.key: entry.default for entry in entries()}

    assert defaults["http.listen"] == "127.0.0.1:9843"
    assert defaults["targets[].intervals.catalog"] == "1m"
    assert defaults["alerting.alertmanagers[].timeout"] == "5s"
    assert defaults["maintenance.confirm_drop_index"] == "false"
    assert defaults["state_dir"] == ""


def test_the_table_has_a_line_for_each_setting() -> None:
    assert len(table().splitlines()) == len(entries()) + 2
