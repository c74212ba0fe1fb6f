//! The family `session`: one row for each event of a session that a firewall or NAT box reports.

mod image;

pub use crate::cells::{Cell, CellKind, Cells};
use crate::{
    batch::Run,
    cells::{Columns, Place, Vacant},
    context::{Context, UnixNanos},
    contexts::{Contexts, Stamp},
    text::Text,
};
use zerocopy_derive::{FromBytes, Immutable, IntoBytes};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoBytes, FromBytes, Immutable)]
#[repr(transparent)]
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

    /// The columns of both sets.
    #[must_use]
    const fn intersection(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 & other.0)
    }

    /// The columns of this set that are not in the other.
    #[must_use]
    pub const fn without(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 & !other.0)
    }

    /// The columns of either set.
    #[must_use]
    pub const fn union(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 | other.0)
    }
}

macro_rules! session_columns {
    ($($(#[$doc:meta])* $field:ident / $column:ident: $type:ty;)*) => {
        /// A column of [`SessionTable`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Column { $($(#[$doc])* $column,)* }

        impl Column {
            /// All columns.
            pub const ALL: &[Column] = &[$(Column::$column,)*];

            /// What its cells are.
            pub const fn kind(self) -> CellKind {
                match self { $(Column::$column => <$type as Cell>::KIND,)* }
            }

            /// Bytes of one cell.
            pub const fn width(self) -> usize {
                match self { $(Column::$column => size_of::<$type>(),)* }
            }
        }

        impl SessionTable {
            $($(#[$doc])* #[inline] pub fn $field(&self) -> &[$type] {
                self.column(Column::$column)
            })*
        }

        /// One session record, for sources that decode a record at a time. Absent values are
        /// `None`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct SessionRow { $($(#[$doc])* pub $field: Option<$type>,)* }

        impl SessionTable {
            /// Reads one row back.
            pub(crate) fn read_row(&self, row: usize, columns: ColumnSet) -> SessionRow {
                SessionRow {
                    $($field: if columns.has(Column::$column) {
                        self.column(Column::$column).get(row).copied()
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
                $(if let Some(value) = values.$field {
                    self.columns.put(Column::$column, row, value);
                    columns = columns.with(Column::$column);
                })*
                columns
            }
        }
    };
}

// The columns' places are numbers on disk: append only.
//
// Addresses and ports are in host byte order (IPv6: the 16 bytes as on the wire); zero stands for
// an absent one, as on the wire. Times are seconds since 1970 UTC, with the nanoseconds in a
// second column where the source knows them; a `*_s` of zero is absent.
session_columns! {
    /// [`Event`] code; 0 where the exporter's code stands for no session event.
    event / Event: u8;
    /// IP protocol number.
    protocol / Protocol: u8;
    /// Inside (initiator's) IPv4 address.
    src_v4 / SrcV4: u32;
    /// Inside (initiator's) IPv6 address.
    src_v6 / SrcV6: [u8; 16];
    /// Inside port; type or identifier for ICMP.
    src_port / SrcPort: u16;
    /// Destination IPv4 address.
    dst_v4 / DstV4: u32;
    /// Destination IPv6 address.
    dst_v6 / DstV6: [u8; 16];
    /// Destination port.
    dst_port / DstPort: u16;
    /// Post-NAT source IPv4 address: the public address.
    nat_src_v4 / NatSrcV4: u32;
    /// Post-NAT source IPv6 address.
    nat_src_v6 / NatSrcV6: [u8; 16];
    /// Post-NAT source port.
    nat_src_port / NatSrcPort: u16;
    /// Post-NAT destination IPv4 address.
    nat_dst_v4 / NatDstV4: u32;
    /// Post-NAT destination IPv6 address.
    nat_dst_v6 / NatDstV6: [u8; 16];
    /// Post-NAT destination port.
    nat_dst_port / NatDstPort: u16;
    /// VRF of the source.
    src_vrf / SrcVrf: u32;
    /// VRF of the destination.
    dst_vrf / DstVrf: u32;
    /// 0: from the Internet to the private network; 1: the other way (as the exporter says).
    direction / Direction: u8;
    /// natOriginatingAddressRealm: 1 private, 2 Internet.
    initiator / Initiator: u8;
    /// Time of the event, seconds: for exporters that tell it apart from begin and end.
    event_s / EventS: u32;
    /// Time of the event, nanoseconds within the second.
    event_ns / EventNs: u32;
    /// Begin of the session, seconds.
    start_s / StartS: u32;
    /// Begin of the session, nanoseconds within the second.
    start_ns / StartNs: u32;
    /// End of the session, seconds.
    end_s / EndS: u32;
    /// End of the session, nanoseconds within the second.
    end_ns / EndNs: u32;
    /// Duration that the exporter stated, milliseconds.
    duration_ms / DurationMs: u64;
    /// Packets from the source.
    sent_packets / SentPackets: u64;
    /// Bytes from the source.
    sent_bytes / SentBytes: u64;
    /// Packets towards the source.
    received_packets / ReceivedPackets: u64;
    /// Bytes towards the source.
    received_bytes / ReceivedBytes: u64;
    /// Security zone of the source.
    src_zone / SrcZone: Text;
    /// Security zone of the destination.
    dst_zone / DstZone: Text;
    /// Policy or rule that the session matched.
    policy / Policy: Text;
    /// User. Personal data.
    user / User: Text;
    /// Application that the exporter recognised.
    application / Application: Text;
    /// Why the session ended.
    close_reason / CloseReason: Text;
    /// URL. Personal data.
    url / Url: Text;
    /// What has no column: see [`crate::extra`].
    extra / Extra: Text;
}

/// Session records as columns, each as long as the table's capacity. Row `i` of a column means
/// something only where the run of row `i` names the column.
#[derive(Debug)]
pub struct SessionTable {
    rows: usize,
    runs: Vec<PackedRun>,
    contexts: Contexts,
    columns: Columns,
}

/// A [`Run`] as the table keeps it.
#[derive(Clone, Copy, Debug, Default, IntoBytes, FromBytes, Immutable)]
#[repr(C)]
struct PackedRun {
    first_row: u32,
    rows: u32,
    columns: ColumnSet,
    stamp: Stamp,
}

impl SessionTable {
    /// An empty table for this many rows.
    pub fn new(capacity: usize) -> Self {
        Self {
            rows: 0,
            runs: Vec::with_capacity(capacity),
            contexts: Contexts::new(capacity),
            columns: Columns::new(capacity),
        }
    }

    /// All cells of a column, whose type must be that of its kind: none otherwise.
    fn column<T: Cell>(&self, column: Column) -> &[T] {
        self.columns.get(column)
    }

    /// One cell, if `columns`, which its run filled, name the column.
    #[inline]
    pub(crate) fn cell<T: Cell>(
        &self,
        column: Column,
        row: usize,
        columns: ColumnSet,
    ) -> Option<T> {
        columns.has(column).then(|| self.column(column).get(row).copied()).flatten()
    }

    /// The cells of a column for the rows that the next [`SessionTable::commit`] adds, as many as
    /// still fit; none where its cells are of another type.
    #[inline]
    pub fn vacant_cells<T: Cell>(&mut self, column: Column) -> &mut [T] {
        self.columns.from_mut(column, self.rows)
    }

    /// Writes one cell of the row that the next [`SessionTable::commit`] adds.
    #[inline]
    pub fn put<T: Cell>(&mut self, column: Column, value: T) {
        self.columns.put(column, self.rows, value);
    }

    /// Writes cells of one type of the row that the next [`SessionTable::commit`] adds; none where
    /// one is of another type. It costs less than one [`SessionTable::put`] for each.
    #[inline(always)]
    pub fn put_all<T: Cell, const N: usize>(&mut self, columns: [Column; N], values: [T; N]) {
        self.columns.put_all(columns, self.rows, values);
    }

    /// Of these the `rows` from the one with the number `first` on, of the column in a place among
    /// those of the type: for kernels, which know that so many fit.
    #[inline]
    pub(crate) fn vacant_rows<T: Cell>(
        &mut self,
        place: Place,
        first: usize,
        rows: usize,
    ) -> &mut [T] {
        self.columns.rows_mut(place, self.rows + first, rows)
    }

    /// The vacant rows of all columns at once: for kernels that fill several together.
    #[inline]
    pub(crate) fn all_vacant(&mut self) -> Vacant<'_> {
        self.columns.vacant(self.rows)
    }

    /// The same, for columns of any type.
    pub fn vacant(&mut self, column: Column) -> Cells<'_> {
        match column.kind() {
            CellKind::U8 => Cells::U8(self.vacant_cells(column)),
            CellKind::U16 => Cells::U16(self.vacant_cells(column)),
            CellKind::U32 => Cells::U32(self.vacant_cells(column)),
            CellKind::U64 => Cells::U64(self.vacant_cells(column)),
            CellKind::V6 => Cells::V6(self.vacant_cells(column)),
            CellKind::Text => Cells::Text(self.vacant_cells(column)),
        }
    }

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
        self.columns.capacity() - self.rows
    }

    /// The runs, in the order of their rows; together they cover all rows.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.runs.iter().filter_map(|run| {
            let PackedRun { first_row, rows, columns, stamp } = *run;
            Some(Run { first_row, rows, columns, context: self.contexts.get(stamp)? })
        })
    }

    /// When the datagrams of the runs arrived, each with its rows.
    pub(crate) fn arrivals(&self) -> impl Iterator<Item = (UnixNanos, u64)> {
        self.runs.iter().map(|run| (run.stamp.received_at(), u64::from(run.rows)))
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
    #[inline]
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

    /// Forgets what is in these columns.
    pub(crate) fn forget(&mut self, columns: ColumnSet) {
        for run in &mut self.runs {
            run.columns = run.columns.without(columns);
        }
    }

    /// The texts of a column, to be changed.
    pub(crate) fn texts_mut(&mut self, column: Column) -> impl Iterator<Item = &mut Text> {
        let runs = self.runs.iter().filter(move |run| run.columns.has(column));
        let mut rows = runs.flat_map(|run| run.first_row..run.first_row + run.rows).peekable();
        let cells = self.columns.from_mut::<Text>(column, 0).iter_mut().zip(0_u32..);
        cells.filter_map(move |(cell, row)| rows.next_if_eq(&row).map(|_| cell))
    }

    /// All texts that the records name.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Text> {
        let is_text = |column: &&Column| column.kind() == CellKind::Text;
        let cells = self.runs.iter().flat_map(move |run| {
            let columns = Column::ALL.iter().filter(is_text);
            let columns = columns.filter(|column| run.columns.has(**column));
            let (first, rows) = (run.first_row as usize, run.rows as usize);
            columns.flat_map(move |column| {
                self.column::<Text>(*column).get(first..first + rows).unwrap_or_default()
            })
        });
        self.contexts.texts().chain(cells.copied())
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
