"""Columns of tables are shown as they are described."""

from __future__ import annotations

from dashboards.fields import columns_in_order, of_column
from dashboards.parts import Column


def test_answers_of_several_queries_are_merged_before_anything_else() -> None:
    columns = [Column("server", "Server"), Column("Value #A", "Size")]

    first, *others = columns_in_order(columns, is_merged=True)

    assert first == {"id": "merge", "options": {}}
    assert others == columns_in_order(columns, is_merged=False)


def test_columns_keep_their_order_and_get_their_titles() -> None:
    columns = [Column("Value", "Size"), Column("server", "Server")]

    options = [each["options"] for each in columns_in_order(columns, is_merged=False)]

    assert options == [
        {"include": {"names": ["Value", "server"]}},
        {
            "indexByName": {"Value": 0, "server": 1},
            "renameByName": {"Value": "Size", "server": "Server"},
        },
    ]


def test_a_column_has_its_unit_and_its_colours() -> None:
    column = Column("Value", "Age", unit="s", steps={0: "text", 60: "red"})

    override = of_column(column)

    assert override["matcher"] == {"id": "byName", "options": "Age"}
    assert override["properties"] == [
        {"id": "unit", "value": "s"},
        {
            "id": "thresholds",
            "value": {
                "mode": "absolute",
                "steps": [
                    {"color": "text", "value": None},
                    {"color": "red", "value": 60},
                ],
            },
        },
        {"id": "custom.cellOptions", "value": {"type": "color-text"}},
    ]


def test_the_way_to_another_dashboard_stays_in_the_window() -> None:
    near = of_column(Column("a", "A", link="/d/pgvigil-overview"))
    far = of_column(Column("a", "A", link="http://elsewhere"))

    assert [near["properties"], far["properties"]] == [
        [{"id": "links", "value": [{"targetBlank": new, "title": "A", "url": url}]}]
        for new, url in ((False, "/d/pgvigil-overview"), (True, "http://elsewhere"))
    ]
