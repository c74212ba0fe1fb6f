//! What is made beside a part, of the same rows: an index of it.

use crate::{error::StoreError, schema::Family};
use arrow_array::RecordBatch;
use std::fs::File;

/// Makes a file beside each part, of the same name and with an extension of its own. The file has
/// its final name before the part has it.
pub trait Beside {
    /// The extension of the files, without the dot.
    fn extension(&self) -> &'static str;

    /// A part of this family begins: the columns of [`Family::schema`] that it needs to see; none
    /// where there is nothing to be made beside it.
    fn begin(&mut self, family: Family) -> &'static [&'static str];

    /// These columns of the next rows of the part, as [`Family::batch_schema`] has them, in the
    /// order in which they stand in it.
    ///
    /// # Errors
    /// If nothing can be made of these columns; the part is then not made either.
    fn rows(&mut self, rows: &RecordBatch) -> Result<(), StoreError>;

    /// The part has no more rows: the file is to be written. It is synced by the caller.
    ///
    /// # Errors
    /// If the file cannot be written; the part is then not made either.
    fn finish(&mut self, file: &mut File) -> Result<(), StoreError>;
}

/// Makes nothing.
impl Beside for () {
    fn extension(&self) -> &'static str {
        ""
    }

    fn begin(&mut self, _family: Family) -> &'static [&'static str] {
        &[]
    }

    fn rows(&mut self, _rows: &RecordBatch) -> Result<(), StoreError> {
        Ok(())
    }

    fn finish(&mut self, _file: &mut File) -> Result<(), StoreError> {
        Ok(())
    }
}
