//! The live sessions of one line of an exporter, and a timing wheel of when each is to end.
//!
//! A wheel, because a heap costs sixteen cache misses an event at this size. One slot a second;
//! the sessions of a slot are chained through the table itself.

use super::pool::Binding;

/// Seconds that the wheel covers; no session is planned to last longer.
const SPAN: u32 = 8_192;
/// The longest planned duration in seconds.
pub(crate) const DURATION_MAX: u32 = SPAN - 2;
const NIL: u32 = u32::MAX;

/// How a session is translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Translation {
    /// From inside to the Internet, source translated.
    #[default]
    Nat44,
    /// From the Internet to a mapped port, destination translated.
    Inbound,
    /// Between inside networks.
    Untranslated,
    /// An IPv6 host to an IPv4 host.
    Nat64,
    /// An IPv4 host through an IPv6 tunnel.
    DsLite,
}

/// What stays the same from a session's creation to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Live {
    pub(crate) number: u64,
    /// Rank of the subscriber in its line.
    pub(crate) subscriber: u32,
    /// The other host's IPv4 address.
    pub(crate) remote: u32,
    /// Epoch seconds.
    pub(crate) start: u32,
    /// The next session of the same wheel slot, or of the free list; the table's business.
    pub(super) next: u32,
    pub(crate) inside_port: u16,
    pub(crate) remote_port: u16,
    pub(crate) binding: Binding,
    pub(crate) translation: Translation,
    /// Index of the service that it uses.
    pub(crate) service: u8,
    pub(crate) policy: u8,
    pub(crate) application_known: bool,
}

/// The table and the wheel.
pub(crate) struct Sessions {
    table: Vec<Live>,
    free: u32,
    live: usize,
    live_max: usize,
    /// First session of each slot, and a bit a slot that has any.
    slots: Vec<u32>,
    occupied: Vec<u64>,
    /// Epoch second that the wheel has come to: nothing is due before it.
    cursor: u32,
}

impl Sessions {
    pub(crate) fn new(live_max: usize, now: u32) -> Self {
        Self {
            table: Vec::with_capacity(live_max),
            free: NIL,
            live: 0,
            live_max,
            slots: vec![NIL; SPAN as usize],
            occupied: vec![0; SPAN as usize / 64],
            cursor: now,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.live == self.live_max
    }

    /// Plans `session` to end `duration` seconds after `session.start`, which is now: `take_due`
    /// has answered `None` for this second.
    pub(crate) fn insert(&mut self, mut session: Live, duration: u32) {
        debug_assert!(session.start == self.cursor && !self.is_full());
        let slot = session.start.wrapping_add(duration.min(DURATION_MAX)) % SPAN;
        session.next = self.slots[slot as usize];
        let index = if self.free == NIL {
            self.table.push(session);
            self.table.len() as u32 - 1
        } else {
            let index = self.free;
            self.free = self.table[index as usize].next;
            self.table[index as usize] = session;
            index
        };
        self.slots[slot as usize] = index;
        self.occupied[slot as usize / 64] |= 1 << (slot % 64);
        self.live += 1;
    }

    /// A session that is due at `now` or before.
    #[inline]
    pub(crate) fn take_due(&mut self, now: u32) -> Option<Live> {
        if self.slots[(self.cursor % SPAN) as usize] == NIL {
            if self.cursor == now {
                return None;
            }
            let ahead = self.seconds_to_next();
            let step = ahead.min(now - self.cursor);
            self.cursor += step;
            if step < ahead {
                return None;
            }
        }
        Some(self.pop(self.cursor % SPAN))
    }

    /// The session that is due next, whenever that is.
    pub(crate) fn take_next(&mut self) -> Option<Live> {
        let ahead = self.seconds_to_next();
        (ahead != NIL).then(|| self.pop((self.cursor.wrapping_add(ahead)) % SPAN))
    }

    /// Seconds from the cursor to the next slot that is not empty; `NIL` when all are.
    fn seconds_to_next(&self) -> u32 {
        let first = self.cursor % SPAN;
        let words = self.occupied.len();
        let (start, bit) = (first as usize / 64, first % 64);
        // The first word comes again at the end, for its bits below `bit`.
        for step in 0..=words {
            let word = (start + step) % words;
            let mask = match step {
                0 => u64::MAX << bit,
                _ => u64::MAX,
            };
            let set = self.occupied[word] & mask;
            if set != 0 {
                let slot = word as u32 * 64 + set.trailing_zeros();
                return slot.wrapping_sub(first) % SPAN;
            }
        }
        NIL
    }

    fn pop(&mut self, slot: u32) -> Live {
        let index = self.slots[slot as usize];
        let session = self.table[index as usize];
        self.slots[slot as usize] = session.next;
        if session.next == NIL {
            self.occupied[slot as usize / 64] &= !(1 << (slot % 64));
        }
        self.table[index as usize].next = self.free;
        self.free = index;
        self.live -= 1;
        session
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn session(number: u64, start: u32) -> Live {
        Live { number, start, ..Live::default() }
    }

    proptest! {
        /// Against a sorted map: what is due comes, nothing comes early, nothing is lost.
        #[test]
        fn wheel_agrees_with_a_sorted_map(
            steps in prop::collection::vec((0u32..9_000, 0u32..10_000, any::<bool>()), 1..200),
        ) {
            let mut now = 4_000_000_000u32;
            let mut sessions = Sessions::new(64, now);
            let mut model: BTreeMap<u64, u32> = BTreeMap::new();
            for (number, (gap, duration, early)) in (0u64..).zip(steps) {
                now += gap;
                while let Some(ended) = sessions.take_due(now) {
                    let due = model.remove(&ended.number).expect("it was live");
                    prop_assert!(due <= now);
                    prop_assert!(model.values().all(|&other| other >= due));
                }
                prop_assert!(model.values().all(|&due| due > now));
                if early || sessions.is_full() {
                    let next = sessions.take_next();
                    prop_assert_eq!(next.is_some(), !model.is_empty());
                    if let Some(ended) = next {
                        let due = model.remove(&ended.number).expect("it was live");
                        prop_assert!(model.values().all(|&other| other >= due));
                    }
                }
                sessions.insert(session(number, now), duration);
                model.insert(number, now + duration.min(DURATION_MAX));
            }
        }
    }
}
