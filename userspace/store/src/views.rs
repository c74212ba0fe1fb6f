//! SQL by which other engines show the files of a data directory as tables with readable
//! addresses: a view for each family that has files.
//!
//! An address `x` is one column of text in front; its stored columns `x_v4` and `x_v6` follow at
//! the end, since it is by these that an engine skips what cannot match. A session has `began_at`
//! and `ended_at`, as the trace question takes them.

mod clickhouse;
mod duckdb;

use crate::{error::StoreError, files, found::ENDING_EVENTS, schema::Family};
use std::path::Path;

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// DuckDB.
    DuckDb,
    /// ClickHouse: `clickhouse-local`, chdb, or a server that may read the directory.
    ClickHouse,
}

/// What an engine says in its own way.
trait Dialect {
    /// What comes before all views, with its newline.
    const HEAD: &'static str;

    /// The text of an IPv4 address in a column.
    fn ipv4(column: &str) -> String;

    /// The text of an IPv6 address in a column.
    fn ipv6(column: &str) -> String;

    /// What selects the columns of the partitions.
    const PARTITION: &'static [&'static str];

    /// The rows of the files that a pattern names; it has no quotes.
    fn rows(pattern: &str) -> String;
}

/// The statements, for a data directory whose path is absolute.
///
/// # Errors
/// If its files cannot be listed.
pub fn sql(engine: Engine, data: &Path) -> Result<String, StoreError> {
    let mut families = Vec::new();
    for family in Family::ALL {
        families.push((family, !files::parquet_files(data, family)?.is_empty()));
    }
    let write = match engine {
        Engine::DuckDb => write::<duckdb::DuckDb>,
        Engine::ClickHouse => write::<clickhouse::ClickHouse>,
    };
    Ok(write(data, &families))
}

fn write<D: Dialect>(data: &Path, families: &[(Family, bool)]) -> String {
    let mut sql = D::HEAD.to_owned();
    for (family, has_files) in families {
        sql += &if *has_files {
            view::<D>(data, *family)
        } else {
            format!("\n-- There are no files of the family {family} yet.\n")
        };
    }
    sql
}

fn view<D: Dialect>(data: &Path, family: Family) -> String {
    let mut columns: Vec<_> = D::PARTITION.iter().map(|column| (*column).to_owned()).collect();
    let schema = family.schema();
    let mut stored = Vec::new();
    let has = |name: &str| schema.field_with_name(name).is_ok();
    for field in schema.fields() {
        let name = field.name();
        if let Some(address) = name.strip_suffix("_v4") {
            let v6 = D::ipv6(&quoted(&format!("{address}_v6")));
            let v4 = D::ipv4(&quoted(name));
            columns.push(format!("coalesce({v4}, {v6}) AS {}", quoted(address)));
            stored.push(quoted(name));
        } else if let Some(address) = name.strip_suffix("_v6") {
            if !has(&format!("{address}_v4")) {
                columns.push(format!("{} AS {}", D::ipv6(&quoted(name)), quoted(address)));
            }
            stored.push(quoted(name));
        } else {
            columns.push(quoted(name));
        }
    }
    if family == Family::Session {
        columns.push("coalesce(\"start_time\", \"event_time\") AS \"began_at\"".into());
        let ending = ENDING_EVENTS.map(|event| format!("'{event}'")).join(", ");
        columns.push(format!(
            "coalesce(\"end_time\", CASE WHEN \"event\" IN ({ending}) \
             THEN \"event_time\" END) AS \"ended_at\""
        ));
    }
    columns.extend(stored);
    let pattern = format!("{}/family={family}/**/*.parquet", data.display());
    format!(
        "\nCREATE OR REPLACE VIEW {} AS\nSELECT\n  {}\nFROM {};\n",
        quoted(family.name()),
        columns.join(",\n  "),
        D::rows(&pattern.replace('\'', "''"))
    )
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_in_the_view_once_and_addresses_as_text_too() {
        for view in [view::<duckdb::DuckDb>, view::<clickhouse::ClickHouse>] {
            for family in Family::ALL {
                let sql = view(Path::new("/d"), family);
                let columns: Vec<_> = sql
                    .lines()
                    .filter_map(|line| line.strip_prefix("  "))
                    .filter_map(|line| line.trim_end_matches(',').rsplit(' ').next())
                    .map(|column| column.trim_matches('"'))
                    .collect();
                for field in family.schema().fields() {
                    let count = |name: &str| columns.iter().filter(|is| **is == name).count();
                    assert_eq!(count(field.name()), 1, "{} of {sql}", field.name());
                    if let Some(address) = field.name().strip_suffix("_v6") {
                        assert_eq!(count(address), 1, "{address} of {sql}");
                    }
                }
                assert!(columns.starts_with(&["date", "hour"]), "{sql}");
            }
        }
    }

    #[test]
    fn a_family_without_files_has_no_view_and_quotes_are_doubled() {
        let sql = write::<duckdb::DuckDb>(
            Path::new("/it's"),
            &[(Family::Session, true), (Family::Im, false)],
        );
        assert!(sql.contains("'/it''s/family=session/**/*.parquet'"), "{sql}");
        assert!(!sql.contains("VIEW \"im\""), "{sql}");
    }
}
