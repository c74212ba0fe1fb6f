//! Moves of fields that are more than numbers: text, times, subscribers.

use super::{
    nokia,
    numbers::put,
    plan::{Move, Read, Slot},
    records::{Records, number, trimmed},
    times::{Clock, move_time, move_uptime},
};
use crate::{
    session::{Cells, Column, SessionTable},
    text::TextArena,
};
use std::net::IpAddr;

/// Fills a column of the next rows, or two where it takes two.
pub fn move_column(
    step: &Move,
    records: &Records<'_, '_>,
    clock: Clock,
    table: &mut SessionTable,
    text: &mut TextArena,
) {
    let (column, slot) = (step.column, step.slot);
    match step.read {
        Read::Text => {
            if let Cells::Text(cells) = table.vacant(column) {
                let texts = records.field(slot);
                put(cells, texts.map(|bytes| text.push(trimmed(bytes)).unwrap_or_default()));
            }
        }
        Read::Microseconds => {
            if let Cells::U64(cells) = table.vacant(column) {
                put(cells, records.field(slot).map(|bytes| number(bytes) / 1000));
            }
        }
        Read::Time(unit, rest) => move_time(unit, [column, rest], slot, records, clock, table),
        Read::Uptime(rest, started) => {
            move_uptime([column, rest], slot, started, records, clock, table);
        }
        Read::Subscriber => move_subscriber(slot, records, table, text),
    }
}

fn move_subscriber(
    slot: Slot,
    records: &Records<'_, '_>,
    table: &mut SessionTable,
    text: &mut TextArena,
) {
    let subscribers = records.field(slot).map(|bytes| nokia::subscriber(trimmed(bytes)));
    let addresses = subscribers.clone().map(|(_, address)| address);
    if let Cells::Text(cells) = table.vacant(Column::User) {
        put(cells, subscribers.map(|(name, _)| text.push(name).unwrap_or_default()));
    }
    if let Cells::U32(cells) = table.vacant(Column::SrcV4) {
        put(
            cells,
            addresses.clone().map(|address| match address {
                Some(IpAddr::V4(address)) => address.to_bits(),
                _ => 0,
            }),
        );
    }
    if let Cells::V6(cells) = table.vacant(Column::SrcV6) {
        put(
            cells,
            addresses.map(|address| match address {
                Some(IpAddr::V6(address)) => address.octets(),
                _ => [0; 16],
            }),
        );
    }
}
