"""Asks other engines, by the SQL that `logweir views` prints, who held a public address and port at
a time, and compares their answers with those of `logweir trace`. Rows are counted by DuckDB, chdb
(ClickHouse), pyarrow and DataFusion.

Usage: ask_other_engines.py LOGWEIR DIR
"""

import glob
import json
import subprocess
import sys

import chdb.session
import datafusion
import duckdb
import pyarrow.dataset

LOGWEIR, DIRECTORY = sys.argv[1:]
QUESTIONS = 25
WITHIN_S = 1

# Addresses are compared as text; a session that is still open must not have ended before: what
# ended when this one began was an earlier session, unless it began then as well.
QUESTION = """
WITH candidate AS (
    SELECT * FROM session
    WHERE nat_src_addr_v4 = {number}('{address}') AND (nat_src_port = {port} OR nat_src_port IS NULL)
), ended AS (
    SELECT protocol, src_addr, src_port, dst_addr, dst_port, max(ended_at) AS last_end,
        max(CASE WHEN began_at = ended_at THEN ended_at END) AS last_moment
    FROM candidate WHERE ended_at < {first} GROUP BY protocol, src_addr, src_port, dst_addr, dst_port
)
SELECT DISTINCT candidate.src_addr AS src_addr, candidate.src_port AS src_port
FROM candidate LEFT JOIN ended ON candidate.protocol = ended.protocol
    AND candidate.src_addr = ended.src_addr AND candidate.src_port = ended.src_port
    AND candidate.dst_addr = ended.dst_addr AND candidate.dst_port = ended.dst_port
WHERE began_at <= {last} AND (
    ended_at >= {first}
    OR (ended_at IS NULL AND (last_end IS NULL OR last_end <= began_at)
        AND (last_moment IS NULL OR last_moment <> began_at))
)
"""


def views(engine: str) -> str:
    command = [LOGWEIR, "views", engine, "--data", DIRECTORY]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class DuckDb:
    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(views("duckdb"))
        self.connection.execute("SET TimeZone = 'UTC'")

    def rows(self, sql: str) -> list:
        return self.connection.execute(sql).fetchall()

    def question(self, address: str, port: int, micros: int) -> str:
        bound = lambda micros: f"make_timestamptz({micros})"
        return QUESTION.format(
            number="ipv4_number", address=address, port=port,
            first=bound(micros - WITHIN_S * 1_000_000), last=bound(micros + WITHIN_S * 1_000_000),
        )


class ClickHouse:
    def __init__(self) -> None:
        self.session = chdb.session.Session()
        for statement in views("clickhouse").split(";\n"):
            self.session.query(statement)

    def rows(self, sql: str) -> list:
        lines = str(self.session.query(sql, "JSONCompactEachRow")).splitlines()
        return [tuple(json.loads(line)) for line in lines]

    def question(self, address: str, port: int, micros: int) -> str:
        bound = lambda micros: f"fromUnixTimestamp64Micro(toInt64({micros}), 'UTC')"
        question = QUESTION.format(
            number="IPv4StringToNum", address=address, port=port,
            first=bound(micros - WITHIN_S * 1_000_000), last=bound(micros + WITHIN_S * 1_000_000),
        )
        return question + "SETTINGS join_use_nulls = 1"


def trace(address: str, port: int, micros: int) -> set:
    ((at,),) = duckdb.execute(
        f"SELECT strftime(make_timestamp({micros}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    ).fetchall()
    command = [
        LOGWEIR, "trace", f"{address}:{port}", "--at", at, "--within", f"{WITHIN_S}s",
        "--output", "json", "--data", DIRECTORY,
    ]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode not in (0, 1):
        sys.exit(f"logweir trace failed: {process.stderr}")
    answers = map(json.loads, process.stdout.splitlines())
    # The last line of a question says whether the hours asked about are complete.
    sessions = (answer for answer in answers if answer["record"] == "session")
    return {(answer["src_addr"], answer["src_port"]) for answer in sessions}


def counted() -> dict:
    files = f"{DIRECTORY}/family=session"
    context = datafusion.SessionContext()
    context.register_parquet("session", files)
    return {
        # It takes each file of a directory for Parquet; beside the parts are their indexes.
        "pyarrow": pyarrow.dataset.dataset(
            glob.glob(f"{files}/**/*.parquet", recursive=True), partitioning="hive"
        ).count_rows(),
        "DataFusion": context.sql("SELECT count(*) AS n FROM session").to_pydict()["n"][0],
    }


def main() -> None:
    engines = {"DuckDB": DuckDb(), "chdb": ClickHouse()}
    counts = counted()
    for name, engine in engines.items():
        ((counts[name],),) = engine.rows("SELECT count(*) FROM session")
    if len(set(counts.values())) != 1 or not all(counts.values()):
        sys.exit(f"the engines count differently: {counts}")

    # In the midst of a session, after it, and where it has just begun.
    samples = engines["DuckDB"].rows(
        f"""SELECT nat_src_addr, nat_src_port, epoch_us(began_at), epoch_us(ended_at)
        FROM session WHERE nat_src_addr_v4 IS NOT NULL AND nat_src_port IS NOT NULL
        AND ended_at IS NOT NULL ORDER BY hash(nat_src_addr, nat_src_port, began_at)
        LIMIT {QUESTIONS}"""
    )
    answered = 0
    for address, port, begin, end in samples:
        for micros in ((begin + end) // 2, end + 5_000_000, begin):
            expected = trace(address, port, micros)
            answered += len(expected) > 0
            for name, engine in engines.items():
                found = set(engine.rows(engine.question(address, port, micros)))
                if found != expected:
                    sys.exit(
                        f"{address}:{port} at {micros} µs: {name} finds {found}, "
                        f"logweir trace {expected}"
                    )
    if answered < QUESTIONS:
        sys.exit(f"only {answered} questions had an answer: there is nothing to compare")
    print(
        f"{', '.join(counts)} count {counts['DuckDB']} sessions; DuckDB and chdb answer "
        f"{3 * len(samples)} questions as logweir trace does, {answered} of them with someone"
    )


main()
