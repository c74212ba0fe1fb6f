//! Datagrams of text formats whose encoder is a [`Message`].

use super::{DatagramInfo, Model};
use crate::message::{Message, Stamp};
use crate::truth::{Moment, Truth};

impl Model {
    pub(super) fn messages<M: Message>(
        &mut self,
        line: usize,
        out: &mut [u8],
        mut truth: Option<&mut Vec<Truth>>,
    ) -> DatagramInfo {
        let line = &mut self.lines[line];
        let exporter = &mut self.exporters[line.exporter as usize];
        let lines = self.config.lines_per_datagram.min(self.config.records_per_datagram_max);
        let line_bytes_max = self.config.format.datagram_bytes_min();
        let (mut at, mut records, mut at_ns) = (0, 0, 0);
        while records == 0 || (records < lines && at + 1 + line_bytes_max <= out.len()) {
            if records > 0 {
                out[at] = b'\n';
                at += 1;
            }
            at_ns = self.clock.now_ns;
            let now = self.clock.seconds();
            let ground = (&mut exporter.pool, &mut exporter.blocks);
            let (number, event) =
                line.event(&self.world, ground, &mut self.random, &mut self.number, now);
            let style = M::draw(&mut self.random, &event);
            let stamp = Stamp { host: &exporter.host, unix_ms: at_ns / 1_000_000 };
            at += style.write(&mut out[at..], &stamp, &event);
            records += 1;
            if let Some(truth) = truth.as_deref_mut() {
                let moment = Moment { number, at_ns };
                truth.push(style.truth(exporter.origin, moment, &stamp, &event));
            }
            self.clock.tick();
        }
        exporter.origin.datagram(None, at, records, at_ns)
    }
}
