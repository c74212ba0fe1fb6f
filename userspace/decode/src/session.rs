//! The family `session`: one row for each event of a session that a firewall or NAT box reports.

use crate::{
    batch::Run,
    context::Context,
    contexts::{Contexts, Stamp},
    text::Text,
};

/// What happened to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Event {
    /// It was created.
    Create = 1,
    /// It ended.
    End = 2,
    /// It goes on: a periodic report.
    Update = 3,
    /// It was refused.
    Deny = 4,
    /// A flow record that is not bound to an event.
    Flow = 5,
}

impl Event {
    /// The event of a stored code; `None` for a code that stands for no event.
    pub const fn from_code(code: u8) -> Option<Event> {
        Some(match code {
            1 => Event::Create,
            2 => Event::End,
            3 => Event::Update,
            4 => Event::Deny,
            5 => Event::Flow,
            _ => return None,
        })
    }

    /// The value of `event` in records.
    pub const fn name(self) -> &'static str {
        match self {
            Event::Create => "create",
            Event::End => "end",
            Event::Update => "update",
            Event::Deny => "deny",
            Event::Flow => "flow",
        }
    }
}

/// A set of columns of [`SessionTable`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnSet(u64);

impl ColumnSet {
    /// No column.
    pub const EMPTY: ColumnSet = ColumnSet(0);

    /// The set of these columns.
    pub const fn of(columns: &[Column]) -> ColumnSet {
        let (mut set, mut rest) = (ColumnSet::EMPTY, columns);
        while let Some((column, behind)) = rest.split_first() {
            (set, rest) = (set.with(*column), behind);
        }
        set
    }

    /// The set with one more column.
    #[must_use]
    pub const fn with(self, column: Column) -> ColumnSet {
        ColumnSet(self.0 | 1 << column as u32)
    }

    /// Whether the column is in the set.
    pub const fn has(self, column: Column) -> bool {
        self.0 & (1 << column as u32) != 0
    }

    /// The columns of either set.
    #[must_use]
    pub const fn union(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 | other.0)
    }
}

