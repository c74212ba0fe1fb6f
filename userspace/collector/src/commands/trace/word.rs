//! The ledger's word on the hours that a question is about: whether their data is complete.

use super::Output;
use crate::cli::Failure;
use logweir_decode::context::UnixNanos;
use logweir_store::{
    error::StoreError,
    ledger::{self, statement::Statement},
    partition::Hour,
};
use serde_json::json;
use std::{path::Path, time::Duration};

/// Says it: a sentence an hour, and with JSON an object `{"record":"ledger",…}` an hour, which the
/// ledger has.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn say(
    data: &Path,
    at: UnixNanos,
    within: Duration,
    output: Output,
) -> Result<(), Failure> {
    let within = i64::try_from(within.as_nanos()).unwrap_or(i64::MAX);
    let [first, last] = [at.saturating_sub(within), at.saturating_add(within)].map(Hour::of);
    let failed = |error: StoreError| Failure::unreadable(&error);
    let hours = ledger::files::hours(data, first..=last).map_err(failed)?;
    if hours.is_empty() {
        crate::tell(
            "the ledger has nothing of that hour: whether its data is complete is not known",
        );
    }
    for hour in hours {
        let statement = ledger::statement_of(data, hour).map_err(failed)?;
        crate::tell(&format!("the hour {hour}: {}", statement.sentence()));
        if output == Output::Json {
            crate::say(&object(&statement));
        }
    }
    Ok(())
}

fn object(statement: &Statement) -> String {
    json!({
        "record": "ledger",
        "hour": statement.hour,
        "completeness": statement.completeness,
        "said": statement.sentence(),
    })
    .to_string()
}
