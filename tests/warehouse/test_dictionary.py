"""The reference page lists everything, and nothing without its meaning."""

from warehouse import Column, feature_table, reference
from warehouse.schema import TABLES, VIEWS


def test_every_table_view_and_column_is_on_the_page() -> None:
    page = reference()
    for table in TABLES:
        section = page.split(f"### {table.name}\n", 1)[1].split("\n### ", 1)[0]
        assert table.comment in section
        for column in table.columns:
            row = next(line for line in section.splitlines() if line.startswith(f"| `{column.name}` |"))
            assert column.comment.replace("|", "\\|") in row
            assert row.replace("\\|", "").count("|") == 5, row
    for view in VIEWS:
        section = page.split(f"### {view.name} (view)\n", 1)[1].split("\n### ", 1)[0]
        assert all(f"| `{name}` | {comment} |" in section for name, comment in view.columns)


def test_feature_tables_are_listed_when_they_are_given() -> None:
    tags = feature_table("tags", "Bag of tags.", [Column("weights", "FLOAT[]", "Their weights.")])
    page = reference([tags], [])
    assert "## features" in page
    assert "| `weights` | FLOAT[] |  | Their weights. |" in page
    assert "## core" not in page
