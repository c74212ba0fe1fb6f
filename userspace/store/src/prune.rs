//! Which row groups and pages of a file can hold what is looked for, by their statistics.

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, UInt64Array,
    cast::AsArray,
    types::{TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type},
};
use parquet::{
    arrow::arrow_reader::{
        ArrowReaderMetadata, RowSelection, RowSelector, statistics::StatisticsConverter,
    },
    errors::ParquetError,
    file::metadata::RowGroupMetaData,
};
use std::{net::IpAddr, sync::Arc};

/// A value that a column must have; see [`Wanted::or_absent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    V4(u32),
    V6([u8; 16]),
    Port(u16),
    Protocol(u8),
    Text(Arc<str>),
}

impl From<IpAddr> for Wanted {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Wanted::V4(v4.into()),
            IpAddr::V6(v6) => Wanted::V6(v6.octets()),
        }
    }
}

impl Wanted {
    /// Whether the value is within the bounds of this range of rows; yes where it has none.
    fn within(&self, mins: &ArrayRef, maxes: &ArrayRef, index: usize) -> bool {
        if mins.is_null(index) || maxes.is_null(index) {
            return true;
        }
        match self {
            Wanted::V4(value) => between::<UInt32Type>(mins, *value, maxes, index),
            Wanted::Port(value) => between::<UInt16Type>(mins, *value, maxes, index),
            Wanted::Protocol(value) => between::<UInt8Type>(mins, *value, maxes, index),
            Wanted::V6(value) => {
                let (mins, maxes) =
                    (mins.as_fixed_size_binary_opt(), maxes.as_fixed_size_binary_opt());
                let min = mins.map(|mins| mins.value(index));
                contains(min, &value.as_slice(), maxes.map(|maxes| maxes.value(index)))
            }
            Wanted::Text(value) => {
                let (mins, maxes) = (mins.as_string_opt::<i32>(), maxes.as_string_opt::<i32>());
                let min = mins.map(|mins| mins.value(index));
                contains(min, &&**value, maxes.map(|maxes| maxes.value(index)))
            }
        }
    }

    /// Whether a row without a value will do as well: a translation of a whole address has no port,
    /// one of all protocols has no protocol.
    pub(crate) const fn or_absent(&self) -> bool {
        matches!(self, Wanted::Port(_) | Wanted::Protocol(_))
    }

    /// Unmarks the rows that do not hold the value; `None` if the column is of another type.
    pub(crate) fn mark(&self, column: &dyn Array, marks: &mut [bool]) -> Option<()> {
        match self {
            Wanted::V4(value) => {
                mark_numbers::<UInt32Type>(column, *value, self.or_absent(), marks)
            }
            Wanted::Port(value) => {
                mark_numbers::<UInt16Type>(column, *value, self.or_absent(), marks)
            }
            Wanted::Protocol(value) => {
                mark_numbers::<UInt8Type>(column, *value, self.or_absent(), marks)
            }
            Wanted::V6(value) => {
                let cells = column.as_fixed_size_binary_opt()?.iter();
                unmark(marks, cells.map(|cell| cell == Some(value.as_slice())));
                Some(())
            }
            Wanted::Text(value) => {
                let cells = column.as_string_opt::<i32>()?.iter();
                unmark(marks, cells.map(|cell| cell == Some(&**value)));
                Some(())
            }
        }
    }
}

fn mark_numbers<T: ArrowPrimitiveType>(
    column: &dyn Array,
    value: T::Native,
    or_absent: bool,
    marks: &mut [bool],
) -> Option<()> {
    let cells = column.as_primitive_opt::<T>()?.iter();
    unmark(marks, cells.map(|cell| cell.map_or(or_absent, |cell| cell == value)));
    Some(())
}

fn unmark(marks: &mut [bool], holds: impl Iterator<Item = bool>) {
    marks.iter_mut().zip(holds).for_each(|(mark, holds)| *mark &= holds);
}

fn between<T: ArrowPrimitiveType>(
    mins: &ArrayRef,
    value: T::Native,
    maxes: &ArrayRef,
    index: usize,
) -> bool {
    let at = |bounds: &ArrayRef| bounds.as_primitive_opt::<T>().map(|bounds| bounds.value(index));
    contains(at(mins), &value, at(maxes))
}

fn contains<T: PartialOrd>(min: Option<T>, value: &T, max: Option<T>) -> bool {
    min.is_none_or(|min| min <= *value) && max.is_none_or(|max| max >= *value)
}

