//! Columns of every level are what one number after the other comes to.

use super::*;
use crate::simd::strided::Grid;
use proptest::{array::uniform16, collection::vec, prelude::*};

/// All that [`Vectors`] do with the windows of some records, behind each other.
struct All<'a> {
    windows: Strided<'a, WINDOW>,
    pick: Pick,
    tables: [Table; 2],
    shift: u8,
}

type Made =
    (Vec<[u32; 4]>, Vec<[u8; 6]>, Vec<[u16; 3]>, Vec<[u64; 2]>, Vec<[u8; WINDOW]>, Vec<bool>);

fn column<T: Copy + Default>() -> Rows<T> {
    std::array::from_fn(|_| Cell::default())
}

impl Kernel for All<'_> {
    type Output = Made;

    fn run<V: Vectors>(self, vectors: V) -> Made {
        let mut made = Made::default();
        let All { windows, pick, tables: [table, all], shift } = self;
        for first in (0..windows.rows()).step_by(ROWS) {
            let rows = (windows.rows() - first).min(ROWS);
            let lanes = Lanes::default();
            let [a, b, c, d, ..] = lanes.all();
            vectors.transpose(&windows, first, &pick, [a, b, c, d]);
            let codes: [Rows<u8>; 6] = std::array::from_fn(|_| column());
            let ports: [Rows<u16>; 3] = std::array::from_fn(|_| column());
            let counters: [Rows<u64>; 2] = std::array::from_fn(|_| column());
            let addresses = column();
            let [e, f, g, h, i, j] = &codes;
            vectors.all_bytes(a, rows, [e, f, g, h]);
            vectors.bytes(b, shift, rows, i);
            vectors.bytes(b, shift, rows, j);
            made.5.push(vectors.look_up(&table, &all, rows, j));
            let [e, f, g] = &ports;
            vectors.both_ports(c, rows, e, f);
            vectors.ports(c, shift.min(2), rows, g);
            let [e, f] = &counters;
            vectors.widen(d, rows, e);
            vectors.join(c, d, rows, f);
            vectors.copy(&windows, first, &addresses);
            for row in 0..rows {
                made.0.push([a, b, c, d].map(|lane| lane[row].get()));
                made.1.push(codes.each_ref().map(|column| column[row].get()));
                made.2.push(ports.each_ref().map(|column| column[row].get()));
                made.3.push(counters.each_ref().map(|column| column[row].get()));
                made.4.push(addresses[row].get());
            }
        }
        made
    }
}

/// The same, without vectors.
fn expected(work: &All<'_>) -> Made {
    let mut made = Made::default();
    let All { windows, pick, tables: [table, all], shift } = work;
    let look_up = |table: &Table, code: u8| table.get(usize::from(code)).copied().unwrap_or(0);
    let mut told = Vec::new();
    for window in windows.iter() {
        let bytes = pick.map(|at| window.get(usize::from(at)).copied().unwrap_or(0));
        let numbers: [[u8; 4]; 4] =
            std::array::from_fn(|at| *bytes[4 * at..].first_chunk().unwrap());
        let [a, b, c, d] = numbers;
        let code = b[usize::from(*shift)];
        told.push(look_up(all, code) == 1);
        made.0.push(numbers.map(u32::from_le_bytes));
        made.1.push([a[0], a[1], a[2], a[3], code, look_up(table, code)]);
        let at = usize::from(*shift).min(2);
        let ports = [[c[0], c[1]], [c[2], c[3]], [c[at], c[at + 1]]];
        made.2.push(ports.map(u16::from_le_bytes));
        let [low, high] = [c, d].map(|number| u64::from(u32::from_le_bytes(number)));
        made.3.push([high, high << 32 | low]);
        made.4.push(window);
    }
    made.5 = told.chunks(ROWS).map(|told| told.iter().all(|told| *told)).collect();
    made
}

proptest! {
    #[test]
    fn vectors_make_what_single_numbers_come_to(
        body in vec(any::<u8>(), 0..4_000),
        small in any::<bool>(),
        stride in WINDOW..80,
        start in 0..64u16,
        pick in uniform16(prop_oneof![8 => 0..16u8, 1 => Just(NOTHING)]),
        table in uniform16(any::<u8>()),
        all in uniform16(prop_oneof![9 => Just(1), 1 => Just(0)]),
        shift in 0..4u8,
    ) {
        // Codes are small numbers, most of them.
        let body: Vec<u8> = body.iter().map(|byte| if small { byte % 16 } else { *byte }).collect();
        let grid = Grid::new(&body, stride);
        let windows = grid.strided(start.min((stride - WINDOW) as u16));
        let work = || All { windows, pick, tables: [table, all], shift };
        for level in Level::available() {
            if let Some(made) = level.vectorized(work()) {
                prop_assert_eq!(made, expected(&work()), "{}", level.name());
            }
        }
    }
}
