//! The numbers of one exporter's datagrams: whatever they are, what is called missing only grows
//! while nothing restarts, and never is more than the numbers have room for. A datagram is flags, the
//! seconds that pass, four bytes of number and two of units.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logweir_decode::{note::Sequence, sequence::Tracker};

fuzz_target!(|input: &[u8]| {
    let mut tracker = Tracker::default();
    let mut now = 1_700_000_000_000_000_000;
    let mut taken = 0;
    for &[flags, passed, n0, n1, n2, n3, u0, u1] in input.as_chunks().0 {
        now += i64::from(passed) * 1_000_000_000;
        let number = u32::from_be_bytes([n0, n1, n2, n3]);
        let sequence = Sequence {
            version: 9 + u16::from(flags & 1),
            domain: 0,
            number,
            units: (flags & 2 == 0).then_some(u32::from(u16::from_be_bytes([u0, u1]))),
            uptime_ms: (flags & 4 != 0).then_some(number),
            templates_only: flags & 8 != 0,
        };
        tracker.take(&sequence, now);
        taken += 1;
        let found = tracker.found();
        assert!(found.restarts <= taken, "a datagram begins one epoch at the most");
        assert!(found.missing <= (found.restarts + 2) << 32, "an epoch goes round once: {found:?}");
    }
});
