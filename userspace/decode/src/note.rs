//! What is known of each datagram beside its records: whose it was, what became of it, and where it
//! stands in the exporter's count. From these notes the ledger of exporters is made, by the one
//! thread that sees the batches of all workers.

mod packed;

use crate::{
    context::UnixNanos,
    contexts::sender_bits,
    decoder::Outcome,
    image::{ImageError, Pieces, Source},
    interned::Interned,
};
use packed::{Packed, PackedSequence};
use std::net::IpAddr;

/// One datagram, or the end of one that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramNote {
    /// Who sent it.
    pub exporter: IpAddr,
    /// UDP source port; 0 where it is not known.
    pub exporter_port: u16,
    /// When it arrived.
    pub received_at: UnixNanos,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether an earlier note said that it waits: then this one says how that ended, or that a
    /// part of it goes on waiting.
    pub waited: bool,
    /// Records of all families that it made, `unparsed` left out.
    pub records: u32,
    /// Records of the family `unparsed` that it made.
    pub unparsed: u32,
    /// Its place in the exporter's count; `None` for formats that have none, and when `waited`.
    pub sequence: Option<Sequence>,
}

/// A datagram's place in its exporter's count.
///
/// NetFlow v5 and IPFIX count records, v9 and binary logs count datagrams: `units` is what this datagram adds, so
/// that the next one's number is `number + units`, modulo 2³².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Version in the header: 5, 9 or 10; of binary logs the type in the high byte and the version
    /// in the low one.
    pub version: u16,
    /// Source ID (v9), Observation Domain ID (IPFIX), engine type and ID (v5),
    /// chassis, slot and CPU (binary logs). The Huawei USG's subdivided Source ID is without its
    /// second byte.
    pub domain: u32,
    /// The number in the header.
    pub number: u32,
    /// What the datagram adds to the count; `None` where that is not known, because the template
    /// of some of its data has not come.
    pub units: Option<u32>,
    /// The exporter's uptime in milliseconds, where the header has it.
    pub uptime_ms: Option<u32>,
    /// Whether it holds templates and no data: some exporters count those apart.
    pub templates_only: bool,
}

/// The notes of a batch, packed: a sender stands once, and a place in its count only where there is
/// one. Nothing here allocates after [`Notes::new`].
#[derive(Debug)]
pub struct Notes {
    notes: Vec<Packed>,
    /// Of the notes that have one, in their order.
    sequences: Vec<PackedSequence>,
    senders: Interned<(IpAddr, u16)>,
}

impl Notes {
    /// No notes, and room for so many.
    pub fn new(capacity: usize) -> Self {
        Self {
            notes: Vec::with_capacity(capacity),
            sequences: Vec::with_capacity(capacity),
            senders: Interned::new(capacity),
        }
    }

    /// Forgets all notes.
    pub fn clear(&mut self) {
        self.notes.clear();
        self.sequences.clear();
        self.senders.clear();
    }

    /// Number of notes.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Notes that still fit.
    pub fn room(&self) -> usize {
        self.notes.capacity() - self.notes.len()
    }

    /// Adds a note; `false`, and nothing added, when there is no room.
    #[inline]
    pub fn push(&mut self, note: DatagramNote) -> bool {
        if self.room() == 0 {
            return false;
        }
        let DatagramNote { exporter, exporter_port, .. } = note;
        let sender = self.senders.index_of(
            sender_bits(exporter, exporter_port),
            |(address, port)| *address == exporter && *port == exporter_port,
            || (exporter, exporter_port),
        );
        let Some(sender) = sender else { return false };
        self.sequences.extend(note.sequence.as_ref().map(PackedSequence::new));
        self.notes.push(Packed::new(&note, sender));
        true
    }

    /// The notes, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = DatagramNote> {
        let mut sequences = self.sequences.iter();
        self.notes.iter().filter_map(move |note| {
            let sequence = if note.has_sequence() { sequences.next() } else { None };
            let sender = *self.senders.get(note.sender())?;
            note.unpack(sender, sequence.map(PackedSequence::unpack))
        })
    }

    /// Adds the notes to an image.
    pub(crate) fn image<'a>(&'a self, into: &mut Pieces<'a>) -> Result<(), ImageError> {
        let count = |number| u32::try_from(number).map_err(|_| ImageError::Capacity);
        into.pack(&(count(self.notes.len())?, count(self.sequences.len())?))?;
        into.pack_all(self.senders.values())?;
        into.plain(&self.notes);
        into.plain(&self.sequences);
        Ok(())
    }

    /// Reads them back into notes that are empty.
    pub(crate) fn restore(&mut self, from: &mut Source<'_>) -> Result<(), ImageError> {
        let (notes, sequences): (u32, u32) = from.unpack()?;
        from.unpack_all(|sender| self.senders.add(sender))?;
        from.plain(&mut self.notes, notes as usize)?;
        from.plain(&mut self.sequences, sequences as usize)?;
        let numbered = self.notes.iter().filter(|note| note.has_sequence()).count();
        let whole = numbered == self.sequences.len() && self.iter().count() == self.notes.len();
        if whole { Ok(()) } else { Err(ImageError::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    #[test]
    fn notes_come_back_as_they_were() {
        let sequence = Sequence {
            version: 9,
            domain: 1,
            number: 2,
            units: Some(3),
            uptime_ms: None,
            templates_only: true,
        };
        let note = |last, waited, sequence| DatagramNote {
            exporter: [192, 0, 2, last].into(),
            exporter_port: u16::from(last),
            received_at: i64::from(last),
            outcome: Outcome::Rejected(Reason::Empty),
            waited,
            records: 5,
            unparsed: 6,
            sequence,
        };
        let all = [
            note(1, false, Some(sequence)),
            note(2, true, None),
            note(1, false, Some(Sequence { number: 7, ..sequence })),
        ];
        let mut notes = Notes::new(3);
        assert!(all.iter().all(|note| notes.push(*note)));
        assert!(!notes.push(all[0]), "full");
        assert_eq!(notes.iter().collect::<Vec<_>>(), all);
        notes.clear();
        assert!(notes.is_empty() && notes.push(all[1]));
        assert_eq!(notes.iter().collect::<Vec<_>>(), all[1..2]);
    }
}
