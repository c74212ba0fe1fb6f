//! The image of the session table: its runs, and of each column the cells that they filled.

use super::{Column, ColumnSet, PackedRun, SessionTable};
use crate::image::{ImageError, Pieces, Source};
use std::{borrow::Cow, ops::Range};

/// A column in more pieces than this is gathered: a piece costs more than its bytes.
const PIECES_MAX: usize = 16;

impl SessionTable {
    /// Number of runs.
    pub(crate) fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// Adds the records to an image.
    pub(crate) fn image<'a>(&'a self, into: &mut Pieces<'a>) -> Result<(), ImageError> {
        into.pack(&u32::try_from(self.runs.len()).map_err(|_| ImageError::Capacity)?)?;
        self.contexts.image(into)?;
        into.plain(&self.runs);
        let filled = Filled::new(&self.runs, self.rows);
        for column in Column::ALL.iter().copied() {
            let pieces = filled.rows(column).map(|rows| self.columns.bytes(column, rows));
            if filled.pieces(column) <= PIECES_MAX {
                pieces.for_each(|piece| into.piece(Cow::Borrowed(piece)));
            } else {
                let mut gathered = Vec::with_capacity(self.rows * column.width());
                pieces.for_each(|piece| gathered.extend_from_slice(piece));
                into.piece(Cow::Owned(gathered));
            }
        }
        Ok(())
    }

    /// Reads them back into a table that is empty.
    pub(crate) fn restore(&mut self, from: &mut Source<'_>) -> Result<(), ImageError> {
        let runs: u32 = from.unpack()?;
        self.contexts.restore(from)?;
        from.plain(&mut self.runs, runs as usize)?;
        self.rows = self.checked_rows()?;
        let filled = Filled::new(&self.runs, self.rows);
        for column in Column::ALL.iter().copied() {
            for rows in filled.rows(column) {
                let cells = self.columns.bytes_mut(column, rows);
                cells.copy_from_slice(from.bytes(cells.len())?);
            }
        }
        Ok(())
    }

    /// The rows of its runs, if they follow each other as they should and there is room for them.
    fn checked_rows(&self) -> Result<usize, ImageError> {
        let mut end = 0_u32;
        for PackedRun { first_row, rows, columns, stamp } in &self.runs {
            let known = columns.0 >> Column::ALL.len() == 0 && self.contexts.has(*stamp);
            if *first_row != end || !known {
                return Err(ImageError::Damaged);
            }
            end = end.checked_add(*rows).ok_or(ImageError::Damaged)?;
        }
        if end as usize > self.columns.capacity() {
            return Err(ImageError::Capacity);
        }
        Ok(end as usize)
    }
}

/// Which rows of which columns are filled.
struct Filled {
    /// The columns that all runs filled.
    by_all: ColumnSet,
    /// The columns that some runs filled.
    by_any: ColumnSet,
    rows: usize,
    /// Consecutive rows with the same columns.
    spans: Vec<Span>,
}

struct Span {
    rows: Range<usize>,
    columns: ColumnSet,
}

impl Filled {
    fn new(runs: &[PackedRun], rows: usize) -> Self {
        let mut filled = Filled {
            by_all: ColumnSet(u64::MAX),
            by_any: ColumnSet::EMPTY,
            rows,
            spans: Vec::new(),
        };
        for run in runs.iter().filter(|run| run.rows > 0) {
            let first = run.first_row as usize;
            let end = first + run.rows as usize;
            match filled.spans.last_mut() {
                Some(last) if last.columns == run.columns => last.rows.end = end,
                _ => filled.spans.push(Span { rows: first..end, columns: run.columns }),
            }
            filled.by_all = filled.by_all.intersection(run.columns);
            filled.by_any = filled.by_any.union(run.columns);
        }
        filled
    }

    /// The filled rows of a column, in as few pieces as possible.
    fn rows(&self, column: Column) -> impl Iterator<Item = Range<usize>> {
        let all = Some(0..self.rows).filter(|_| self.by_all.has(column) && self.rows > 0);
        let some = self.by_any.has(column) && all.is_none();
        let spans = if some { self.spans.as_slice() } else { &[] };
        let pieces = spans.chunk_by(move |a, b| a.columns.has(column) == b.columns.has(column));
        let pieces = pieces.filter_map(move |same| {
            let (first, last) = (same.first()?, same.last()?);
            first.columns.has(column).then_some(first.rows.start..last.rows.end)
        });
        all.into_iter().chain(pieces)
    }

    /// How many pieces that are, as far as it matters.
    fn pieces(&self, column: Column) -> usize {
        self.rows(column).take(PIECES_MAX + 1).count()
    }
}
