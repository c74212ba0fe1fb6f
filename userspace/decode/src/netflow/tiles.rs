//! Tiles: what of a plan's numbers can be moved by turning windows of the records round with vector
//! instructions ([`crate::simd::columns`]).
//!
//! A tile is a window of 16 bytes and up to four lanes of 32 bits. A number of up to 4 bytes that
//! fills a wide column has a lane of its own, one of 8 bytes has two; ports and codes share lanes,
//! and are taken apart when they are poured into their columns.

use super::{
    nat_event::CodeTable,
    numbers::{Form, Number},
    records::Records,
    template::Length,
    usg_tiles::{FillUsg, UsgTiles},
};
use crate::{
    cells::{Place, Vacant},
    session::SessionTable,
    simd::{
        Level,
        columns::{Kernel, Lanes, NOTHING, Pick, ROWS, Vectors, WINDOW},
    },
};

/// The instructions that tiles are turned with, and the memory that it takes.
#[derive(Debug)]
pub struct Turner {
    level: Level,
    lanes: Box<Lanes>,
}

impl Turner {
    /// With these instructions.
    pub fn new(level: Level) -> Self {
        Self { level, lanes: Box::default() }
    }
}

/// The tiles of a plan.
#[derive(Debug, Default)]
pub struct Tiles {
    tiles: Box<[Tile]>,
    /// Where the template is one of a Huawei USG, what does the same with less ado.
    usg: Option<UsgTiles>,
    /// How many numbers they move.
    pub numbers: usize,
}

#[derive(Debug)]
struct Tile {
    /// Where the window begins in a record.
    offset: u16,
    pick: Pick,
    /// The columns that lanes are as they are.
    columns: [Option<Place>; 4],
    sinks: Box<[Sink]>,
}

/// Where a lane, or a part of one, goes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sink {
    /// The column, among those of its type.
    place: Place,
    lane: u8,
    /// Bytes that stand below the number in its lane.
    shift: u8,
    pour: Pour,
}

/// What a column takes of its lane.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pour {
    Byte,
    /// A byte that is the code of an event.
    Event(&'static CodeTable),
    /// Two bytes.
    Port,
    /// The lane, as a port of this column and one of another, which is in the higher half.
    BothPorts(Place),
    /// The lane, as the lower half of a counter.
    Counter,
    /// The lane, and the next one as the higher half of the counter.
    LongCounter,
}

impl Tiles {
    /// Makes tiles of the numbers that can be moved so, which come to stand before all others.
    pub fn compile(numbers: &mut [Number], length: Length) -> Tiles {
        let Length::Fixed(record_len) = length else { return Tiles::default() };
        let Some(offset_max) = record_len.checked_sub(WINDOW as u16) else {
            return Tiles::default();
        };
        let fits_lanes = |number: &Number| number.form != Form::V6;
        numbers.sort_by_key(|number| (!fits_lanes(number), number.slot.offset));
        let tiled = numbers.partition_point(fits_lanes);
        let mut tiles: Vec<Draft> = Vec::new();
        for number in numbers.iter().take(tiled) {
            if tiles.last_mut().is_none_or(|tile| !tile.add(number)) {
                let mut tile = Draft::at(number.slot.offset.min(offset_max));
                tile.add(number);
                tiles.push(tile);
            }
        }
        let usg = UsgTiles::of(numbers, record_len);
        let numbers = if usg.is_some() { numbers.len() } else { tiled };
        Tiles { tiles: tiles.into_iter().map(Draft::finish).collect(), usg, numbers }
    }

    /// Heap bytes that they take.
    pub fn heap_bytes(&self) -> usize {
        let sinks = self.tiles.iter().map(|tile| size_of_val(&*tile.sinks));
        size_of_val(&*self.tiles) + sinks.sum::<usize>()
    }

    /// Fills the columns of the next rows, and tells whether the code of an event says more than
    /// the event. `None` where the processor has no instructions for it, or the table no room: rows
    /// are filled in groups, so that some behind the last one are written to, and looked up for as
    /// many as the lanes hold.
    #[inline]
    pub fn fill(
        &self,
        turner: &mut Turner,
        records: &Records<'_, '_>,
        table: &mut SessionTable,
    ) -> Option<bool> {
        if self.tiles.is_empty() || table.room() < records.rows().next_multiple_of(ROWS) {
            return None;
        }
        let Turner { level, lanes } = turner;
        match self.usg {
            Some(tiles) => level.vectorized(FillUsg { tiles, lanes, records, table })?,
            None => level.vectorized(Fill { tiles: &self.tiles, lanes, records, table }),
        }
    }
}

/// A tile that more fields may be added to.
struct Draft {
    offset: u16,
    pick: Pick,
    columns: [Option<Place>; 4],
    sinks: Vec<Sink>,
    /// Bytes of each lane that are taken.
    taken: [u8; 4],
}

impl Draft {
    fn at(offset: u16) -> Self {
        let pick = [NOTHING; WINDOW];
        Draft { offset, pick, columns: [None; 4], sinks: Vec::new(), taken: [0; 4] }
    }

