//! A batch: the records of many datagrams as columns, filled by one worker, handed over whole and
//! then used again.
//!
//! Facts that all records of a datagram share (exporter, time of arrival, …) are not repeated for
//! each row: they belong to a [`Run`], which also names the columns that its rows filled, and those
//! that an exporter's datagrams share are kept once. A
//! column that a run does not name holds leftovers of an earlier use in those rows and must not be
//! read; so a decoder writes only what the wire carried. Nothing here allocates after
//! [`Batch::new`].

use crate::{
    context::{Context, UnixNanos},
    filter::Filter,
    im::Im,
    note::Notes,
    port_block::PortBlock,
    privacy::Key,
    rows::Rows,
    session::{ColumnSet, SessionTable},
    text::{Text, TextArena},
    unparsed::Unparsed,
};

/// Consecutive rows of one table that came from one datagram or line.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Index of the first row.
    pub first_row: u32,
    /// Number of rows.
    pub rows: u32,
    /// The columns that these rows filled. Empty for tables whose columns are always filled.
    pub columns: ColumnSet,
    /// What the rows have in common.
    pub context: Context,
}

/// How much a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Rows of the families `session` and `port_block`, each.
    pub session_rows: usize,
    /// Rows of the families `im`, `filter` and `unparsed`, each, and notes of datagrams.
    pub unparsed_rows: usize,
    /// Bytes of text, of all tables together.
    pub text_bytes: usize,
}

impl Capacity {
    /// Room for the records of any UDP datagram on top of a batch that is just not worth handing
    /// over ([`Batch::is_worth_handing_over`]).
    pub const DEFAULT: Capacity =
        Capacity { session_rows: 25 * 1024, unparsed_rows: 41 * 1024, text_bytes: 2 << 20 };
}

/// Records after which a batch is worth handing over.
const WORTH_RECORDS: usize = 8 * 1024;

/// The longest UDP payload, whatever it holds, fits on top of a batch that is not worth it yet.
const _: () = {
    let Capacity { session_rows, unparsed_rows, text_bytes } = Capacity::DEFAULT;
    let payload = u16::MAX as usize;
    let records = payload / SessionTable::BYTES_PER_RECORD_MIN;
    let lines = payload / Unparsed::BYTES_PER_RECORD_MIN + 1;
    assert!(session_rows > WORTH_RECORDS + records && unparsed_rows > WORTH_RECORDS + lines);
    assert!(text_bytes / 2 > payload * TextArena::EXPANSION_MAX);
};

/// Records of all families from consecutive datagrams of one worker.
#[derive(Debug)]
pub struct Batch {
    /// Records of the family `session`.
    pub session: SessionTable,
    /// Records of the family `port_block`.
    pub port_block: Rows<PortBlock>,
    /// Records of the family `im`.
    pub im: Rows<Im>,
    /// Records of the family `filter`.
    pub filter: Rows<Filter>,
    /// Records of the family `unparsed`.
    pub unparsed: Rows<Unparsed>,
    /// What became of each datagram.
    pub notes: Notes,
    /// The bytes of all [`Text`] values.
    pub text: TextArena,
}

impl Batch {
    /// An empty batch. All memory that it will ever use is allocated here.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            session: SessionTable::new(capacity.session_rows),
            port_block: Rows::new(capacity.session_rows),
            im: Rows::new(capacity.unparsed_rows),
            filter: Rows::new(capacity.unparsed_rows),
            unparsed: Rows::new(capacity.unparsed_rows),
            notes: Notes::new(capacity.unparsed_rows),
            text: TextArena::with_room_behind(
                capacity.text_bytes,
                capacity.session_rows * Key::PSEUDONYM_BYTES_MAX,
            ),
        }
    }

    /// Forgets all records; keeps the memory.
    pub fn clear(&mut self) {
        self.session.clear();
        self.port_block.clear();
        self.im.clear();
        self.filter.clear();
        self.unparsed.clear();
        self.notes.clear();
        self.text.clear();
    }

    /// Number of records of all families.
    pub fn records(&self) -> usize {
        self.decoded_records() + self.unparsed.rows()
    }

    /// Number of records of all families but `unparsed`.
    pub fn decoded_records(&self) -> usize {
        self.session.rows() + self.port_block.rows() + self.im.rows() + self.filter.rows()
    }

    /// Whether it holds neither a record nor a note.
    pub fn is_empty(&self) -> bool {
        self.records() == 0 && self.notes.is_empty()
    }

    /// Whether it holds so many records that the writer may as well have it: few enough for the
    /// columns that are written to stay in a core's own caches.
    pub fn is_worth_handing_over(&self) -> bool {
        self.records().max(self.notes.len()) >= WORTH_RECORDS || self.text.room() < self.text.len()
    }

    /// Whether a datagram with a payload of this many bytes surely fits, whatever it holds.
    ///
    /// No record is shorter than [`SessionTable::BYTES_PER_RECORD_MIN`] on the wire, and no text
    /// is longer than its datagram but for [`TextArena::EXPANSION_MAX`].
    pub fn has_room_for(&self, payload_bytes: usize) -> bool {
        let binary_records = payload_bytes / SessionTable::BYTES_PER_RECORD_MIN;
        let lines = payload_bytes / Unparsed::BYTES_PER_RECORD_MIN + 1;
        self.session.room() > binary_records
            && self.port_block.room() > binary_records
            && self.im.room() > lines
            && self.filter.room() > lines
            && self.unparsed.room() > lines
            && self.notes.room() > 0
            && self.text.room() > payload_bytes.saturating_mul(TextArena::EXPANSION_MAX)
    }

    /// When its records arrived: times, each with how many did.
    pub fn arrivals(&self) -> impl Iterator<Item = (UnixNanos, u64)> {
        let rows = self.port_block.arrivals().chain(self.im.arrivals());
        let rows = rows.chain(self.filter.arrivals()).chain(self.unparsed.arrivals());
        self.session.arrivals().chain(rows.map(|arrival| (arrival, 1)))
    }

    /// The bytes of a text value of this batch.
    pub fn text(&self, text: Text) -> &[u8] {
        self.text.get(text)
    }
}
