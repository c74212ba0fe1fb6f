//! Datagrams of NetFlow v9 and IPFIX with NAT events.

use super::{DatagramInfo, Model, NS_PER_SECOND};
use crate::ipfix;
use crate::netflow::Layout;
use crate::netflow_v9;
use crate::record::Event;
use crate::sets::Sets;
use crate::truth::{Moment, Origin, Truth};
use crate::writer::Writer;

/// No record of either format is longer.
const RECORD_BYTES_MAX: usize = 128;

/// What the sets of a datagram came to.
struct Filled {
    len: usize,
    records: usize,
    templates: usize,
    at_ns: u64,
}

impl Model {
    pub(super) fn v9_datagram(
        &mut self,
        line: usize,
        out: &mut [u8],
        mut truth: Option<&mut Vec<Truth>>,
    ) -> DatagramInfo {
        let origin = self.domain(line);
        let mut sets = Sets::new(out, netflow_v9::HEADER_BYTES);
        let templates = self.template_is_due(line);
        if templates {
            sets.templates(0, netflow_v9::TEMPLATES);
        }
        let filled = self.fill(line, sets, templates, |moment, event, out| {
            let template = netflow_v9::put(out, event, moment.at_ns / 1_000_000);
            if let Some(truth) = truth.as_deref_mut() {
                truth.push(netflow_v9::truth(origin, moment, event));
            }
            template
        });
        let line = &mut self.lines[line];
        let booted_ns = self.exporters[line.exporter as usize].booted_ns;
        let header = netflow_v9::Header {
            count: (filled.records + filled.templates * netflow_v9::TEMPLATES.len()) as u16,
            uptime_ms: ((filled.at_ns - booted_ns) / 1_000_000) as u32,
            unix_seconds: (filled.at_ns / NS_PER_SECOND) as u32,
            sequence: line.sequence,
            source_id: origin.observation_domain.unwrap_or_default(),
        };
        out[..netflow_v9::HEADER_BYTES].copy_from_slice(&netflow_v9::header(&header));
        line.sequence = line.sequence.wrapping_add(1);
        origin.datagram(Some(header.sequence), filled.len, filled.records, filled.at_ns)
    }

    pub(super) fn ipfix_datagram(
        &mut self,
        line: usize,
        out: &mut [u8],
        mut truth: Option<&mut Vec<Truth>>,
    ) -> DatagramInfo {
        let origin = self.domain(line);
        let mut sets = Sets::new(out, ipfix::HEADER_BYTES);
        let templates = self.template_is_due(line);
        if templates {
            sets.templates(2, ipfix::TEMPLATES);
        }
        let filled = self.fill(line, sets, templates, |moment, event, out| {
            let template = ipfix::put(out, event, moment);
            if let Some(truth) = truth.as_deref_mut() {
                truth.push(ipfix::truth(origin, moment, event));
            }
            template
        });
        let line = &mut self.lines[line];
        let header = ipfix::Header {
            length: filled.len as u16,
            unix_seconds: (filled.at_ns / NS_PER_SECOND) as u32,
            sequence: line.sequence,
            domain: origin.observation_domain.unwrap_or_default(),
        };
        out[..ipfix::HEADER_BYTES].copy_from_slice(&ipfix::header(&header));
        line.sequence = line.sequence.wrapping_add(filled.records as u32);
        origin.datagram(Some(header.sequence), filled.len, filled.records, filled.at_ns)
    }

    /// A line's exporter and domain: slots and address families have domains of their own.
    fn domain(&self, line: usize) -> Origin {
        let line = &self.lines[line];
        let family = if line.layout == Layout::V6 { 0x100 } else { 0 };
        let domain = Some(family | u32::from(line.slot));
        let exporter = &self.exporters[line.exporter as usize];
        Origin { observation_domain: domain, ..exporter.origin }
    }

    fn template_is_due(&mut self, line: usize) -> bool {
        let line = &mut self.lines[line];
        let is_due = line.datagrams.is_multiple_of(self.config.template_every);
        line.datagrams = line.datagrams.wrapping_add(1);
        is_due
    }

    /// Fills the sets with records that `put` writes; it says of which template each is.
    fn fill(
        &mut self,
        line: usize,
        mut sets: Sets<'_>,
        templates: bool,
        mut put: impl FnMut(Moment, &Event<'_>, &mut Writer<'_>) -> u16,
    ) -> Filled {
        let line = &mut self.lines[line];
        let exporter = &mut self.exporters[line.exporter as usize];
        let (mut records, mut at_ns) = (0, 0);
        while records < self.config.records_per_datagram_max && sets.has_room(RECORD_BYTES_MAX) {
            at_ns = self.clock.now_ns;
            let now = self.clock.seconds();
            let ground = (&mut exporter.pool, &mut exporter.blocks);
            let (number, event) =
                line.event(&self.world, ground, &mut self.random, &mut self.number, now);
            let mut buffer = [0; RECORD_BYTES_MAX];
            let mut record = Writer::new(&mut buffer);
            let template = put(Moment { number, at_ns }, &event, &mut record);
            let length = record.len();
            sets.record(template, &buffer[..length]);
            records += 1;
            self.clock.tick();
        }
        Filled { len: sets.finish(), records, templates: usize::from(templates), at_ns }
    }
}