/// Cells of a column, by their type.
#[derive(Debug)]
pub enum Cells<'a> {
    /// Codes and small numbers.
    U8(&'a mut [u8]),
    /// Ports.
    U16(&'a mut [u16]),
    /// IPv4 addresses, seconds, …
    U32(&'a mut [u32]),
    /// Counters.
    U64(&'a mut [u64]),
    /// IPv6 addresses.
    V6(&'a mut [[u8; 16]]),
    /// Text.
    Text(&'a mut [Text]),
}

macro_rules! cells_from {
    ($($variant:ident: $type:ty;)*) => {$(
        impl<'a> From<&'a mut [$type]> for Cells<'a> {
            fn from(cells: &'a mut [$type]) -> Self {
                Cells::$variant(cells)
            }
        }
    )*};
}

cells_from! { U8: u8; U16: u16; U32: u32; U64: u64; V6: [u8; 16]; Text: Text; }

macro_rules! session_columns {
    ($($(#[$doc:meta])* $field:ident / $column:ident: $type:ty = $empty:expr;)*) => {
        /// A column of [`SessionTable`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Column { $($(#[$doc])* $column,)* }

        impl Column {
            /// All columns.
            pub const ALL: &[Column] = &[$(Column::$column,)*];

            /// Bytes of one cell.
            pub const fn width(self) -> usize {
                match self { $(Column::$column => size_of::<$type>(),)* }
            }
        }

        /// Session records as columns, each as long as the table's capacity. Row `i` of a column
        /// means something only where the run of row `i` names the column.
        #[derive(Debug)]
        pub struct SessionTable {
            rows: usize,
            runs: Vec<PackedRun>,
            contexts: Contexts,
            $($(#[$doc])* pub $field: Box<[$type]>,)*
        }

        impl SessionTable {
            /// An empty table for this many rows.
            pub fn new(capacity: usize) -> Self {
                Self {
                    rows: 0,
                    runs: Vec::with_capacity(capacity),
                    contexts: Contexts::new(capacity),
                    $($field: vec![$empty; capacity].into_boxed_slice(),)*
                }
            }
        }

        impl SessionTable {
            /// A column's cells for the rows that the next [`SessionTable::commit`] adds: as many
            /// as still fit.
            pub fn vacant(&mut self, column: Column) -> Cells<'_> {
                let rows = self.rows;
                match column {
                    $(Column::$column => {
                        Cells::from(self.$field.get_mut(rows..).unwrap_or_default())
                    })*
                }
            }
        }

        /// One session record, for sources that decode a record at a time. Absent values are
        /// `None`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct SessionRow { $($(#[$doc])* pub $field: Option<$type>,)* }

        impl SessionTable {
            /// Reads one row back.
            fn read_row(&self, row: usize, columns: ColumnSet) -> SessionRow {
                SessionRow {
                    $($field: if columns.has(Column::$column) {
                        self.$field.get(row).copied()
                    } else {
                        None
                    },)*
                }
            }

            /// Writes the values that are present, and tells which these were. Compiled where
            /// it is called, so that columns which a format does not have cost nothing.
            #[inline(always)]
            fn write_row(&mut self, row: usize, values: &SessionRow) -> ColumnSet {
                let mut columns = ColumnSet::EMPTY;
                $(if let (Some(value), Some(cell)) = (values.$field, self.$field.get_mut(row)) {
                    *cell = value;
                    columns = columns.with(Column::$column);
                })*
                columns
            }
        }
    };
}

// Addresses and ports are in host byte order (IPv6: the 16 bytes as on the wire); zero stands for
// an absent one, as on the wire. Times are seconds since 1970 UTC, with the nanoseconds in a
// second column where the source knows them; a `*_s` of zero is absent.
session_columns! {
    /// [`Event`] code; 0 where the exporter's code stands for no session event.
    event / Event: u8 = 0;
    /// IP protocol number.
    protocol / Protocol: u8 = 0;
    /// Inside (initiator's) IPv4 address.
    src_v4 / SrcV4: u32 = 0;
    /// Inside (initiator's) IPv6 address.
    src_v6 / SrcV6: [u8; 16] = [0; 16];
    /// Inside port; type or identifier for ICMP.
    src_port / SrcPort: u16 = 0;
    /// Destination IPv4 address.
    dst_v4 / DstV4: u32 = 0;
    /// Destination IPv6 address.
    dst_v6 / DstV6: [u8; 16] = [0; 16];
    /// Destination port.
    dst_port / DstPort: u16 = 0;
    /// Post-NAT source IPv4 address: the public address.
    nat_src_v4 / NatSrcV4: u32 = 0;
    /// Post-NAT source IPv6 address.
    nat_src_v6 / NatSrcV6: [u8; 16] = [0; 16];
    /// Post-NAT source port.
    nat_src_port / NatSrcPort: u16 = 0;
    /// Post-NAT destination IPv4 address.
    nat_dst_v4 / NatDstV4: u32 = 0;
    /// Post-NAT destination IPv6 address.
    nat_dst_v6 / NatDstV6: [u8; 16] = [0; 16];
    /// Post-NAT destination port.
    nat_dst_port / NatDstPort: u16 = 0;
    /// VRF of the source.
    src_vrf / SrcVrf: u32 = 0;
    /// VRF of the destination.
    dst_vrf / DstVrf: u32 = 0;
    /// 0: from the Internet to the private network; 1: the other way (as the exporter says).
    direction / Direction: u8 = 0;
    /// natOriginatingAddressRealm: 1 private, 2 Internet.
    initiator / Initiator: u8 = 0;
    /// Time of the event, seconds: for exporters that tell it apart from begin and end.
    event_s / EventS: u32 = 0;
    /// Time of the event, nanoseconds within the second.
    event_ns / EventNs: u32 = 0;
    /// Begin of the session, seconds.
    start_s / StartS: u32 = 0;
    /// Begin of the session, nanoseconds within the second.
    start_ns / StartNs: u32 = 0;
    /// End of the session, seconds.
    end_s / EndS: u32 = 0;
    /// End of the session, nanoseconds within the second.
    end_ns / EndNs: u32 = 0;
    /// Duration that the exporter stated, milliseconds.
    duration_ms / DurationMs: u64 = 0;
    /// Packets from the source.
    sent_packets / SentPackets: u64 = 0;
    /// Bytes from the source.
    sent_bytes / SentBytes: u64 = 0;
    /// Packets towards the source.
    received_packets / ReceivedPackets: u64 = 0;
    /// Bytes towards the source.
    received_bytes / ReceivedBytes: u64 = 0;
    /// Security zone of the source.
    src_zone / SrcZone: Text = Text::EMPTY;
    /// Security zone of the destination.
    dst_zone / DstZone: Text = Text::EMPTY;
    /// Policy or rule that the session matched.
    policy / Policy: Text = Text::EMPTY;
    /// User. Personal data.
    user / User: Text = Text::EMPTY;
    /// Application that the exporter recognised.
    application / Application: Text = Text::EMPTY;
    /// Why the session ended.
    close_reason / CloseReason: Text = Text::EMPTY;
    /// URL. Personal data.
    url / Url: Text = Text::EMPTY;
    /// What has no column: see [`crate::extra`].
    extra / Extra: Text = Text::EMPTY;
}

/// A [`Run`] as the table keeps it.
#[derive(Clone, Copy, Debug)]
struct PackedRun {
    first_row: u32,
    rows: u32,
    columns: ColumnSet,
    stamp: Stamp,
}

impl SessionTable {
    /// The shortest session record on the wire, in bytes. NetFlow pads flowsets with up to three
    /// bytes (RFC 3954 §5.3), so a shorter record could not be told from padding.
    pub const BYTES_PER_RECORD_MIN: usize = 4;

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.rows = 0;
        self.runs.clear();
        self.contexts.clear();
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows that still fit.
    pub fn room(&self) -> usize {
        self.event.len() - self.rows
    }

    /// The runs, in the order of their rows; together they cover all rows.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.runs.iter().filter_map(|run| {
            let PackedRun { first_row, rows, columns, stamp } = *run;
            Some(Run { first_row, rows, columns, context: self.contexts.get(stamp)? })
        })
    }

    /// The row that the next [`SessionTable::commit`] would add, as far as `columns` of it have
    /// been filled.
    pub(crate) fn vacant_row(&self, columns: ColumnSet) -> SessionRow {
        self.read_row(self.rows, columns)
    }

    /// Adds one record; `false`, and nothing added, when the table is full.
    #[inline(always)]
    pub fn push(&mut self, context: &Context, values: &SessionRow) -> bool {
        if self.room() == 0 {
            return false;
        }
        let columns = self.write_row(self.rows, values);
        self.commit(1, columns, context)
    }

    /// Makes the next `rows` rows part of the table, after the caller has filled `columns` of
    /// them, from row [`SessionTable::rows`] on; `false`, and nothing added, when they do not fit.
    pub fn commit(&mut self, rows: usize, columns: ColumnSet, context: &Context) -> bool {
        let (Ok(first_row), Ok(count)) = (u32::try_from(self.rows), u32::try_from(rows)) else {
            return false;
        };
        if rows > self.room() || self.runs.len() == self.runs.capacity() {
            return false;
        }
        let Some(stamp) = self.contexts.pack(context) else { return false };
        self.runs.push(PackedRun { first_row, rows: count, columns, stamp });
        self.rows += rows;
        true
    }

    /// All records, a row at a time: for output and tests, not for the way to disk.
    pub fn iter(&self) -> impl Iterator<Item = (Context, SessionRow)> {
        self.runs().flat_map(move |run| {
            let first = run.first_row as usize;
            (first..first + run.rows as usize)
                .map(move |row| (run.context, self.read_row(row, run.columns)))
        })
    }
}
