//! The interface's counters beside the XDP program's, which cannot be read at the same moment.
//!
//! On veth the two count the same frames, but under traffic a reading of one is older than that of
//! the other, and veth counts a burst only after the program has seen all of it. Where the
//! interface is read first, it is *behind* by what has come meanwhile, never ahead: so of several
//! readings the one in which it is least behind is nearest to the truth, and exact as soon as one
//! of them met a moment without a frame. That holds at the start, when frames from before the
//! program are the difference, and at the end, when it must be the same difference.

use crate::nic::NicCounters;
use std::{thread, time::Duration};

/// Readings, at most.
const READINGS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// The interface's counters, and the frames that the program had seen directly after.
pub(super) type Reading = (NicCounters, u64);

/// What the interface has counted that the program never saw, when the program has just been
/// attached: what [`NicCounters::since`] is to take off.
pub(super) fn start(mut read: impl FnMut() -> Reading) -> NicCounters {
    let unseen = |(nic, seen): Reading| nic.rx_packets.wrapping_sub(seen).cast_signed();
    let mut best = read();
    for _ in 1..READINGS {
        thread::sleep(PAUSE);
        let next = read();
        // Nothing has come meanwhile, so neither is behind.
        let quiet = next == best;
        if unseen(next) >= unseen(best) {
            best = next;
        }
        if quiet {
            break;
        }
    }
    let (nic, _) = best;
    NicCounters { rx_packets: unseen(best).cast_unsigned(), ..nic }
}

/// The interface's counters since the start, at the end of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    nic: NicCounters,
    seen: u64,
}

impl Settled {
    /// Settles readings of what the interface has counted since the start.
    pub(super) fn end(mut read: impl FnMut() -> Reading) -> Self {
        let ahead = |(nic, seen): Reading| nic.rx_packets.wrapping_sub(seen).cast_signed();
        let mut best = read();
        for _ in 1..READINGS {
            if ahead(best) == 0 {
                break;
            }
            thread::sleep(PAUSE);
            let next = read();
            if ahead(next) >= ahead(best) {
                best = next;
            }
        }
        let (nic, seen) = best;
        Self { nic, seen }
    }

    /// The counters when the program had seen this many frames. It is detached after they were
    /// settled; what came between is taken as the program counted it, for the interface goes on.
    pub(super) fn carried_to(self, seen: u64) -> NicCounters {
        let later = seen.saturating_sub(self.seen);
        NicCounters { rx_packets: self.nic.rx_packets.wrapping_add(later), ..self.nic }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nic(rx_packets: u64) -> NicCounters {
        NicCounters { rx_packets, ..NicCounters::default() }
    }

    /// Readings in a row, the last one again and again.
    fn readings<const N: usize>(list: [Reading; N]) -> impl FnMut() -> Reading {
        let mut next = list.into_iter();
        let mut last = None;
        move || {
            last = next.next().or(last);
            last.expect("a reading")
        }
    }

    #[test]
    fn frames_from_before_the_program_are_taken_off() {
        // 700 of them. Twice the interface is behind, in traffic.
        let busy = [(nic(705), 9), (nic(720), 20), (nic(731), 40), (nic(741), 41)];
        let start = start(readings(busy));
        assert_eq!(nic(800).since(start).rx_packets, 100);
        assert_eq!(super::start(readings([(nic(700), 0)])).rx_packets, 700);
    }

    #[test]
    fn what_is_only_behind_is_not_missing() {
        let settled = Settled::end(readings([(nic(60), 64), (nic(90), 91), (nic(128), 128)]));
        assert_eq!(settled.carried_to(150), nic(150));
    }

    #[test]
    fn what_is_missing_stays_missing() {
        // Three frames that the interface counted and the program did not see.
        let settled = Settled::end(readings([(nic(63), 60), (nic(70), 80), (nic(103), 100)]));
        assert_eq!(settled.carried_to(150), nic(153));
        // And three the other way round, in a quiet moment.
        let settled = Settled::end(readings([(nic(97), 100)]));
        assert_eq!(settled.carried_to(100), nic(97));
    }
}
