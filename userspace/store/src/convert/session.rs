//! The family `session`.

use super::{
    cells::{Rows, debug_assert_rows, nonzero_ipv6},
    common,
    text::{self, Texts},
    times::{self, Bounds},
};
use crate::schema::{self, Family};
use arrow_array::{
    ArrayRef, RecordBatch,
    types::{UInt8Type, UInt16Type, UInt32Type, UInt64Type},
};
use arrow_schema::ArrowError;
use logweir_decode::{
    batch::{Batch, Run},
    session::{Column, Event},
};

/// The session records of these runs, in their order, as the columns of [`Family::Session`].
///
/// `runs` are runs of the batch's session table: all of them, or those of one hour.
///
/// # Errors
/// If a column's text is larger than an Arrow array can hold.
///
/// # Panics
/// If a run is not of this batch.
pub fn session(batch: &Batch, runs: &[Run]) -> Result<RecordBatch, ArrowError> {
    let rows = &Rows::new(runs);
    let table = &batch.session;
    let bounds = Bounds::new(rows, batch);
    let event_time = times::event_time(rows, batch, &bounds);
    let time_source = times::time_source(rows, &bounds)?;
    let mut columns = common::columns(rows, batch, event_time, time_source)?;
    columns.push(event(rows, batch)?);
    columns.push(rows.numbers::<UInt8Type>(Column::Protocol, table.protocol()));
    columns.extend(endpoints(rows, batch));
    columns.extend([
        rows.numbers::<UInt32Type>(Column::SrcVrf, table.src_vrf()),
        rows.numbers::<UInt32Type>(Column::DstVrf, table.dst_vrf()),
        text::text(rows, batch, Column::SrcZone, table.src_zone())?,
        text::text(rows, batch, Column::DstZone, table.dst_zone())?,
        rows.numbers::<UInt8Type>(Column::Direction, table.direction()),
        rows.numbers::<UInt8Type>(Column::Initiator, table.initiator()),
        times::bound(rows, bounds.start.as_ref()),
        times::bound(rows, bounds.end.as_ref()),
        times::duration_ms(rows, batch, &bounds),
        rows.numbers::<UInt64Type>(Column::SentPackets, table.sent_packets()),
        rows.numbers::<UInt64Type>(Column::SentBytes, table.sent_bytes()),
        rows.numbers::<UInt64Type>(Column::ReceivedPackets, table.received_packets()),
        rows.numbers::<UInt64Type>(Column::ReceivedBytes, table.received_bytes()),
        text::text(rows, batch, Column::Policy, table.policy())?,
        text::text(rows, batch, Column::User, table.user())?,
        text::text(rows, batch, Column::Application, table.application())?,
        text::text(rows, batch, Column::CloseReason, table.close_reason())?,
        text::distinct_text(rows, batch, Column::Url, table.url())?,
        text::extra(rows, batch, table.extra())?,
    ]);
    debug_assert_rows(rows, &columns);
    RecordBatch::try_new(Family::Session.batch_schema(), columns)
}

fn event(rows: &Rows<'_>, batch: &Batch) -> Result<ArrayRef, ArrowError> {
    if !rows.any.has(Column::Event) {
        return Ok(rows.nulls(&schema::dictionary()));
    }
    let mut names = Texts::new(rows.count);
    for span in &rows.spans {
        if !span.columns.has(Column::Event) {
            names.push_null(span.cells.len());
            continue;
        }
        for code in &batch.session.event()[span.cells.clone()] {
            names.push(Event::from_code(*code).map_or("", Event::name).as_bytes(), 1)?;
        }
    }
    Ok(names.finish())
}

/// Addresses and ports of the four ends, and the tunnel's.
///
/// For a source with an address of both families it is DS-Lite, as in [`logweir_decode::record`]:
/// the IPv4 address is the inside host's, the IPv6 one the tunnel's. For the other ends both are
/// kept as the device sent them.
fn endpoints(rows: &Rows<'_>, batch: &Batch) -> Vec<ArrayRef> {
    let table = &batch.session;
    let (src_v6, tunnel) = source_v6(rows, batch);
    vec![
        rows.nonzero::<UInt32Type>(Column::SrcV4, table.src_v4()),
        src_v6,
        rows.nonzero::<UInt16Type>(Column::SrcPort, table.src_port()),
        rows.nonzero::<UInt32Type>(Column::DstV4, table.dst_v4()),
        rows.ipv6(Column::DstV6, table.dst_v6()),
        rows.nonzero::<UInt16Type>(Column::DstPort, table.dst_port()),
        rows.nonzero::<UInt32Type>(Column::NatSrcV4, table.nat_src_v4()),
        rows.ipv6(Column::NatSrcV6, table.nat_src_v6()),
        rows.nonzero::<UInt16Type>(Column::NatSrcPort, table.nat_src_port()),
        rows.nonzero::<UInt32Type>(Column::NatDstV4, table.nat_dst_v4()),
        rows.ipv6(Column::NatDstV6, table.nat_dst_v6()),
        rows.nonzero::<UInt16Type>(Column::NatDstPort, table.nat_dst_port()),
        tunnel,
    ]
}

/// `src_addr_v6` and `tunnel_addr_v6`.
fn source_v6(rows: &Rows<'_>, batch: &Batch) -> (ArrayRef, ArrayRef) {
    let table = &batch.session;
    let none = || rows.nulls(&schema::ipv6());
    let v4 = rows.dense(Column::SrcV4, table.src_v4());
    match (rows.dense(Column::SrcV6, table.src_v6()), v4) {
        (None, _) => (none(), none()),
        (Some(v6), None) => (nonzero_ipv6(v6), none()),
        (Some(mut v6), Some(v4)) => {
            let mut tunnel = vec![[0; 16]; rows.count];
            for ((v6, tunnel), v4) in v6.iter_mut().zip(&mut tunnel).zip(v4) {
                if v4 != 0 {
                    std::mem::swap(v6, tunnel);
                }
            }
            (nonzero_ipv6(v6), nonzero_ipv6(tunnel))
        }
    }
}
