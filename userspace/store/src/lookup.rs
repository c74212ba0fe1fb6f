//! Trace-back: which stored sessions held a public address and port at a time.
//!
//! All hours are searched, because the time in a record is the device's and a session may begin
//! long before it is asked for; statistics and row filters keep most of the columns unread.

use crate::{
    error::StoreError,
    files,
    found::{ROW_NUMBER, StoredSession, sessions},
    prune::{self, Wanted},
    schema::Family,
};
use arrow_array::{
    Array, BooleanArray, RecordBatch,
    cast::AsArray,
    types::{TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type},
};
use arrow_schema::{ArrowError, DataType, Field};
use logweir_decode::context::UnixNanos;
use parquet::{
    arrow::{
        ProjectionMask, RowNumber,
        arrow_reader::{
            ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions,
            ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowFilter,
        },
    },
    errors::ParquetError,
    file::metadata::PageIndexPolicy,
    schema::types::SchemaDescriptor,
};
use std::{
    collections::HashMap,
    fs::File,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// The public address.
    pub nat_addr: IpAddr,
    /// The public port; any where it is not known.
    pub port: Option<u16>,
    /// The time in question.
    pub at: UnixNanos,
    /// How far the clocks of the device and of who asks may be apart.
    pub within: Duration,
    /// IP protocol number; any where it is not known.
    pub protocol: Option<u8>,
}

/// In what way a record says that the address was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// The session began before the time and ended after it.
    Throughout,
    /// The session began before the time; no record of its end before the time is stored.
    Open,
    /// The session, or the event, is near the time, within the tolerance.
    Near,
}

/// A record that answers the question.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it says.
    pub held: Held,
    /// The record.
    pub session: StoredSession,
    /// The file that it is in.
    pub file: PathBuf,
    /// Its row in that file, from 0.
    pub row: u64,
}

/// What was found, and what it was found in.
#[derive(Debug, Default)]
pub struct Answer {
    /// The records: throughout, open, near; each kind by how close the begin is to the time.
    pub found: Vec<Found>,
    /// Files that were searched.
    pub files: u64,
    /// Row groups of these files that were read.
    pub row_groups_read: u64,
    /// Row groups that could not hold an answer.
    pub row_groups_skipped: u64,
    /// Files that could not be read: the answer may lack what they hold.
    pub unreadable: Vec<StoreError>,
}

impl Lookup {
    /// Searches the session records of a data directory.
    ///
    /// # Errors
    /// If a directory cannot be listed.
    pub fn search(&self, directory: &Path) -> Result<Answer, StoreError> {
        let mut answer = Answer::default();
        let mut ended = HashMap::new();
        for path in files::parquet_files(directory, Family::Session)? {
            match self.search_file(&path, &mut answer, &mut ended) {
                Ok(searched) => answer.files += u64::from(searched),
                Err(error) => answer.unreadable.push(error),
            }
        }
        answer.found.retain(|found| found.held != Held::Open || !has_ended(found, &ended));
        answer.found.sort_by_cached_key(|found| {
            let distance = found.session.begin().map(|begin| begin.abs_diff(self.at));
            (found.held, distance, found.file.clone(), found.row)
        });
        Ok(answer)
    }

    /// `false` if the file is no longer there.
    fn search_file(
        &self,
        path: &Path,
        answer: &mut Answer,
        ended: &mut HashMap<SessionKey, UnixNanos>,
    ) -> Result<bool, StoreError> {
        let Some(file) = files::open(path)? else { return Ok(false) };
        let read = |e| StoreError::parquet("read", path, e);
        let reader = self.reader(file, answer).map_err(read)?;
        for batch in reader {
            let batch = batch.map_err(|e| read(e.into()))?;
            for session in sessions(&batch, path) {
                let (session, row) = session?;
                match self.judge(&session) {
                    Verdict::Held(held) => {
                        let file = path.to_owned();
                        answer.found.push(Found { held, session, file, row });
                    }
                    Verdict::EndedBefore(end) => {
                        let latest = ended.entry(SessionKey::of(&session)).or_insert(end);
                        *latest = end.max(*latest);
                    }
                    Verdict::Other => {}
                }
            }
        }
        Ok(true)
    }

    fn reader(
        &self,
        file: File,
        answer: &mut Answer,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let row_number = Field::new(ROW_NUMBER, DataType::Int64, false);
        let options =
            ArrowReaderOptions::new()
                .with_page_index_policy(PageIndexPolicy::Optional)
                .with_virtual_columns(vec![Arc::new(row_number.with_extension_type(RowNumber))])?;
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let groups = prune::row_groups(&metadata, &self.wanted(), self.begin_max_micros())?;
        answer.row_groups_read += groups.len() as u64;
        answer.row_groups_skipped += (metadata.metadata().num_row_groups() - groups.len()) as u64;
        let selection = prune::pages(&metadata, &groups, self.wanted_address())?;
        let filter = self.filter(metadata.parquet_schema());
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(groups)
            .with_row_filter(filter);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build()
    }

    fn wanted_address(&self) -> (&'static str, Wanted) {
        let column = if self.nat_addr.is_ipv4() { "nat_src_addr_v4" } else { "nat_src_addr_v6" };
        (column, self.nat_addr.into())
    }

    fn wanted(&self) -> Vec<(&'static str, Wanted)> {
        let port = self.port.map(|port| ("nat_src_port", Wanted::Port(port)));
        [Some(self.wanted_address()), port].into_iter().flatten().collect()
    }

