//! What the codes of event elements stand for: natEvent (230), whose numbering depends on who
//! exports, and firewallEvent (233).
//!
//! | event | IANA, RFC 8158 §4.3 | draft-02, Juniper MX | Cisco NEL, Huawei USG |
//! | --- | --- | --- | --- |
//! | session created / deleted | 4 / 5 (1 / 2 historic) | 1 / 2 | 1 / 2 |
//! | NAT64 session | 6 / 7 | 4 / 5 | – |
//! | NAT44 binding | 8 / 9 | 6 / 7 | – |
//! | NAT64 binding | 10 / 11 | 8 / 9 | – |
//! | ports exhausted, quota exceeded | 12, 13 | 10, 11 | – |
//! | address binding | 14 / 15 | 12 / 13 | – |
//! | port block | 16 / 17 | 14 / 15 | – |
//!
//! 3 (addresses exhausted), 12, 13, 18 (a threshold) and other codes are no events of a session.

use crate::{port_block::PortBlockEvent, session::Event, settings::NatEvents};

/// How the codes of a template are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codes {
    /// natEvent, by a numbering that is known.
    Nat(NatEvents),
    /// natEvent, nobody said by which numbering. Up to 9 all agree on what is created and what
    /// deleted. Above, IANA's is taken where the record shows that it fits.
    NatUnknown {
        /// Whether the records have IPv6 addresses, without which there is no NAT64.
        v6: bool,
    },
    /// firewallEvent, as in IANA's registry.
    Firewall,
    /// natEvent of a block of ports; see [`block_event`].
    Block,
}

impl Codes {
    /// The code of the [`Event`], 0 where there is none.
    pub const fn event(self, code: u8) -> u8 {
        use NatEvents::{Draft02, Huawei, Iana, Nel};
        let event = match (self, code) {
            (Codes::Block, _) => return 0,
            (Codes::Firewall, 3) => Event::Deny,
            (Codes::Firewall, 5) => Event::Update,
            (_, 1) => Event::Create,
            (_, 2) => Event::End,
            (Codes::Firewall | Codes::Nat(Huawei | Nel), _) => return 0,
            (_, 4 | 6 | 8) => Event::Create,
            (_, 5 | 7 | 9) => Event::End,
            (Codes::Nat(Draft02), 12) => Event::Create,
            (Codes::Nat(Draft02), 13) => Event::End,
            (Codes::Nat(Iana) | Codes::NatUnknown { v6: true }, 10) => Event::Create,
            (Codes::Nat(Iana) | Codes::NatUnknown { v6: true }, 11) => Event::End,
            (Codes::Nat(Iana) | Codes::NatUnknown { .. }, 14) => Event::Create,
            (Codes::Nat(Iana) | Codes::NatUnknown { .. }, 15) => Event::End,
            _ => return 0,
        };
        event as u8
    }

    /// The events of a session as a table.
    pub const fn table(self) -> &'static CodeTable {
        use NatEvents::{Draft02, Huawei, Iana, Nel};
        match self {
            Codes::Nat(Iana) => const { &CodeTable::of(Codes::Nat(Iana)) },
            Codes::Nat(Draft02) => const { &CodeTable::of(Codes::Nat(Draft02)) },
            Codes::Nat(Huawei) => const { &CodeTable::of(Codes::Nat(Huawei)) },
            Codes::Nat(Nel) => const { &CodeTable::of(Codes::Nat(Nel)) },
            Codes::NatUnknown { v6: false } => {
                const { &CodeTable::of(Codes::NatUnknown { v6: false }) }
            }
            Codes::NatUnknown { v6: true } => {
                const { &CodeTable::of(Codes::NatUnknown { v6: true }) }
            }
            Codes::Firewall => const { &CodeTable::of(Codes::Firewall) },
            // None of them is an event of a session.
            Codes::Block => const { &CodeTable { events: [0; 16], told: [0; 16] } },
        }
    }

    /// Whether the code itself is worth keeping: it stands for no event, or might stand for
    /// another one.
    pub const fn keeps(self, code: u8) -> bool {
        if matches!(self, Codes::Block) {
            return matches!(block_event(code), PortBlockEvent::Unknown);
        }
        let ambiguous = matches!(self, Codes::NatUnknown { .. }) && matches!(code, 4..=15);
        ambiguous || self.event(code) == 0
    }
}

