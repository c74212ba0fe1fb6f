"""Reads a data directory of logweir with DuckDB, as any user could, and compares what it finds
with what the demo says it stored (expected.json): the number of sessions, and one session by its
post-NAT address and port. The query of README.md is run as it stands there, but for the values.

Usage: read_with_duckdb.py DIR
"""

import json
import pathlib
import sys

import duckdb


def readme_query(directory: pathlib.Path, sample: dict) -> str:
    readme = (pathlib.Path(__file__).parent.parent / "README.md").read_text()
    query = readme.split("```sql\n")[1].split("```")[0]
    query = query.replace("SELECT *", "SELECT src_addr_v4")
    for example, value in (
        ("/var/lib/logweir", str(directory)),
        ("203.0.113.7", sample["nat_src_addr"]),
        ("40001", str(sample["nat_src_port"])),
    ):
        if example not in query:
            sys.exit(f"the query of README.md has no {example}")
        query = query.replace(example, value)
    return query


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    expected = json.loads((directory / "expected.json").read_text())
    files = f"{directory}/family=session/**/*.parquet"
    table = f"read_parquet('{files}', hive_partitioning = true)"

    ((rows,),) = duckdb.execute(f"SELECT count(*) FROM {table}").fetchall()
    if rows != expected["sessions"]:
        sys.exit(f"DuckDB counts {rows} sessions, {expected['sessions']} were stored")

    sample = expected["sample"]
    found = duckdb.execute(
        f"""
        SELECT DISTINCT concat_ws('.', src_addr_v4 >> 24, (src_addr_v4 >> 16) & 255,
                                  (src_addr_v4 >> 8) & 255, src_addr_v4 & 255) AS src_addr,
               src_port
        FROM {table}
        WHERE nat_src_addr_v4 = list_reduce(string_split(?, '.')::BIGINT[], lambda a, b: a * 256 + b)
          AND nat_src_port = ?
          AND protocol = ?
          AND event = 'end'
          AND epoch(end_time) = epoch(?::TIMESTAMPTZ)
        """,
        [sample["nat_src_addr"], sample["nat_src_port"], sample["protocol"], sample["end_time"]],
    ).fetchall()
    if (sample["src_addr"], sample["src_port"]) not in found:
        sys.exit(f"DuckDB finds {found}, not {sample['src_addr']}:{sample['src_port']}")

    if not duckdb.execute(readme_query(directory, sample)).fetchall():
        sys.exit("the query of README.md finds nothing")

    held = f"{sample['nat_src_addr']}:{sample['nat_src_port']}"
    print(f"DuckDB: {rows} sessions; {held} was {sample['src_addr']}:{sample['src_port']}")


main()