    /// Adds a field; `false` where it is not in the window, or there is no lane left for it.
    fn add(&mut self, number: &Number) -> bool {
        let place = number.slot.offset.checked_sub(self.offset);
        let Some(place) = place.filter(|place| place + number.slot.len <= WINDOW as u16) else {
            return false;
        };
        let (width, pour) = match number.form {
            Form::U8 => (1, Some(Pour::Byte)),
            Form::Event(codes) => (1, Some(Pour::Event(codes))),
            Form::U16 => (2, Some(Pour::Port)),
            Form::U32 => (4, None),
            Form::U64 if number.slot.len <= 4 => (4, Some(Pour::Counter)),
            Form::U64 => (8, Some(Pour::LongCounter)),
            Form::V6 => return false,
        };
        let Some((lane, byte)) = self.room_for(width) else { return false };
        let first = lane * 4 + byte;
        let picked = self.pick.iter_mut().skip(first);
        // The last byte of a number on the wire is its lowest.
        for (pick, byte) in picked.zip((place..place + number.slot.len).rev()) {
            *pick = byte as u8;
        }
        for taken in self.taken.iter_mut().skip(lane).take(width.div_ceil(4)) {
            *taken += width.min(4) as u8;
        }
        match pour {
            Some(pour) => {
                let (lane, shift) = (lane as u8, byte as u8);
                self.sink(Sink { place: number.place, lane, shift, pour });
            }
            None => {
                let columns = self.columns.iter_mut().skip(lane).take(1);
                columns.for_each(|column| *column = Some(number.place));
            }
        }
        true
    }

    /// Adds a sink, or makes one of two ports that fill a lane.
    fn sink(&mut self, sink: Sink) {
        let low = self.sinks.iter_mut().find(|low| {
            let in_lane = (low.lane, low.shift, low.pour) == (sink.lane, 0, Pour::Port);
            in_lane && (sink.shift, sink.pour) == (2, Pour::Port)
        });
        match low {
            Some(low) => low.pour = Pour::BothPorts(sink.place),
            None => self.sinks.push(sink),
        }
    }

    /// Lane and byte from which on there is room.
    fn room_for(&self, width: usize) -> Option<(usize, usize)> {
        let free = |lane: &[u8]| lane.iter().all(|taken| *taken == 0);
        match width {
            8 => self.taken.windows(2).position(free).map(|lane| (lane, 0)),
            4 => self.taken.iter().position(|taken| *taken == 0).map(|lane| (lane, 0)),
            _ => {
                let fits = |taken: &u8| usize::from(*taken) + width <= 4;
                let begun = self.taken.iter().position(|taken| *taken > 0 && fits(taken));
                let lane = begun.or_else(|| self.taken.iter().position(fits))?;
                Some((lane, usize::from(*self.taken.get(lane)?)))
            }
        }
    }

    fn finish(self) -> Tile {
        let Draft { offset, pick, columns, sinks, .. } = self;
        Tile { offset, pick, columns, sinks: sinks.into_boxed_slice() }
    }
}

/// The work on all records of a set.
struct Fill<'a, 'r, 's> {
    tiles: &'a [Tile],
    lanes: &'a mut Lanes,
    records: &'a Records<'r, 's>,
    table: &'a mut SessionTable,
}

impl Kernel for Fill<'_, '_, '_> {
    type Output = bool;

    #[inline(always)]
    fn run<V: Vectors>(self, vectors: V) -> bool {
        let Fill { tiles, lanes, records, table } = self;
        let (vacant, mut kept) = (table.all_vacant(), false);
        for first in (0..records.rows()).step_by(ROWS) {
            let rows = (records.rows() - first).min(ROWS);
            for tile in tiles {
                let windows = records.window(tile.offset);
                let column = |place| vacant.u32s.rows(place, first);
                let [a, b, c, d, ..] = lanes.all();
                let [e, f, g, h] = tile.columns.map(|place| place.and_then(column));
                let targets = [e.unwrap_or(a), f.unwrap_or(b), g.unwrap_or(c), h.unwrap_or(d)];
                vectors.transpose(&windows, first, &tile.pick, targets);
                for sink in tile.sinks.iter() {
                    kept |= sink.pour(vectors, lanes, first, rows, &vacant).unwrap_or(false);
                }
            }
        }
        kept
    }
}

impl Sink {
    /// Fills so many rows of a column from row `first` of the vacant ones on, and tells whether a
    /// code of an event says more than the event; `None` where the column has not so many.
    #[inline(always)]
    fn pour<V: Vectors>(
        &self,
        vectors: V,
        lanes: &Lanes,
        first: usize,
        rows: usize,
        vacant: &Vacant<'_>,
    ) -> Option<bool> {
        let Sink { place, shift, .. } = *self;
        let lane = lanes.get(self.lane);
        match self.pour {
            Pour::Byte => vectors.bytes(lane, shift, rows, vacant.u8s.rows(place, first)?),
            Pour::Port => vectors.ports(lane, shift, rows, vacant.u16s.rows(place, first)?),
            Pour::BothPorts(high) => {
                let (low, high) = (vacant.u16s.rows(place, first)?, vacant.u16s.rows(high, first)?);
                vectors.both_ports(lane, rows, low, high);
            }
            Pour::Event(codes) => {
                let cells = vacant.u8s.rows(place, first)?;
                vectors.bytes(lane, shift, rows, cells);
                return Some(!vectors.look_up(&codes.events, &codes.told, rows, cells));
            }
            Pour::Counter => vectors.widen(lane, rows, vacant.u64s.rows(place, first)?),
            Pour::LongCounter => {
                let high = lanes.get(self.lane + 1);
                vectors.join(lane, high, rows, vacant.u64s.rows(place, first)?);
            }
        }
        Some(false)
    }
}
