//! The image of a batch: its records and notes as bytes, from which they come back as they were.
//! For a journal; whether the bytes are those that were written is for the journal to check.
//!
//! ```text
//! u32                 bytes of the packed part
//! packed part         postcard: counts, contexts, senders, and the rows of all families but session
//! plain part          runs, columns, stamps, notes and text, as they lie in memory
//! ```
//!
//! What comes by the million is plain: its slices are lent and not copied, and only the columns
//! that runs filled are in it. Numbers are in little-endian order.
//!
//! Columns, formats, reasons and events are numbers in an image. Their lists may get longer, but
//! what is in them keeps its place.

use crate::{
    batch::{Batch, Capacity},
    context::Format,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use zerocopy::{FromBytes, Immutable, IntoBytes};

const _: () = assert!(cfg!(target_endian = "little"), "images are in little-endian order");

/// Rows of a table that an image may have; its columns take some hundred bytes each.
const ROWS_MAX: u32 = 256 * 1024;

/// Why an image is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The bytes are not what [`Batch::image`] makes.
    #[error("no image of a batch")]
    Damaged,
    /// The batch is too small for it.
    #[error("an image of a larger batch")]
    Capacity,
}

/// The bytes of a batch, in pieces that are mostly the batch's own memory.
#[derive(Debug)]
pub struct Image<'a>(Vec<Cow<'a, [u8]>>);

impl Image<'_> {
    /// The pieces, in their order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|piece| &**piece)
    }

    /// Bytes of all pieces.
    pub fn bytes(&self) -> usize {
        self.pieces().map(<[u8]>::len).sum()
    }
}

impl Batch {
    /// The image of what it holds.
    ///
    /// # Errors
    /// [`ImageError::Capacity`] if it holds more than any image may.
    pub fn image(&self) -> Result<Image<'_>, ImageError> {
        let mut pieces = Pieces::default();
        pieces.pack(&Size::of(self)?)?;
        self.session.image(&mut pieces)?;
        self.port_block.image(&mut pieces)?;
        self.im.image(&mut pieces)?;
        self.filter.image(&mut pieces)?;
        self.unparsed.image(&mut pieces)?;
        self.notes.image(&mut pieces)?;
        pieces.plain(self.text.bytes());
        pieces.finish()
    }

    /// Makes its contents those of an image. Allocates nothing; after an error it is empty.
    ///
    /// # Errors
    /// [`ImageError`]. A batch of [`capacity`] is large enough.
    pub fn restore(&mut self, image: &[u8]) -> Result<(), ImageError> {
        self.clear();
        self.restore_parts(image).inspect_err(|_| self.clear())
    }

    fn restore_parts(&mut self, image: &[u8]) -> Result<(), ImageError> {
        let mut source = Source::new(image)?;
        let size: Size = source.unpack()?;
        self.session.restore(&mut source)?;
        self.port_block.restore(&mut source)?;
        self.im.restore(&mut source)?;
        self.filter.restore(&mut source)?;
        self.unparsed.restore(&mut source)?;
        self.notes.restore(&mut source)?;
        let text = source.bytes(size.text_bytes as usize)?;
        self.text.push(text).ok_or(ImageError::Capacity)?;
        source.finish()
    }
}

/// The size of a batch that has room for what is in an image.
///
/// # Errors
/// [`ImageError::Damaged`], also where it says that it needs more than any batch.
pub fn capacity(image: &[u8]) -> Result<Capacity, ImageError> {
    let size: Size = Source::new(image)?.unpack()?;
    let fits = size.session_rows.max(size.other_rows) <= ROWS_MAX;
    if !fits || size.text_bytes as usize > image.len() {
        return Err(ImageError::Damaged);
    }
    Ok(Capacity {
        session_rows: size.session_rows as usize,
        unparsed_rows: size.other_rows as usize,
        text_bytes: size.text_bytes as usize,
    })
}

/// What decides how large a batch must be.
#[derive(Serialize, Deserialize)]
struct Size {
    session_rows: u32,
    other_rows: u32,
    text_bytes: u32,
}

impl Size {
    fn of(batch: &Batch) -> Result<Size, ImageError> {
        let count = |number| u32::try_from(number).map_err(|_| ImageError::Capacity);
        let sessions = batch.session.rows().max(batch.session.run_count());
        let session_rows = count(sessions.max(batch.port_block.rows()))?;
        let others = [batch.filter.rows(), batch.unparsed.rows(), batch.notes.len()];
        let other_rows = count(others.into_iter().fold(batch.im.rows(), usize::max))?;
        if session_rows.max(other_rows) > ROWS_MAX {
            return Err(ImageError::Capacity);
        }
        Ok(Size { session_rows, other_rows, text_bytes: count(batch.text.len())? })
    }
}

