//! Columns without a value. Most columns of most records are: they share one array of a type.

use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_schema::DataType;
use std::{cell::RefCell, collections::HashMap};

/// Rows of the array that is shared. Its values are never looked at, so that most of its memory is
/// never there.
pub(crate) const ROWS: usize = 256 * 1024;

thread_local! {
    static SHARED: RefCell<HashMap<DataType, ArrayRef>> = RefCell::default();
}

/// So many nulls.
pub(crate) fn nulls(data_type: &DataType, rows: usize) -> ArrayRef {
    if rows > ROWS {
        return new_null_array(data_type, rows);
    }
    SHARED.with_borrow_mut(|shared| match shared.get(data_type) {
        Some(array) => array.slice(0, rows),
        None => {
            let array = new_null_array(data_type, ROWS);
            let slice = array.slice(0, rows);
            shared.insert(data_type.clone(), array);
            slice
        }
    })
}

/// Whether an array has no value.
pub(crate) fn is_null(array: &dyn Array) -> bool {
    array.null_count() == array.len()
}
