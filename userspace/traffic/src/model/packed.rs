//! Datagrams of binary formats whose records all have one length and stand behind a header that
//! counts them: NetFlow v5 and the userlog family.

use super::{DatagramInfo, Exporter, Model};
use crate::netflow_v5;
use crate::record::Record;
use crate::truth::{Moment, Origin, Truth};
use crate::userlog::{self, Kind};

/// How a format packs records.
struct Packing {
    header_bytes: usize,
    record_bytes: usize,
    records_max: usize,
}

/// What a packed datagram came to.
struct Packed {
    len: usize,
    records: usize,
    at_ns: u64,
}

impl Model {
    pub(super) fn flow_datagram(
        &mut self,
        line: usize,
        out: &mut [u8],
        mut truth: Option<&mut Vec<Truth>>,
    ) -> DatagramInfo {
        let packing = Packing {
            header_bytes: netflow_v5::HEADER_BYTES,
            record_bytes: netflow_v5::RECORD_BYTES,
            records_max: netflow_v5::RECORDS_MAX,
        };
        let (sequence, slot) = (self.lines[line].sequence, self.lines[line].slot);
        let domain = Some(u32::from(slot));
        let packed = self.pack(line, out, &packing, |exporter, moment, record, out| {
            let booted_ms = exporter.booted_ns / 1_000_000;
            let times = netflow_v5::Times::of(record, moment.number, moment.at_ns / 1_000_000);
            out.copy_from_slice(&netflow_v5::record(record, times, booted_ms));
            if let Some(truth) = truth.as_deref_mut() {
                let origin = Origin { observation_domain: domain, ..exporter.origin };
                truth.push(Truth::Session(netflow_v5::truth(origin, moment, record, times)));
            }
        });
        let line = &mut self.lines[line];
        let exporter = &self.exporters[line.exporter as usize];
        let header = netflow_v5::Header {
            count: packed.records as u16,
            booted_ms: exporter.booted_ns / 1_000_000,
            unix_ms: packed.at_ns / 1_000_000,
            sequence,
            engine_id: slot,
        };
        out[..netflow_v5::HEADER_BYTES].copy_from_slice(&netflow_v5::header(&header));
        line.sequence = line.sequence.wrapping_add(packed.records as u32);
        let origin = Origin { observation_domain: domain, ..exporter.origin };
        origin.datagram(Some(sequence), packed.len, packed.records, packed.at_ns)
    }

    pub(super) fn userlog_datagram(
        &mut self,
        kind: Kind,
        line: usize,
        out: &mut [u8],
        mut truth: Option<&mut Vec<Truth>>,
    ) -> DatagramInfo {
        let packing = Packing {
            header_bytes: userlog::HEADER_BYTES,
            record_bytes: userlog::RECORD_BYTES,
            records_max: userlog::RECORDS_MAX,
        };
        let location = userlog::location(kind, self.lines[line].slot);
        let packed = self.pack(line, out, &packing, |exporter, moment, record, out| {
            let operator = userlog::operator(record, moment.number);
            out.copy_from_slice(&userlog::record(kind, record, operator));
            if let Some(truth) = truth.as_deref_mut() {
                let origin = Origin { observation_domain: Some(location), ..exporter.origin };
                let session = userlog::truth(kind, origin, moment, record, operator);
                truth.push(Truth::Session(session));
            }
        });
        let line = &mut self.lines[line];
        let header = userlog::Header {
            count: packed.records as u16,
            unix_seconds: (packed.at_ns / super::NS_PER_SECOND) as u32,
            sequence: line.sequence,
            location,
        };
        out[..userlog::HEADER_BYTES].copy_from_slice(&userlog::header(kind, &header));
        line.sequence = line.sequence.wrapping_add(1);
        let origin = self.exporters[line.exporter as usize].origin;
        let origin = Origin { observation_domain: Some(location), ..origin };
        origin.datagram(Some(header.sequence), packed.len, packed.records, packed.at_ns)
    }

    /// Writes records with `each` behind the room for a header, until the datagram is full.
    fn pack(
        &mut self,
        line: usize,
        out: &mut [u8],
        packing: &Packing,
        mut each: impl FnMut(&Exporter, Moment, &Record<'_>, &mut [u8]),
    ) -> Packed {
        let line = &mut self.lines[line];
        let exporter = &mut self.exporters[line.exporter as usize];
        let records_max = packing.records_max.min(self.config.records_per_datagram_max);
        let mut packed = Packed { len: packing.header_bytes, records: 0, at_ns: 0 };
        while packed.records < records_max && packed.len + packing.record_bytes <= out.len() {
            packed.at_ns = self.clock.now_ns;
            let now = self.clock.seconds();
            let ground = (&mut exporter.pool, &mut exporter.blocks);
            let (number, event) =
                line.event(&self.world, ground, &mut self.random, &mut self.number, now);
            let moment = Moment { number, at_ns: packed.at_ns };
            each(exporter, moment, event.session(), &mut out[packed.len..][..packing.record_bytes]);
            packed.len += packing.record_bytes;
            packed.records += 1;
            self.clock.tick();
        }
        packed
    }
}
