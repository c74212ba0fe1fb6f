//! `logweir views`: SQL that makes readable views of the store in another engine.

use super::data_directory;
use crate::cli::Failure;
use logweir_store::views;
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `views`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The engine
    #[arg(value_enum)]
    engine: Engine,
    /// Directory of the store
    #[arg(long, value_name = "DIR", default_value = super::DATA)]
    data: PathBuf,
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Engine {
    /// DuckDB
    Duckdb,
    /// ClickHouse, clickhouse-local or chdb
    Clickhouse,
}

/// Prints it.
///
/// # Errors
/// When there is no such directory, or engines would take its name for a pattern.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    data_directory(&args.data)?;
    let data = args
        .data
        .canonicalize()
        .map_err(|error| Failure::input(format!("cannot find {}: {error}", args.data.display())))?;
    if data.to_str().is_none_or(|path| path.contains(['*', '?', '[', '{', '\\'])) {
        return Err(Failure::input(format!(
            "{}: engines would take this name for a pattern of names",
            data.display()
        )));
    }
    let engine = match args.engine {
        Engine::Duckdb => views::Engine::DuckDb,
        Engine::Clickhouse => views::Engine::ClickHouse,
    };
    let sql = views::sql(engine, &data).map_err(|error| Failure::other(error.to_string()))?;
    crate::say(sql.trim_end());
    Ok(ExitCode::SUCCESS)
}
