"""The reference page lists everything, and nothing without its meaning."""

from warehouse import Column, Warehouse, feature_table, reference
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


def test_everything_in_the_lake_says_what_it_means(wh: Warehouse) -> None:
    silent = wh.query(
        "SELECT schema_name || '.' || table_name AS name, column_name FROM duckdb_columns() c "
        "WHERE database_name = 'lake' AND NOT internal AND coalesce(comment, '') = '' AND NOT EXISTS ("
        "FROM ops.columns o WHERE o.table_name = c.schema_name || '.' || c.table_name "
        "AND o.column_name = c.column_name AND o.comment <> '')"
    ).to_pylist()
    assert silent == []
    bare = wh.query(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND coalesce(comment, '') = '' "
        "UNION ALL SELECT view_name FROM duckdb_views() "
        "WHERE database_name = 'lake' AND NOT internal AND coalesce(comment, '') = ''"
    ).to_pylist()
    assert bare == []