    /// The address first: it leaves the least rows for which the other columns are read.
    fn filter(&self, schema: &SchemaDescriptor) -> RowFilter {
        let (address_column, address) = self.wanted_address();
        let mut predicates = vec![predicate(schema, [address_column], move |batch| {
            Ok(match address {
                Wanted::V6(octets) => {
                    BooleanArray::from_unary(fixed_size_binary(&batch)?, |cell| cell == octets)
                }
                Wanted::V4(v4) => equal::<UInt32Type>(&batch, v4)?,
                Wanted::Port(port) => equal::<UInt16Type>(&batch, port)?,
            })
        })];
        if let Some(port) = self.port {
            let equal = move |batch: RecordBatch| equal::<UInt16Type>(&batch, port);
            predicates.push(predicate(schema, ["nat_src_port"], equal));
        }
        if let Some(protocol) = self.protocol {
            let equal = move |batch: RecordBatch| equal::<UInt8Type>(&batch, protocol);
            predicates.push(predicate(schema, ["protocol"], equal));
        }
        let begin_max = self.begin_max_micros();
        let begins_in_time = move |batch: RecordBatch| begins_by(&batch, begin_max);
        predicates.push(predicate(schema, ["event_time", "start_time"], begins_in_time));
        RowFilter::new(predicates)
    }

    fn within_nanos(&self) -> i64 {
        i64::try_from(self.within.as_nanos()).unwrap_or(i64::MAX)
    }

    fn begin_max_micros(&self) -> i64 {
        self.at.saturating_add(self.within_nanos()).div_euclid(1_000)
    }

    /// What a record of the right address, port and protocol says. Stored times are rounded down
    /// to microseconds, so the time in question is as well.
    fn judge(&self, session: &StoredSession) -> Verdict {
        let at = self.at.div_euclid(1_000).saturating_mul(1_000);
        let (first, last) =
            (at.saturating_sub(self.within_nanos()), at.saturating_add(self.within_nanos()));
        let (Some(begin), Some(event_time)) = (session.begin(), session.event_time) else {
            return Verdict::Other;
        };
        let event = session.event.as_deref();
        if begin > last {
            return Verdict::Other;
        }
        let end = match (session.end_time, event) {
            (Some(end), _) => end,
            (None, Some("end" | "flow" | "deny")) => event_time,
            (None, _) if begin <= at => return Verdict::Held(Held::Open),
            (None, _) => return Verdict::Held(Held::Near),
        };
        if end < first {
            Verdict::EndedBefore(end)
        } else if begin <= at && at <= end && event != Some("deny") {
            Verdict::Held(Held::Throughout)
        } else {
            Verdict::Held(Held::Near)
        }
    }
}

enum Verdict {
    Held(Held),
    EndedBefore(UnixNanos),
    Other,
}

/// What tells a session from others on the same public address.
#[derive(PartialEq, Eq, Hash)]
struct SessionKey {
    protocol: Option<u8>,
    ports: [Option<u16>; 3],
    addresses: [Option<IpAddr>; 3],
}

impl SessionKey {
    fn of(session: &StoredSession) -> Self {
        Self {
            protocol: session.protocol,
            ports: [session.src_port, session.dst_port, session.nat_src_port],
            addresses: [session.src_addr, session.dst_addr, session.tunnel_addr],
        }
    }
}

/// Whether the session of an open record ended before the time, as another record says.
fn has_ended(found: &Found, ended: &HashMap<SessionKey, UnixNanos>) -> bool {
    let end = ended.get(&SessionKey::of(&found.session));
    end.is_some_and(|end| found.session.begin().is_some_and(|begin| begin <= *end))
}

fn predicate<const N: usize>(
    schema: &SchemaDescriptor,
    columns: [&str; N],
    keep: impl FnMut(RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'static,
) -> Box<dyn ArrowPredicate> {
    Box::new(ArrowPredicateFn::new(ProjectionMask::columns(schema, columns), keep))
}

fn equal<T: arrow_array::ArrowPrimitiveType>(
    batch: &RecordBatch,
    value: T::Native,
) -> Result<BooleanArray, ArrowError> {
    let column = batch.columns().first().and_then(|column| column.as_primitive_opt::<T>());
    let column = column.ok_or_else(wrong_type)?;
    Ok(BooleanArray::from_unary(column, |cell| cell == value))
}

fn fixed_size_binary(
    batch: &RecordBatch,
) -> Result<&arrow_array::FixedSizeBinaryArray, ArrowError> {
    let column = batch.columns().first().and_then(|column| column.as_fixed_size_binary_opt());
    column.ok_or_else(wrong_type)
}

fn begins_by(batch: &RecordBatch, begin_max: i64) -> Result<BooleanArray, ArrowError> {
    let column = |name| {
        let column = batch.column_by_name(name);
        let times = column.and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
        times.ok_or_else(wrong_type)
    };
    let (start, event) = (column("start_time")?, column("event_time")?);
    let begin = |row| if start.is_valid(row) { start.value(row) } else { event.value(row) };
    Ok((0..batch.num_rows()).map(|row| Some(begin(row) <= begin_max)).collect())
}

fn wrong_type() -> ArrowError {
    ArrowError::SchemaError("a column is not of the type that logweir writes".to_owned())
}

#[cfg(test)]
mod tests;
