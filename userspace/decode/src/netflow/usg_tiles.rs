//! The session log of a Huawei USG ([`super::huawei_usg`]) turned round with vector instructions:
//! what [`super::tiles`] does for any template, with the places of all fields known to the
//! compiler.
//!
//! All its numbers are aligned to 4 bytes, but for ports, of which two stand in such a word, and
//! codes, of which there are four.

use super::{
    nat_event::CodeTable,
    numbers::{Form, Number},
    plan::Slot,
    records::Records,
};
use crate::{
    cells::{Place, Vacant},
    session::{Column, SessionTable},
    simd::columns::{Kernel, Lanes, Pick, ROWS, Vectors},
};

/// Columns and the places of their fields, with their lengths: template 1315 has the first and the
/// last of these, template 1316 the addresses of IPv6 between them.
const HEAD: [(Column, u16, u16); 14] = [
    (Column::SrcV4, 0, 4),
    (Column::NatSrcV4, 4, 4),
    (Column::SrcPort, 8, 2),
    (Column::NatSrcPort, 10, 2),
    (Column::DstV4, 12, 4),
    (Column::NatDstV4, 16, 4),
    (Column::DstPort, 20, 2),
    (Column::NatDstPort, 22, 2),
    (Column::Protocol, 24, 1),
    (Column::Direction, 25, 1),
    (Column::Event, 26, 1),
    (Column::Initiator, 27, 1),
    (Column::SrcVrf, 28, 4),
    (Column::DstVrf, 32, 4),
];
const ADDRESSES: [(Column, u16, u16); 4] = [
    (Column::SrcV6, 36, 16),
    (Column::NatSrcV6, 52, 16),
    (Column::DstV6, 68, 16),
    (Column::NatDstV6, 84, 16),
];
const TAIL_LEN: u16 = 24;
/// By their offsets in the tail.
const TAIL: [(Column, u16, u16); 6] = [
    (Column::StartS, 0, 4),
    (Column::EndS, 4, 4),
    (Column::SentPackets, 8, 4),
    (Column::SentBytes, 12, 4),
    (Column::ReceivedPackets, 16, 4),
    (Column::ReceivedBytes, 20, 4),
];

/// Words in network byte order.
const WORDS: Pick = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

/// One of the two templates.
#[derive(Clone, Copy, Debug)]
pub struct UsgTiles {
    /// Bytes of a record without the addresses of IPv6, or with them.
    record_len: u16,
    codes: &'static CodeTable,
}

impl UsgTiles {
    /// The template that has just these numbers; `None` where it is not one of the two.
    pub fn of(numbers: &[Number], record_len: u16) -> Option<UsgTiles> {
        let addresses = match record_len {
            60 => [].as_slice(),
            124 => &ADDRESSES,
            _ => return None,
        };
        let tail = TAIL.iter().map(|&(column, at, len)| (column, record_len - TAIL_LEN + at, len));
        let fields = HEAD.iter().chain(addresses).copied().chain(tail);
        let mut codes = None;
        let mut is_there = |(column, offset, len): (Column, u16, u16)| {
            let number = numbers.iter().find(|number| number.slot.offset == offset);
            let Some(number) = number else { return false };
            let Slot { field, .. } = number.slot;
            let mut expected = Number::value(column, Slot { field, offset, len });
            if let (Column::Event, Form::Event(table)) = (column, number.form) {
                codes = Some(table);
                expected = expected.map(|expected| Number { form: number.form, ..expected });
            }
            expected == Some(*number)
        };
        let count = fields.clone().count();
        let are_there = fields.clone().all(&mut is_there) && numbers.len() == count;
        codes.filter(|_| are_there).map(|codes| UsgTiles { record_len, codes })
    }
}

/// The work on all records of a set.
pub struct FillUsg<'a, 'r, 's> {
    /// The template.
    pub tiles: UsgTiles,
    /// What is on its way to columns.
    pub lanes: &'a mut Lanes,
    /// The records.
    pub records: &'a Records<'r, 's>,
    /// Where they go: there is room for whole [`ROWS`].
    pub table: &'a mut SessionTable,
}

impl Kernel for FillUsg<'_, '_, '_> {
    type Output = Option<bool>;

    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) -> Option<bool> {
        let FillUsg { tiles, lanes, records, table } = self;
        let (vacant, mut kept) = (table.all_vacant(), false);
        for first in (0..records.rows()).step_by(ROWS) {
            kept |= tiles.fill(vectors, lanes, records, first, &vacant)?;
        }
        Some(kept)
    }
}

impl UsgTiles {
    /// Fills rows from `first` on, and tells whether a code of an event says more than the event.
    #[inline(always)]
    fn fill<V: Vectors>(
        &self,
        vectors: V,
        lanes: &Lanes,
        records: &Records<'_, '_>,
        first: usize,
        vacant: &Vacant<'_>,
    ) -> Option<bool> {
        use Column::*;
        let rows = (records.rows() - first).min(ROWS);
        let word = |column| vacant.u32s.rows(Place::of(column), first);
        let port = |column| vacant.u16s.rows(Place::of(column), first);
        let code = |column| vacant.u8s.rows(Place::of(column), first);
        let counter = |column| vacant.u64s.rows(Place::of(column), first);
        // What two fields share is taken apart behind it; `rest` is nothing.
        let [src_ports, dst_ports, codes, rest, counters @ ..] = lanes.all();
        let tail = self.record_len - TAIL_LEN;
        let (start, end) = (word(StartS)?, word(EndS)?);
        let windows = [
            (0, [word(SrcV4)?, word(NatSrcV4)?, src_ports, word(DstV4)?]),
            (16, [word(NatDstV4)?, dst_ports, codes, word(SrcVrf)?]),
            // Of template 1316 it has the first field only.
            (32, [word(DstVrf)?, start, end, rest]),
            (tail + 8, counters),
            (tail, [start, end, rest, rest]),
        ];
        let has_v6 = tail != 36;
        for (offset, columns) in windows.into_iter().take(if has_v6 { 5 } else { 4 }) {
            vectors.transpose(&records.window(offset), first, &WORDS, columns);
        }
        // In the order of the machine the second port is the lower one.
        vectors.both_ports(src_ports, rows, port(NatSrcPort)?, port(SrcPort)?);
        vectors.both_ports(dst_ports, rows, port(NatDstPort)?, port(DstPort)?);
        let event = code(Event)?;
        let cells = [code(Initiator)?, event, code(Direction)?, code(Protocol)?];
        vectors.all_bytes(codes, rows, cells);
        let told = vectors.look_up(&self.codes.events, &self.codes.told, rows, event);
        let columns = [SentPackets, SentBytes, ReceivedPackets, ReceivedBytes];
        for (lane, column) in counters.into_iter().zip(columns) {
            vectors.widen(lane, rows, counter(column)?);
        }
        if has_v6 {
            for (column, offset, _) in ADDRESSES {
                let cells = vacant.v6s.rows(Place::of(column), first)?;
                vectors.copy(&records.window(offset), first, cells);
            }
        }
        Some(!told)
    }
}
