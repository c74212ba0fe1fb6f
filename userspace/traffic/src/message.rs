//! What the encoders of text formats other than Huawei USG's have in common: an event makes a
//! message. What a device could as well print in another way is the encoder's *style*.

use crate::random::Random;
use crate::record::Event;
use crate::truth::{Moment, Origin, Truth};
use crate::writer::Writer;

/// Who prints a message, and when.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The device's name.
    pub host: &'a [u8],
    /// UTC epoch milliseconds.
    pub unix_ms: u64,
}

impl Stamp<'_> {
    pub(crate) fn seconds(&self) -> u32 {
        (self.unix_ms / 1_000) as u32
    }
}

/// An encoder, as its style for one message.
pub trait Message: Sized {
    /// Draws a style for this event.
    fn draw(random: &mut Random, event: &Event<'_>) -> Self;

    /// Writes the message to the start of `out`, which needs three bytes more than it takes; its
    /// length.
    ///
    /// # Panics
    /// If `out` is too short.
    fn write(&self, out: &mut [u8], stamp: &Stamp<'_>, event: &Event<'_>) -> usize {
        let mut writer = Writer::new(out);
        self.put(&mut writer, stamp, event);
        writer.len()
    }

    #[doc(hidden)]
    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>);

    #[doc(hidden)]
    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth;
}
