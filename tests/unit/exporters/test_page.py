from dataclasses import dataclass

import pytest

from monitor.exporters.prometheus import TargetExporter, TargetExposition, merge
from monitor.model.snapshot import Column, Kind, Sheet
from monitor.model.target import Target
from tests.unit.exporters import example


def _page(server: str, *sheets: Sheet) -> TargetExposition:
    return TargetExporter(Target(name=server, profile="everything")).render(sheets)


def test_families_of_several_targets_are_grouped() -> None:
    pages = [
        _page(name, example.gauge("a", {"x": 1}), example.gauge("b", {"x": 2}))
        for name in ("one", "two")
    ]

    merged = merge(*pages)

    lines = example.text(merged).splitlines()
    families = [line.split("{")[0] for line in lines if not line.startswith("#")]
    assert families == ["pg_a_value"] * 2 + ["pg_b_value"] * 2
    assert example.values(merged, "pg_a_value", "server") == {"one": 1, "two": 1}
    assert example.openmetrics_samples(merged) == example.samples(merged)


def test_a_family_of_another_type_is_left_out_and_counted() -> None:
    counter = [Column("value_total", Kind.COUNTER, "")]
    unlike = [Column("value_total", Kind.GAUGE, "")]

    merged = merge(
        _page("one", example.custom("a", counter, [(1,)])),
        _page("two", example.custom("a", unlike, [(2,)])),
    )

    found = example.values(merged, "pg_a_value_total", "server")
    assert found == {"one": 1}
    assert merged.dropped == {"pg_a_value_total": 1}


def test_legacy_names_stand_beside_ours_in_text_and_are_not_in_openmetrics() -> None:
    counter = [Column("value_total", Kind.COUNTER, "")]
    legacy = [Column("value", Kind.GAUGE, "")]
    page = _page(
        "one",
        example.custom("a", counter, [(1,)]),
        example.custom("legacy_a", legacy, [(2,)]),
    )

    merged = merge(page)

    assert example.values(merged, "pg_a_value_total", "server") == {"one": 1}
    assert example.values(merged, "pg_a_value", "server") == {"one": 2}
    names = {sample[0] for sample in example.openmetrics_samples(merged)}
    assert names == {"pg_a_value_total"}


def test_a_legacy_name_that_is_ours_already_is_left_out() -> None:
    ours = [Column("value", Kind.GAUGE, "")]

    merged = merge(
        _page(
            "one",
            example.custom("a", ours, [(1,)]),
            example.custom("legacy_a", ours, [(2,)]),
        )
    )

    assert example.values(merged, "pg_a_value", "server") == {"one": 1}


def test_a_page_of_all_targets_has_a_limit_and_counts_what_exceeds_it() -> None:
    pages = [_page(name, example.gauge("a", {1: 1, 2: 2})) for name in ("one", "two")]

    merged = merge(*pages, limit=3)

    assert merged.series == 2
    assert merged.dropped == {"pg_a_value": 2}


def test_merging_nothing_is_an_empty_page_in_both_formats() -> None:
    merged = merge()

    assert merged.body(openmetrics=False, compressed=False) == b""
    assert merged.body(openmetrics=True, compressed=False) == b"# EOF\n"


def test_a_merged_page_can_be_merged_again() -> None:
    once = merge(_page("one", example.gauge("a", {"x": 1})))

    twice = merge(once, _page("two", example.gauge("a", {"x": 1})))

    assert example.values(twice, "pg_a_value", "server") == {"one": 1, "two": 1}


@dataclass
class _Foreign:
    series: int = 0

    def body(self, *, openmetrics: bool, compressed: bool) -> bytes:
        return f"# {openmetrics} {compressed}".encode()


def test_an_exposition_of_another_make_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot merge _Foreign"):
        merge(_Foreign())
