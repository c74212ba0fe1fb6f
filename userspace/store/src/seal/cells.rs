//! The values of a column that grows, piece by piece, until it is one array.

use crate::nulls::nulls;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, DictionaryArray, FixedSizeBinaryArray, Int32Array,
    PrimitiveArray, StringArray,
    cast::AsArray,
    types::{Int32Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, ScalarBuffer};
use arrow_schema::{ArrowError, DataType};
use arrow_select::concat::concat;
use hashbrown::HashMap;
use std::sync::Arc;

/// The values of a column of which at least one row has one.
pub(super) trait Cells {
    /// Adds rows that have no value.
    fn append_absent(&mut self, rows: usize);

    /// Adds the rows of an array of the column's type.
    fn append(&mut self, piece: &ArrayRef);

    /// Whether all rows are known to have the same value.
    fn are_same(&self) -> bool {
        false
    }

    /// All rows as one array.
    ///
    /// # Errors
    /// If the text of the column is larger than an Arrow array can hold.
    fn finish(self: Box<Self>) -> Result<ArrayRef, ArrowError>;
}

/// A column of this type that has room for so many rows before it is moved.
pub(super) fn of(data_type: &DataType, rows: usize) -> Box<dyn Cells> {
    match data_type {
        DataType::UInt8 => Box::new(Numbers::<UInt8Type>::new(data_type, rows)),
        DataType::UInt16 => Box::new(Numbers::<UInt16Type>::new(data_type, rows)),
        DataType::UInt32 => Box::new(Numbers::<UInt32Type>::new(data_type, rows)),
        DataType::UInt64 => Box::new(Numbers::<UInt64Type>::new(data_type, rows)),
        DataType::Timestamp(..) => {
            Box::new(Numbers::<TimestampMicrosecondType>::new(data_type, rows))
        }
        DataType::FixedSizeBinary(bytes) => Box::new(Octets::new(*bytes, rows)),
        DataType::Dictionary(..) => Box::new(Texts::new(rows)),
        _ => Box::new(Pieces { data_type: data_type.clone(), pieces: Vec::new() }),
    }
}

/// Which rows have a value.
struct Presence(NullBufferBuilder);

impl Presence {
    fn append(&mut self, piece: &dyn Array) {
        match piece.nulls() {
            Some(nulls) => self.0.append_buffer(nulls),
            None => self.0.append_n_non_nulls(piece.len()),
        }
    }

    /// Whether all have.
    fn is_everywhere(&self) -> bool {
        self.0.as_slice().is_none()
    }

    fn finish(&mut self) -> Option<NullBuffer> {
        self.0.finish().filter(|nulls| nulls.null_count() > 0)
    }
}

struct Numbers<T: ArrowPrimitiveType> {
    data_type: DataType,
    values: Vec<T::Native>,
    present: Presence,
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    fn new(data_type: &DataType, rows: usize) -> Self {
        let present = Presence(NullBufferBuilder::new(rows));
        Self { data_type: data_type.clone(), values: Vec::with_capacity(rows), present }
    }
}

impl<T: ArrowPrimitiveType> Cells for Numbers<T> {
    fn append_absent(&mut self, rows: usize) {
        self.values.resize(self.values.len() + rows, T::default_value());
        self.present.0.append_n_nulls(rows);
    }

    fn append(&mut self, piece: &ArrayRef) {
        let Some(numbers) = piece.as_primitive_opt::<T>() else { return };
        self.values.extend_from_slice(numbers.values());
        self.present.append(numbers);
    }

    fn are_same(&self) -> bool {
        let first = self.values.first();
        self.present.is_everywhere() && self.values.iter().all(|value| Some(value) == first)
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef, ArrowError> {
        let values = ScalarBuffer::from(self.values);
        let numbers = PrimitiveArray::<T>::try_new(values, self.present.finish())?;
        Ok(Arc::new(numbers.with_data_type(self.data_type)))
    }
}

/// Addresses, of so many bytes each.
struct Octets {
    bytes: i32,
    values: Vec<u8>,
    present: Presence,
}

impl Octets {
    fn new(bytes: i32, rows: usize) -> Self {
        let present = Presence(NullBufferBuilder::new(rows));
        Self { bytes, values: Vec::with_capacity(rows * bytes.unsigned_abs() as usize), present }
    }
}

impl Cells for Octets {
    fn append_absent(&mut self, rows: usize) {
        let bytes = rows * self.bytes.unsigned_abs() as usize;
        self.values.resize(self.values.len() + bytes, 0);
        self.present.0.append_n_nulls(rows);
    }

    fn append(&mut self, piece: &ArrayRef) {
        let Some(octets) = piece.as_fixed_size_binary_opt() else { return };
        self.values.extend_from_slice(octets.value_data());
        self.present.append(octets);
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef, ArrowError> {
        let values = Buffer::from_vec(self.values);
        let octets = FixedSizeBinaryArray::try_new(self.bytes, values, self.present.finish())?;
        Ok(Arc::new(octets))
    }
}

/// Text that often repeats, with one dictionary for all pieces.
struct Texts {
    keys: Vec<i32>,
    present: Presence,
    known: HashMap<Box<str>, i32>,
    values: Vec<Box<str>>,
}

impl Texts {
    fn new(rows: usize) -> Self {
        let present = Presence(NullBufferBuilder::new(rows));
        let (known, values) = (HashMap::new(), Vec::new());
        Self { keys: Vec::with_capacity(rows), present, known, values }
    }

    fn key(&mut self, text: &str) -> i32 {
        if let Some(key) = self.known.get(text) {
            return *key;
        }
        // There are fewer texts than rows.
        let key = self.values.len() as i32;
        self.known.insert(text.into(), key);
        self.values.push(text.into());
        key
    }
}

impl Cells for Texts {
    fn append_absent(&mut self, rows: usize) {
        self.keys.resize(self.keys.len() + rows, 0);
        self.present.0.append_n_nulls(rows);
    }

    fn append(&mut self, piece: &ArrayRef) {
        let Some(piece) = piece.as_dictionary_opt::<Int32Type>() else { return };
        let texts = piece.values().as_string_opt::<i32>().into_iter().flatten();
        let keys: Vec<i32> = texts.map(|text| self.key(text.unwrap_or_default())).collect();
        // The key of a null may be any.
        let key = |key: &i32| keys.get(*key as usize).copied().unwrap_or(0);
        self.keys.extend(piece.keys().values().iter().map(key));
        self.present.append(piece);
    }

    fn are_same(&self) -> bool {
        self.present.is_everywhere() && self.values.len() == 1
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef, ArrowError> {
        let keys = Int32Array::try_new(ScalarBuffer::from(self.keys), self.present.finish())?;
        let values = Arc::new(StringArray::from_iter_values(self.values));
        Ok(Arc::new(DictionaryArray::try_new(keys, values)?))
    }
}

/// Columns of few families, as they came.
struct Pieces {
    data_type: DataType,
    pieces: Vec<ArrayRef>,
}

impl Cells for Pieces {
    fn append_absent(&mut self, rows: usize) {
        self.pieces.push(nulls(&self.data_type, rows));
    }

    fn append(&mut self, piece: &ArrayRef) {
        self.pieces.push(Arc::clone(piece));
    }

    fn finish(self: Box<Self>) -> Result<ArrayRef, ArrowError> {
        let pieces: Vec<&dyn Array> = self.pieces.iter().map(AsRef::as_ref).collect();
        concat(&pieces)
    }
}
