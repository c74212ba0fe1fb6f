//! NetFlow v5: a header and up to 30 records of one layout (Cisco, *NetFlow Export Datagram
//! Format*, tables B-3 and B-4).
//!
//! ```text
//! 0  2 version 5     8  4 UTC seconds       20  1 engine type
//! 2  2 count        12  4 nanoseconds       21  1 engine ID
//! 4  4 uptime, ms   16  4 flow sequence     22  2 sampling: 2 bits mode, 14 bits interval
//! ```
//! The layout of a record is the list `FIELDS`, by the numbers that v9 gave to the same fields:
//! so the records are decoded by a plan, as those of a template are.

use super::{
    execute::{Scene, Tools, execute},
    message::word,
    plan::{Plan, Reading},
    template::TemplateRecord,
    times::Clock,
};
use crate::{
    batch::Batch,
    context::{Context, EventTime, Format},
    decoder::{Datagram, Outcome},
    note::Sequence,
    reason::Reason,
    simd::Level,
    unparsed::Unparsed,
};

const HEADER_LEN: usize = 24;
const RECORD_LEN: usize = 48;

/// Element and length of each field: source, target, next hop; interfaces; packets, bytes; first
/// and last uptime; ports; padding, TCP flags, protocol, type of service; systems, masks, padding.
#[rustfmt::skip]
const FIELDS: [(u16, u16); 20] = [
    (8, 4), (12, 4), (15, 4),
    (10, 2), (14, 2),
    (2, 4), (1, 4),
    (22, 4), (21, 4),
    (7, 2), (11, 2),
    (210, 1), (6, 1), (4, 1), (5, 1),
    (16, 2), (17, 2), (9, 1), (13, 1), (210, 2),
];

const SAMPLING_INTERVAL: u16 = 34;
const SAMPLING_ALGORITHM: u16 = 35;

/// Decodes NetFlow v5 datagrams.
#[derive(Debug)]
pub struct V5Decoder {
    /// `None` cannot be: the layout is one that compiles, as a test says.
    plan: Option<Plan>,
    tools: Tools,
}

impl V5Decoder {
    /// A decoder that uses these instructions.
    pub fn new(level: Level) -> Self {
        let mut definition = vec![1, 0, 0, FIELDS.len() as u8];
        let fields = FIELDS.iter().flat_map(|(element, len)| [*element, *len]);
        definition.extend(fields.flat_map(u16::to_be_bytes));
        let plan = TemplateRecord::read_v9(&definition).and_then(|(template, _)| {
            let plan = Plan::compile(&template, Reading::default(), FIELDS.len())?;
            Ok(Plan { format: Format::NetflowV5, ..plan })
        });
        Self { plan: plan.ok(), tools: Tools::new(level) }
    }

    /// Decodes a datagram. One that is too short for its records is rejected whole; what is behind
    /// them is kept as `unparsed`, unless it is zero.
    pub fn decode(
        &mut self,
        datagram: &Datagram<'_>,
        batch: &mut Batch,
    ) -> (Outcome, Option<Sequence>) {
        let reject = |reason, batch: &mut Batch| datagram.reject(reason, Format::NetflowV5, batch);
        let (Some((header, body)), Some(plan)) =
            (datagram.payload.split_at_checked(HEADER_LEN), &self.plan)
        else {
            return (reject(Reason::HeaderTruncated, batch), None);
        };
        let count = word(header, 0) & 0xffff;
        let engine = word(header, 20) >> 16;
        let mut sequence = Sequence {
            version: 5,
            domain: engine,
            number: word(header, 16),
            units: None,
            uptime_ms: Some(word(header, 4)),
            templates_only: false,
        };
        let Some((records, behind)) = body.split_at_checked(count as usize * RECORD_LEN) else {
            return (reject(Reason::RecordCount, batch), Some(sequence));
        };
        sequence.units = Some(count);
        let context = Context {
            observation_domain: Some(engine),
            sequence: Some(sequence.number),
            event_time: EventTime::Record,
            ..datagram.context(Format::NetflowV5)
        };
        let nanos = i64::from(word(header, 12));
        let clock = Clock {
            unix_ms: i64::from(word(header, 8)) * 1000 + nanos / 1_000_000,
            uptime_ms: sequence.uptime_ms,
        };
        let sampling = sampling(word(header, 20));
        let constants = sampling.as_ref().map_or(&[][..], |sampling| sampling);
        let scene = Scene { clock, context: &context, known: None, constants };
        execute(plan, records, &scene, &mut self.tools, batch);
        if behind.iter().all(|byte| *byte == 0) {
            return (Outcome::Decoded, Some(sequence));
        }
        if let Some(raw) = batch.text.push(behind) {
            batch.unparsed.push(&context, Unparsed { reason: Reason::RecordCount, raw });
        }
        (Outcome::Rejected(Reason::RecordCount), Some(sequence))
    }
}

/// What the header's last word says of sampling, where it says something.
fn sampling(word: u32) -> Option<[(u16, u64); 2]> {
    let (mode, interval) = (word >> 14 & 3, word & 0x3fff);
    let pairs = [(SAMPLING_INTERVAL, interval.into()), (SAMPLING_ALGORITHM, mode.into())];
    (interval != 0).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netflow::template::Length;

    #[test]
    fn the_layout_is_one_that_compiles() {
        let plan = V5Decoder::new(Level::PORTABLE).plan.unwrap();
        assert_eq!(plan.length, Length::Fixed(RECORD_LEN as u16));
    }
}
