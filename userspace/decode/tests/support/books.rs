//! A decoder whose books are checked after every datagram, for tests and fuzz targets: each
//! datagram ends with one outcome, what is rejected is kept with all its bytes, and a batch that
//! says that it has room has it.

use logweir_decode::{
    batch::{Batch, Capacity},
    context::Flags,
    decoder::{Datagram, Decoder, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    reason::Reason,
    settings::Settings,
};
use std::{net::IpAddr, sync::Arc};

/// A decoder with its batch and its books.
#[derive(Debug)]
pub struct Books {
    decoder: Decoder,
    /// The batch, with the records of what was decoded last.
    pub batch: Batch,
    datagrams: usize,
    settled: usize,
}

impl Books {
    /// A decoder of its own registry.
    pub fn new(limits: Limits, capacity: Capacity) -> Self {
        Self::with_settings(Arc::new(Settings::with_limits(limits)), capacity)
    }

    /// A decoder of its own registry, by these settings.
    pub fn with_settings(settings: Arc<Settings>, capacity: Capacity) -> Self {
        let decoder = Decoder::new(Arc::new(Registry::new(settings.limits)), settings);
        Self { decoder, batch: Batch::new(capacity), datagrams: 0, settled: 0 }
    }

    /// Decodes a datagram and checks what became of it.
    pub fn decode(&mut self, datagram: &Datagram<'_>) -> Outcome {
        self.batch.clear();
        assert!(self.batch.has_room_for(datagram.payload.len()), "a larger batch is needed");
        let waiting = self.decoder.waiting();
        let outcome = self.decoder.decode(datagram, &mut self.batch);
        self.datagrams += 1;
        self.settled += usize::from(outcome != Outcome::Waiting);
        let waits = usize::from(outcome == Outcome::Waiting);
        assert_eq!(self.decoder.waiting(), waiting + waits);
        self.check_batch(outcome);
        self.check_note(datagram.exporter, outcome, false);
        self.check_raw(datagram.payload, outcome);
        self.check_balance();
        outcome
    }

    /// Releases a datagram that waited, where there is one to release.
    pub fn release(&mut self, now: i64) -> Option<Outcome> {
        self.batch.clear();
        let waiting = self.decoder.waiting();
        let Some(outcome) = self.decoder.release(now, &mut self.batch) else {
            assert!(self.batch.is_empty(), "a datagram that goes on waiting leaves nothing");
            return None;
        };
        if outcome == Outcome::Waiting {
            assert_eq!(self.decoder.waiting(), waiting);
            self.check_note(self.noted_exporter(), outcome, true);
            return Some(outcome);
        }
        assert_eq!(self.decoder.waiting() + 1, waiting);
        self.settle(outcome);
        Some(outcome)
    }

    /// Ends the run: nothing waits any more, and every datagram has its outcome.
    pub fn close(mut self) {
        loop {
            self.batch.clear();
            let Some(outcome) = self.decoder.abandon(&mut self.batch) else { break };
            assert!(matches!(outcome, Outcome::Rejected(_)));
            self.settle(outcome);
        }
        assert_eq!(self.decoder.waiting(), 0);
        assert_eq!(self.settled, self.datagrams);
    }

    fn settle(&mut self, outcome: Outcome) {
        assert_ne!(outcome, Outcome::Waiting, "a datagram that is settled waits no more");
        self.settled += 1;
        self.check_batch(outcome);
        self.check_note(self.noted_exporter(), outcome, true);
        self.check_balance();
    }

    fn check_balance(&self) {
        assert_eq!(self.datagrams, self.settled + self.decoder.waiting());
    }

    fn check_batch(&self, outcome: Outcome) {
        match outcome {
            Outcome::Decoded => assert_eq!(self.batch.unparsed.rows(), 0),
            // The rejected part of a datagram that waited was handed out before.
            Outcome::Rejected(_) | Outcome::Waiting => {}
        }
        let rows: usize = self.batch.session.runs().map(|run| run.rows as usize).sum();
        assert_eq!(rows, self.batch.session.rows());
        let contexts = self.batch.session.runs().map(|run| run.context);
        let contexts = contexts.chain(self.batch.port_block.iter().map(|(context, _)| context));
        let contexts = contexts.chain(self.batch.im.iter().map(|(context, _)| context));
        let mut contexts = contexts.chain(self.batch.filter.iter().map(|(context, _)| context));
        // What options data told is left out where it is more than its share, but nothing for want of
        // room: in all inputs here a pair is shorter than this, or there is no options data.
        const PAIR_MAX: usize = 1024;
        let is_truncated = contexts.any(|context| context.flags.contains(Flags::EXTRA_TRUNCATED));
        assert!(!is_truncated || self.batch.text.room() > PAIR_MAX);
    }

    /// Whom the first note is of.
    fn noted_exporter(&self) -> IpAddr {
        self.batch.notes.iter().next().expect("a note").exporter
    }

    /// The batch holds one note: of the datagram, and of all records that it made.
    fn check_note(&self, exporter: IpAddr, outcome: Outcome, waited: bool) {
        let notes: Vec<_> = self.batch.notes.iter().collect();
        let [note] = &notes[..] else { panic!("{} notes", notes.len()) };
        assert_eq!((note.exporter, note.outcome, note.waited), (exporter, outcome, waited));
        assert_eq!(note.records as usize, self.batch.decoded_records());
        assert_eq!(note.unparsed as usize, self.batch.unparsed.rows());
        assert!(!waited || note.sequence.is_none());
    }

    /// Where a datagram was rejected: its raw bytes stand in it, in order; and where none of it
    /// was decoded, they are all of it.
    fn check_raw(&self, payload: &[u8], outcome: Outcome) {
        let raw = || self.batch.unparsed.iter().map(|(_, record)| self.batch.text(record.raw));
        let mut rest = payload;
        for raw in raw() {
            let at = find(rest, raw).expect("raw bytes stand in the payload, in order");
            rest = &rest[at + raw.len()..];
        }
        let Outcome::Rejected(reason) = outcome else { return };
        if reason == Reason::ImNotRecorded {
            return;
        }
        assert!(self.batch.unparsed.rows() > 0);
        // Instant-messenger logs are not kept.
        let upper = payload.to_ascii_uppercase();
        let words = ["IM", "QQ", "WECHAT", "WEIXIN", "ACCOUNT"];
        let has_im = words.iter().any(|word| find(&upper, word.as_bytes()).is_some());
        if is_whole(reason) {
            assert_eq!(raw().collect::<Vec<_>>(), [payload]);
        } else if is_line(reason) && self.batch.decoded_records() == 0 && !has_im {
            assert_eq!(
                without_padding(&raw().collect::<Vec<_>>().concat()),
                without_padding(payload)
            );
        }
    }
}

/// A datagram of one exporter.
pub fn datagram(exporter: u8, payload: &[u8]) -> Datagram<'_> {
    Datagram {
        payload,
        exporter: IpAddr::from([192, 0, 2, exporter]),
        exporter_port: 50_000,
        received_at: 1_700_000_000_000_000_000,
        format: logweir_decode::decoder::FormatHint::Auto,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Reasons to reject a datagram whole.
fn is_whole(reason: Reason) -> bool {
    use Reason::*;
    let framing = matches!(reason, HeaderTruncated | FlowsetLength | FlowsetReserved);
    let binary = matches!(reason, BinaryHeader | UnknownBinary);
    framing || binary || matches!(reason, Empty | UnknownFormat | UnsupportedVersion | Sflow)
}

/// Reasons to reject a line of text.
fn is_line(reason: Reason) -> bool {
    use Reason::*;
    let value = matches!(reason, SessionKeyMissing | SessionValue);
    let value = value || matches!(reason, CgnFields | CgnValue | CgnPort | FilterValue);
    value || matches!(reason, SyslogPriority | SyslogUnknown | TooManyLines)
}

/// White space and NULs between lines are not kept.
fn without_padding(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace() && *byte != 0).collect()
}