/// The row groups that can hold all of these values, in sessions that began by this time.
pub(crate) fn row_groups(
    metadata: &ArrowReaderMetadata,
    wanted: &[(&str, Wanted)],
    begin_max_micros: Option<i64>,
) -> Result<Vec<usize>, ParquetError> {
    let groups = metadata.metadata().row_groups();
    let mut keep = vec![true; groups.len()];
    for (column, wanted) in wanted {
        let column = converter(metadata, column)?;
        let mins = column.row_group_mins(groups)?;
        let maxes = column.row_group_maxes(groups)?;
        let nulls = column.row_group_null_counts(groups)?;
        let counts = groups.iter().map(|group| u64::try_from(group.num_rows()).ok());
        for (index, count) in counts.enumerate() {
            let absent = wanted.or_absent() && any_null(&nulls, index);
            let present = !all_null(&nulls, index, count) && wanted.within(&mins, &maxes, index);
            keep[index] &= absent || present;
        }
    }
    let Some(begin_max_micros) = begin_max_micros else { return Ok(indices(&keep)) };
    let [start, event] = ["start_time", "event_time"].map(|name| minimum(metadata, name, groups));
    let (start, event) = (start?, event?);
    for index in 0..groups.len() {
        // The begin of a session is one of the two: see `StoredSession::begin`.
        keep[index] &= [start[index], event[index]]
            .into_iter()
            .any(|min| min.is_none_or(|min| min <= begin_max_micros));
    }
    Ok(indices(&keep))
}

fn indices(keep: &[bool]) -> Vec<usize> {
    (0..keep.len()).filter(|index| keep[*index]).collect()
}

/// The rows of these row groups whose pages can hold the value; `None` where the file has no page
/// index, or all can.
pub(crate) fn pages(
    metadata: &ArrowReaderMetadata,
    row_groups: &[usize],
    (column, wanted): (&str, Wanted),
) -> Result<Option<RowSelection>, ParquetError> {
    let Some(index) = metadata.metadata().page_index() else { return Ok(None) };
    let groups = metadata.metadata().row_groups();
    let column = converter(metadata, column)?;
    let Some(counts) = column.data_page_row_counts(index.as_ref(), groups, row_groups)? else {
        return Ok(None);
    };
    let mins = column.data_page_mins(index.as_ref(), row_groups)?;
    let maxes = column.data_page_maxes(index.as_ref(), row_groups)?;
    let nulls = column.data_page_null_counts(index.as_ref(), row_groups)?;
    let one_length = [mins.len(), maxes.len(), nulls.len()].iter().all(|len| *len == counts.len());
    if counts.null_count() > 0 || !one_length {
        return Ok(None);
    }
    let selectors = counts.values().iter().enumerate().map(|(page, count)| {
        let rows = usize::try_from(*count).unwrap_or(usize::MAX);
        if all_null(&nulls, page, Some(*count)) || !wanted.within(&mins, &maxes, page) {
            RowSelector::skip(rows)
        } else {
            RowSelector::select(rows)
        }
    });
    let selectors: Vec<_> = selectors.collect();
    let any_skipped = selectors.iter().any(|selector| selector.skip);
    Ok(any_skipped.then(|| RowSelection::from(selectors)))
}

fn converter<'a>(
    metadata: &'a ArrowReaderMetadata,
    column: &str,
) -> Result<StatisticsConverter<'a>, ParquetError> {
    StatisticsConverter::try_new(column, metadata.schema(), metadata.parquet_schema())
        .map(|converter| converter.with_missing_null_counts_as_zero(false))
}

/// Yes where it is not known.
fn any_null(nulls: &UInt64Array, index: usize) -> bool {
    nulls.is_null(index) || nulls.value(index) > 0
}

fn all_null(nulls: &UInt64Array, index: usize, rows: Option<u64>) -> bool {
    nulls.is_valid(index) && Some(nulls.value(index)) == rows
}

fn minimum(
    metadata: &ArrowReaderMetadata,
    column: &str,
    groups: &[RowGroupMetaData],
) -> Result<Vec<Option<i64>>, ParquetError> {
    let column = converter(metadata, column)?;
    let mins = column.row_group_mins(groups)?;
    let nulls = column.row_group_null_counts(groups)?;
    let mins = mins.as_primitive_opt::<TimestampMicrosecondType>();
    let minimum = |index: usize, group: &RowGroupMetaData| {
        if all_null(&nulls, index, u64::try_from(group.num_rows()).ok()) {
            return Some(i64::MAX);
        }
        mins.filter(|mins| mins.is_valid(index)).map(|mins| mins.value(index))
    };
    Ok(groups.iter().enumerate().map(|(index, group)| minimum(index, group)).collect())
}
