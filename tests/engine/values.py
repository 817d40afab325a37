"""Column types that the schemas use or could use, each with a small pool of awkward values as SQL.

Pools are small so that the same value lands in several files and is deleted from some of them.
"""

# ruff: noqa: E501 — a type and its values stand on one line

from dataclasses import dataclass

LONG = "'" + "lengthy" * 60
"""A text whose first 420 characters are always the same: statistics may keep only a beginning."""


@dataclass(frozen=True)
class Kind:
    """A column type."""

    name: str
    sql: str
    pool: tuple[str, ...]
    """Values as SQL expressions."""
    ordered: bool = True
    """Whether `<`, min and max are asked."""
    wider: str = ""
    """The kind that ALTER … TYPE may turn it into."""

    def literal(self, value: str) -> str:
        """Return the value as an expression of exactly this type."""
        return f"({value})::{self.sql}"


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds}


KINDS = _kinds(
    Kind("tinyint", "TINYINT", ("-128", "-1", "0", "1", "127"), wider="integer"),
    Kind("smallint", "SMALLINT", ("-32768", "-1", "0", "9", "10", "32767"), wider="bigint"),
    Kind("integer", "INTEGER", ("-2147483648", "-10", "-9", "0", "9", "10", "2147483647"), wider="bigint"),
    Kind("bigint", "BIGINT", ("-9223372036854775807", "-7", "0", "5", "50", "60", "9007199254740993")),
    Kind("hugeint", "HUGEINT", ("-170141183460469231731687303715884105727", "-3", "0", "18446744073709551617")),
    Kind("double", "DOUBLE", ("-1e300", "-5.25", "-0.0", "0.0", "0.1", "2", "1e-300", "1e300"), wider=""),
    Kind("float", "FLOAT", ("-5.25", "0.0", "0.1", "0.7", "2", "16777216"), wider="double"),
    Kind("float_with_exponent", "FLOAT", ("-1e30", "0.00001", "0.00007", "0.5", "3.4e38")),
    Kind("nan", "DOUBLE", ("'nan'", "'nan'", "'inf'", "'-inf'", "-3", "0", "0.2", "17")),
    Kind("nan_float", "FLOAT", ("'nan'", "'inf'", "'-inf'", "-3", "0", "0.2", "17"), wider="nan"),
    Kind("boolean", "BOOLEAN", ("true", "false")),
    Kind("decimal", "DECIMAL(9,2)", ("-9999999.99", "-0.01", "0", "0.10", "9", "10.5", "9999999.99")),
    Kind("decimal_wide", "DECIMAL(38,10)", ("'-1234567890123456789012345678.0000000001'", "-1", "0", "9", "10",
                                            "'1234567890123456789012345678.9999999999'")),
    Kind("date", "DATE", ("'0001-01-01'", "'1899-12-31'", "'1970-01-01'", "'2024-02-29'", "'9999-12-31'", "'0044-03-15 (BC)'")),
    Kind("timestamp", "TIMESTAMP", ("'1677-01-01 00:00:00'", "'1970-01-01 00:00:00.000001'", "'2024-02-29 12:00:00'",
                                    "'2024-02-29 12:00:00.5'", "'9999-12-31 23:59:59.999999'")),
    Kind("timestamptz", "TIMESTAMPTZ", ("'1677-01-01 00:00:00+00'", "'1969-12-31 23:59:59.999999+00'", "'2024-02-29 12:00:00+05:30'",
                                        "'2024-02-29 12:00:00.000001+00'", "'2024-10-27 02:30:00+02'", "'9999-12-31 23:59:59+00'")),
    Kind("infinite_time", "TIMESTAMPTZ", ("'infinity'", "'-infinity'", "'2024-01-01 00:00:00+00'", "'1970-01-01 00:00:00+00'")),
    Kind("infinite_date", "DATE", ("'infinity'", "'-infinity'", "'2024-01-01'", "'1970-01-01'")),
    Kind("time", "TIME", ("'00:00:00'", "'23:59:59.999999'", "'12:00:00'", "'24:00:00'")),
    Kind("text", "VARCHAR", ("''", "'a'", "'A'", "'b'", "'ab'", "'9'", "'10'", "'NULL'", "'é'", "'z'")),
    Kind("odd_text", "VARCHAR", ("'it''s'", "'\"quoted\"'", "'a' || chr(10) || 'b'", "'a' || chr(0) || 'b'", "chr(0)", "' '",
                                 "chr(127)", "chr(55296 + 10000)", "chr(1114111)", "'😀'", "'\\x00'", "''")),
    Kind("long_text", "VARCHAR", (LONG + "'", LONG + "a'", LONG + "z'", "'lengthy'", "repeat('z', 5000)", "repeat(chr(1114111), 100)",
                                  "repeat('é', 300)", "''")),
    Kind("blob", "BLOB", ("''", "'\\x00'", "'\\xFF'", "'\\xFF\\x00'", "'a'", "'a\\x00b'", "repeat('z', 300)::BLOB")),
    Kind("json", "JSON", ("'null'", "'{}'", "'[1, 2]'", "'{\"a\": \"it''s\"}'", "'1'", "'\"x\"'"), ordered=False),
    Kind("uuid", "UUID", ("'00000000-0000-0000-0000-000000000000'", "'7fffffff-ffff-ffff-ffff-ffffffffffff'",
                          "'80000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'")),
    Kind("list", "INTEGER[]", ("[]", "[1]", "[1, NULL]", "[NULL]", "[2, 1]", "[-5, 2147483647]")),
    Kind("text_list", "VARCHAR[]", ("[]", "['']", "['a', NULL]", "['b']", "[repeat('z', 300)]", "['it''s', 'a']")),
    Kind("list_list", "DOUBLE[][]", ("[]", "[[]]", "[[1.5], NULL]", "[['nan'::DOUBLE]]", "[[1], [2, 3]]")),
    Kind("struct", "STRUCT(x INTEGER, y VARCHAR)", ("{'x': 1, 'y': 'a'}", "{'x': NULL, 'y': 'b'}", "{'x': -5, 'y': NULL}",
                                                    "{'x': 100, 'y': ''}", "{'x': NULL, 'y': NULL}")),
    Kind("nan_struct", "STRUCT(x DOUBLE, y BOOLEAN)", ("{'x': 'nan'::DOUBLE, 'y': true}", "{'x': 1.0, 'y': false}",
                                                       "{'x': NULL, 'y': NULL}", "{'x': -7.5, 'y': true}")),
    Kind("map", "MAP(VARCHAR, INTEGER)", ("MAP {}", "MAP {'a': 1}", "MAP {'a': NULL}", "MAP {'b': 2, 'a': -1}"), ordered=False),
)  # fmt: skip

NESTED = {"list", "text_list", "list_list", "struct", "nan_struct", "map"}
PLAIN = ("integer", "bigint", "double", "boolean", "decimal", "date", "timestamptz", "text")
"""What a trial takes that is about an operation and not about a type."""
