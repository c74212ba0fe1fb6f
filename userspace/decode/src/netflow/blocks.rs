//! Blocks of ports: records with element 361 (RFC 8158 §5.6, *NAT44 Port Block*).
//!
//! A block is given by its first (361) and last port (362), or by the first, the number of ports
//! (364) and the distance from one to the next (363), which is 1 where all ports from the first to
//! the last belong to the subscriber. All but the first port are kept in `extra` as well, where a
//! reader finds a distance other than 1.

use super::{
    execute::{Scene, move_all},
    nat_event::block_event,
    plan::{Block, Plan},
    records::{Records, number},
    tiles::Turner,
};
use crate::{
    batch::Batch,
    context::{Context, EventTime},
    port_block::{PortBlock, PortBlockEvent},
    record::{Time, inner_address},
    session::SessionRow,
};

/// Appends one record, and tells how many that were. The session table's next row is where its
/// columns are worked out.
pub fn append(
    plan: &Plan,
    block: &Block,
    record: &Records<'_, '_>,
    scene: &Scene<'_>,
    turner: &mut Turner,
    batch: &mut Batch,
) -> usize {
    let (columns, flags) = move_all(plan, record, scene, turner, batch);
    let row = batch.session.vacant_row(columns);
    let block = port_block(block, record, &row);
    let time = event_time(&row, block.event);
    let context = Context {
        format: plan.format,
        flags: scene.context.flags.with(flags),
        event_time: time.map_or(EventTime::Received, |time| EventTime::Own(time.unix_nanos)),
        ..*scene.context
    };
    usize::from(batch.port_block.push(&context, block))
}

/// When it happened: by the time of the event, else by that end of the time of use that it is.
fn event_time(row: &SessionRow, event: PortBlockEvent) -> Option<Time> {
    let start = Time::from_columns(row.start_s, row.start_ns);
    let end = Time::from_columns(row.end_s, row.end_ns);
    let bound = match event {
        PortBlockEvent::Allocate => start.or(end),
        _ => end.or(start),
    };
    Time::from_columns(row.event_s, row.event_ns).or(bound)
}

fn port_block(block: &Block, record: &Records<'_, '_>, row: &SessionRow) -> PortBlock {
    let value = |slot| number(record.first(slot));
    let first = value(block.start);
    // A last port below the first one is none.
    let last = block.end.map(value).filter(|last| *last >= first).or_else(|| {
        let step = block.step.map_or(1, value).max(1);
        Some(first + step * block.count.map(value)?.checked_sub(1)?)
    });
    let code = block.event.map_or(0, |slot| value(slot) as u8);
    PortBlock {
        event: block_event(code),
        private_addr: inner_address(row.src_v4, row.src_v6),
        public_addr: inner_address(row.nat_src_v4, row.nat_src_v6),
        port_first: u16::try_from(first).ok(),
        port_last: last.and_then(|last| u16::try_from(last).ok()),
        // 0 stands for all protocols (RFC 8158).
        protocol: row.protocol.filter(|protocol| *protocol != 0),
        src_vrf: row.src_vrf,
        extra: row.extra.unwrap_or_default(),
        ..PortBlock::default()
    }
}
