use super::*;
use crate::{drops::Dropped, handoff};
use logweir_decode::{batch::Capacity, limits::Limits};

/// Refuses until it was told what was dropped, or for too long.
#[derive(Default)]
struct Stuck {
    refused: u32,
    dropped: u64,
}

impl Stuck {
    const REFUSED_MAX: u32 = 100;
}

impl Sink for Stuck {
    fn take(&mut self, _: &Batch, _: UnixNanos) -> Taken {
        if self.dropped > 0 || self.refused == Self::REFUSED_MAX {
            return Taken::All;
        }
        self.refused += 1;
        Taken::Refused
    }

    fn take_drops(&mut self, drops: Vec<Drops>) {
        self.dropped += drops.iter().map(|drops| drops.datagrams).sum::<u64>();
    }

    fn tick(&mut self, _: UnixNanos) {}

    fn finish(&mut self, _: UnixNanos) -> Option<Histogram<u64>> {
        None
    }
}

#[test]
fn what_is_dropped_while_nothing_can_be_kept_is_told_meanwhile() {
    let capacity = Capacity { session_rows: 1, unparsed_rows: 1, text_bytes: 64 };
    let (mut outlets, inlet) = handoff::connect(&[1], capacity);
    let batch = outlets[0].take_empty().unwrap();
    let mut dropped = Dropped::default();
    dropped.add([192, 0, 2, 1].into(), 7);
    outlets[0].drops().leave_last(&mut dropped);
    let mut losses = Losses::default();
    let (mut sink, mut ledger) = (Stuck::default(), Ledger::new(&Limits::default()));
    let rounds = Counter::default();
    let mut writer = Writer {
        inlet: &inlet,
        sink: &mut sink,
        ledger: &mut ledger,
        losses: &mut losses,
        rounds: &rounds,
        patience: Patience::default(),
        told_at: 0,
    };
    writer.give(&batch);
    assert_eq!((sink.refused, sink.dropped), (1, 7));
}
