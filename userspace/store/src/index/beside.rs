//! The indexes of the parts of a segment, as they are made.

use super::{Builder, EXTENSION};
use crate::{error::StoreError, schema::Family, seal::Beside};
use arrow_array::RecordBatch;
use std::fs::File;

/// Makes the index of each part whose family has one.
#[derive(Debug, Default)]
pub struct Indexes {
    builder: Option<Builder>,
}

impl Beside for Indexes {
    fn extension(&self) -> &'static str {
        EXTENSION
    }

    fn begin(&mut self, family: Family) -> &'static [&'static str] {
        self.builder = Builder::new(family);
        super::columns(family)
    }

    fn rows(&mut self, rows: &RecordBatch) -> Result<(), StoreError> {
        self.builder.as_mut().map_or(Ok(()), |builder| builder.push(rows))
    }

    fn finish(&mut self, file: &mut File) -> Result<(), StoreError> {
        let written = self.builder.take().map_or(Ok(()), |builder| builder.finish(file));
        written.map_err(|e| StoreError::io("write", EXTENSION, e))
    }
}