/// What the codes that can be events stand for: those from [`CodeTable::LEN`] on are none.
#[derive(Debug, PartialEq)]
pub struct CodeTable {
    /// The code of the [`Event`] of each, 0 where there is none.
    pub events: [u8; CodeTable::LEN],
    /// 1 where the event tells the code, so that this need not be kept.
    pub told: [u8; CodeTable::LEN],
}

impl CodeTable {
    /// Codes in a table.
    pub const LEN: usize = 16;

    #[expect(clippy::indexing_slicing, reason = "worked out by the compiler")]
    const fn of(codes: Codes) -> CodeTable {
        let mut table = CodeTable { events: [0; Self::LEN], told: [0; Self::LEN] };
        let mut code = 0;
        while code < Self::LEN {
            table.events[code] = codes.event(code as u8);
            table.told[code] = !codes.keeps(code as u8) as u8;
            code += 1;
        }
        table
    }

    /// As [`Codes::event`].
    pub fn event(&self, code: u8) -> u8 {
        self.events.get(usize::from(code)).copied().unwrap_or(0)
    }

    /// As [`Codes::keeps`].
    pub fn keeps(&self, code: u8) -> bool {
        self.told.get(usize::from(code)) != Some(&1)
    }
}

/// What a natEvent code says of a block of ports. The numberings agree here: a record that has a
/// range of ports can mean nothing else.
pub const fn block_event(code: u8) -> PortBlockEvent {
    match code {
        1 | 14 | 16 => PortBlockEvent::Allocate,
        2 | 15 | 17 => PortBlockEvent::Release,
        _ => PortBlockEvent::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The event of each code from 0 to 19: `c` create, `e` end, `d` deny, `u` update.
    #[test]
    fn every_numbering_has_its_events() {
        for (codes, expected) in [
            (Codes::Nat(NatEvents::Iana), ".ce.cececece..ce...."),
            (Codes::Nat(NatEvents::Draft02), ".ce.cecece..ce......"),
            (Codes::Nat(NatEvents::Huawei), ".ce................."),
            (Codes::Nat(NatEvents::Nel), ".ce................."),
            (Codes::NatUnknown { v6: true }, ".ce.cececece..ce...."),
            (Codes::NatUnknown { v6: false }, ".ce.cecece....ce...."),
            (Codes::Firewall, ".ced.u.............."),
        ] {
            let events: String = (0..20)
                .map(|code| ['.', 'c', 'e', 'u', 'd'][usize::from(codes.event(code))])
                .collect();
            assert_eq!(events, expected, "{codes:?}");
        }
    }

    #[test]
    fn tables_say_the_same_of_every_code() {
        use NatEvents::{Draft02, Huawei, Iana, Nel};
        let numberings = [Iana, Draft02, Huawei, Nel].map(Codes::Nat);
        let unknown = [false, true].map(|v6| Codes::NatUnknown { v6 });
        for codes in numberings.into_iter().chain(unknown).chain([Codes::Firewall]) {
            let table = codes.table();
            for code in 0..=u8::MAX {
                let expected = (codes.event(code), codes.keeps(code));
                assert_eq!((table.event(code), table.keeps(code)), expected, "{codes:?} {code}");
            }
        }
    }

    #[test]
    fn codes_are_kept_where_they_say_more_than_the_event() {
        let unknown = Codes::NatUnknown { v6: false };
        assert!(!unknown.keeps(1) && unknown.keeps(4) && unknown.keeps(3));
        let known = Codes::Nat(NatEvents::Iana);
        assert!(!known.keeps(4) && known.keeps(12));
    }
}
