//! Columns of the families whose records are rows of a struct, each with its context.

use super::{
    cells::{Rows, nonzero_ipv6, nonzero_numbers},
    common, extra,
    text::{BYTES_MAX, Texts, shared_text, spend},
    times::shared_time,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, PrimitiveArray,
    builder::StringBuilder,
    types::{TimestampMicrosecondType, UInt32Type},
};
use arrow_schema::ArrowError;
use logweir_decode::{
    batch::{Batch, Run},
    context::{Context, EventTime},
    record::{Time, context_time, context_time_source},
    session::ColumnSet,
    text::Text,
};
use std::{net::IpAddr, sync::Arc};

/// A record of such a family, and its context.
pub type Record<'a, R> = (Context, &'a R);

/// The records that one array is made of.
pub(super) struct Records<'a, R> {
    pub batch: &'a Batch,
    pub rows: &'a [Record<'a, R>],
}

impl<'b, R> Records<'b, R> {
    /// The common columns, in the order of the schema.
    pub fn common(&self) -> Result<Vec<ArrayRef>, ArrowError> {
        self.common_with(|context| context.event_time)
    }

    /// The common columns, with this source of the event time.
    pub fn common_with(
        &self,
        event_time: impl Fn(&Context) -> EventTime,
    ) -> Result<Vec<ArrayRef>, ArrowError> {
        let run = |(context, _): &Record<'_, R>| Run {
            first_row: 0,
            rows: 1,
            columns: ColumnSet::EMPTY,
            context: Context { event_time: event_time(context), ..*context },
        };
        let runs: Vec<Run> = self.rows.iter().map(run).collect();
        let rows = &Rows::new(&runs);
        let event_time = shared_time(rows, |run| context_time(&run.context).unix_nanos);
        let time_source =
            shared_text(rows, |run| context_time_source(&run.context).name().as_bytes())?;
        common::columns(rows, self.batch, event_time, time_source)
    }

    /// A column of numbers; zero is a value like any other.
    pub fn numbers<T: ArrowPrimitiveType>(
        &self,
        value: impl Fn(&R) -> Option<T::Native>,
    ) -> ArrayRef {
        Arc::new(self.rows.iter().map(|(_, row)| value(row)).collect::<PrimitiveArray<T>>())
    }

    /// The two columns of an address, of which `0.0.0.0` and `::` are absent.
    pub fn address(&self, value: impl Fn(&R) -> Option<IpAddr>) -> [ArrayRef; 2] {
        let addresses = || self.rows.iter().map(|(_, row)| value(row));
        let v4 = addresses().map(|address| match address {
            Some(IpAddr::V4(v4)) => v4.into(),
            _ => 0,
        });
        let v6 = addresses().map(|address| match address {
            Some(IpAddr::V6(v6)) => v6.octets(),
            _ => [0; 16],
        });
        [nonzero_numbers::<UInt32Type>(v4.collect()), nonzero_ipv6(v6.collect())]
    }

    /// A column of times.
    pub fn times(&self, value: impl Fn(&R) -> Option<Time>) -> ArrayRef {
        let micros = |row| value(row).map(|time: Time| time.unix_nanos.div_euclid(1_000));
        let times = self.rows.iter().map(|(_, row)| micros(row));
        let times = times.collect::<PrimitiveArray<TimestampMicrosecondType>>();
        Arc::new(times.with_timezone("UTC"))
    }

    /// A column of names of this project's own.
    pub fn names(
        &self,
        value: impl Fn(&R) -> Option<&'static str>,
    ) -> Result<ArrayRef, ArrowError> {
        self.texts_of(|row| value(row).unwrap_or_default().as_bytes())
    }

    /// A column of device text, as UTF-8; null where it is empty.
    pub fn texts(&self, value: impl Fn(&R) -> Text) -> Result<ArrayRef, ArrowError> {
        self.texts_of(|row| self.batch.text(value(row)))
    }

    fn texts_of(&self, value: impl Fn(&R) -> &'b [u8]) -> Result<ArrayRef, ArrowError> {
        let mut texts = Texts::new(self.rows.len());
        self.rows.iter().try_for_each(|(_, row)| texts.push(value(row), 1))?;
        Ok(texts.finish())
    }

    /// The column of pairs without a column of their own, as JSON.
    pub fn extra(&self, value: impl Fn(&R) -> Text) -> Result<ArrayRef, ArrowError> {
        let mut json = Vec::new();
        let mut builder = StringBuilder::with_capacity(self.rows.len(), self.rows.len() * 8);
        let mut budget = BYTES_MAX;
        for (_, row) in self.rows {
            let encoded = self.batch.text(value(row));
            budget = spend(budget, encoded.len())?;
            if encoded.is_empty() {
                builder.append_null();
                continue;
            }
            json.clear();
            extra::write_json(&mut json, encoded);
            builder.append_value(String::from_utf8_lossy(&json));
        }
        Ok(Arc::new(builder.finish()))
    }
}