/// An image that is being made.
#[derive(Debug, Default)]
pub(crate) struct Pieces<'a> {
    packed: Vec<u8>,
    plain: Vec<Cow<'a, [u8]>>,
}

impl<'a> Pieces<'a> {
    /// Adds a value to the packed part.
    pub fn pack(&mut self, value: &impl Serialize) -> Result<(), ImageError> {
        let packed = std::mem::take(&mut self.packed);
        self.packed = postcard::to_extend(value, packed).map_err(|_| ImageError::Capacity)?;
        Ok(())
    }

    /// Adds values, and in front of them how many they are.
    pub fn pack_all<T: Serialize>(&mut self, values: &[T]) -> Result<(), ImageError> {
        self.pack(&u32::try_from(values.len()).map_err(|_| ImageError::Capacity)?)?;
        values.iter().try_for_each(|value| self.pack(value))
    }

    /// Lends values to the plain part.
    pub fn plain<T: IntoBytes + Immutable>(&mut self, values: &'a [T]) {
        self.piece(Cow::Borrowed(values.as_bytes()));
    }

    /// Adds bytes to the plain part.
    pub fn piece(&mut self, piece: Cow<'a, [u8]>) {
        self.plain.push(piece);
    }

    fn finish(self) -> Result<Image<'a>, ImageError> {
        let len = u32::try_from(self.packed.len()).map_err(|_| ImageError::Capacity)?;
        let head = [Cow::Owned(len.to_le_bytes().to_vec()), Cow::Owned(self.packed)];
        let pieces = head.into_iter().chain(self.plain);
        Ok(Image(pieces.filter(|piece| !piece.is_empty()).collect()))
    }
}

/// An image that is being read.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    packed: &'a [u8],
    plain: &'a [u8],
}

impl<'a> Source<'a> {
    fn new(image: &'a [u8]) -> Result<Self, ImageError> {
        let (len, rest) = image.split_first_chunk().ok_or(ImageError::Damaged)?;
        let parts = rest.split_at_checked(u32::from_le_bytes(*len) as usize);
        let (packed, plain) = parts.ok_or(ImageError::Damaged)?;
        Ok(Self { packed, plain })
    }

    /// The next value of the packed part.
    pub fn unpack<T: Deserialize<'a>>(&mut self) -> Result<T, ImageError> {
        let (value, rest) =
            postcard::take_from_bytes(self.packed).map_err(|_| ImageError::Damaged)?;
        self.packed = rest;
        Ok(value)
    }

    /// Values that [`Pieces::pack_all`] has packed; `keep` says whether there is room for one.
    pub fn unpack_all<T: Deserialize<'a>>(
        &mut self,
        mut keep: impl FnMut(T) -> bool,
    ) -> Result<(), ImageError> {
        let count: u32 = self.unpack()?;
        for _ in 0..count {
            if !keep(self.unpack()?) {
                return Err(ImageError::Capacity);
            }
        }
        Ok(())
    }

    /// The next bytes of the plain part.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], ImageError> {
        let (bytes, rest) = self.plain.split_at_checked(count).ok_or(ImageError::Damaged)?;
        self.plain = rest;
        Ok(bytes)
    }

    /// So many values of the plain part, into an empty vector that must have room for them.
    pub fn plain<T: Default + Clone + IntoBytes + FromBytes>(
        &mut self,
        into: &mut Vec<T>,
        count: usize,
    ) -> Result<(), ImageError> {
        if count > into.capacity() {
            return Err(ImageError::Capacity);
        }
        let bytes = self.bytes(count.saturating_mul(size_of::<T>()))?;
        into.resize(count, T::default());
        into.as_mut_bytes().copy_from_slice(bytes);
        Ok(())
    }

    fn finish(self) -> Result<(), ImageError> {
        let all = self.packed.is_empty() && self.plain.is_empty();
        if all { Ok(()) } else { Err(ImageError::Damaged) }
    }
}

/// A format as its number, and its name where it is declared.
pub(crate) mod format {
    use super::Format;
    use crate::names;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    const DECLARED: u8 = u8::MAX;

    pub fn serialize<S: Serializer>(format: &Format, to: S) -> Result<S::Ok, S::Error> {
        let place = Format::ALL.iter().position(|known| known == format);
        match place.and_then(|place| u8::try_from(place).ok()) {
            Some(number) => (number, "").serialize(to),
            None => (DECLARED, format.name()).serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Format, D::Error> {
        let (number, name) = <(u8, &str)>::deserialize(from)?;
        let format = match number {
            DECLARED => names::kept(name).map(Format::Declared),
            number => Format::ALL.get(usize::from(number)).copied(),
        };
        format.ok_or_else(|| D::Error::custom("no format"))
    }
}

#[cfg(test)]
mod tests;
