//! One line of an exporter: a slot (CPU) and an address family, with the subscribers and live
//! sessions that are its own. It decides what happens next and says it as a [`Record`].

use super::blocks::Blocks;
use super::distributions::Weighted;
use super::pool::{Binding, Pool};
use super::services::{self, Volumes};
use super::sessions::{Live, Sessions, Translation};
use super::subscribers::Subscribers;
use crate::addresses;
use crate::names::{self, Charset, ZONE_OUTSIDE, ZONES};
use crate::netflow::Layout;
use crate::random::{Random, Share};
use crate::record::{Block, Details, Event, EventKind, Record};

/// Which names a line's records carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DetailLevel {
    Nothing,
    Zones,
    Everything,
}

/// What all lines share: shares and tables.
pub(crate) struct World {
    pub(crate) inbound: Share,
    /// Of the sessions that are not inbound.
    pub(crate) untranslated: Share,
    /// Of the sessions of a line of [`Layout::V6`].
    pub(crate) dslite: Share,
    pub(crate) application: Share,
    pub(crate) remotes: Weighted,
    pub(crate) detail_level: DetailLevel,
    pub(crate) charset: Charset,
    pub(crate) wanted: Wanted,
    /// How often an event is of a port block.
    pub(crate) blocks: Share,
    /// Whether blocks are reported while they are held.
    pub(crate) keepalives: bool,
}

/// Which session events a format reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    Creations,
    Ends,
}

impl Wanted {
    fn admits(self, event: EventKind) -> bool {
        match self {
            Self::All => true,
            Self::Creations => event == EventKind::Create,
            Self::Ends => event == EventKind::End,
        }
    }
}

/// A session event that the model decided on.
pub(crate) struct Happening {
    pub(crate) event: EventKind,
    pub(crate) session: Live,
    /// Epoch seconds.
    now: u32,
    volumes: Volumes,
    close_reason: &'static [u8],
}

/// See the module's description.
pub(crate) struct Line {
    pub(crate) exporter: u32,
    pub(crate) slot: u8,
    pub(crate) layout: Layout,
    pub(crate) subscribers: Subscribers,
    pub(crate) sessions: Sessions,
    /// The next datagram's number: of datagrams or of records before it, as the format counts.
    pub(crate) sequence: u32,
    /// Datagrams sent so far, in formats that count records.
    pub(crate) datagrams: u32,
}

impl Line {
    /// The next event: the end of a session that is due; else, when the table is full, the end of
    /// the one that is due next; else a new session.
    #[inline]
    pub(crate) fn next(
        &mut self,
        world: &World,
        pool: &mut Pool,
        random: &mut Random,
        number: &mut u64,
        now: u32,
    ) -> Happening {
        let ending = self
            .sessions
            .take_due(now)
            .or_else(|| if self.sessions.is_full() { self.sessions.take_next() } else { None });
        if let Some(session) = ending {
            return end(world, pool, random, session, now);
        }
        let session = self.create(world, pool, random, *number, now);
        *number += 1;
        Happening {
            event: EventKind::Create,
            session,
            now,
            volumes: Volumes::default(),
            close_reason: b"",
        }
    }

    /// The next event that the format reports, of a session or a block of ports, and its number.
    pub(crate) fn event(
        &mut self,
        world: &World,
        (pool, blocks): (&mut Pool, &mut Blocks),
        random: &mut Random,
        number: &mut u64,
        now: u32,
    ) -> (u64, Event<'_>) {
        if random.chance(world.blocks) {
            let subscriber = self.block_of_none(world, random, now);
            let block = blocks.next(subscriber, pool, random, world.keepalives);
            return (u64::from(block.session_id), Event::Block(block));
        }
        let happening = loop {
            let happening = self.next(world, pool, random, number, now);
            if world.wanted.admits(happening.event) {
                break happening;
            }
        };
        (happening.session.number, Event::Session(self.record(world, pool, &happening)))
    }

    /// What a block that is given now says of its subscriber: on an IPv6 line at times a DS-Lite
    /// home.
    fn block_of_none(&self, world: &World, random: &mut Random, now: u32) -> Block {
        let subscriber = self.subscribers.get(self.subscribers.draw(random));
        let (private_v4, private_v6) = if self.layout == Layout::V6 && random.chance(world.dslite) {
            (0, addresses::b4(subscriber.index))
        } else {
            (subscriber.address(), 0)
        };
        Block { private_v4, private_v6, vrf: subscriber.vrf, start: now, ..Block::default() }
    }

    fn create(
        &mut self,
        world: &World,
        pool: &mut Pool,
        random: &mut Random,
        number: u64,
        now: u32,
    ) -> Live {
        let rank = self.subscribers.draw(random);
        let remote = addresses::remote(world.remotes.draw(random));
        let translation = self.translation(world, random);
        let with_icmp = matches!(translation, Translation::Nat44 | Translation::Untranslated);
        let (index, service_port) = services::draw(random, with_icmp);
        let service = services::service(index);
        let host_port = self.subscribers.next_port(rank);
        let binding = if translation == Translation::Untranslated {
            Binding::default()
        } else {
            let preferred = self.subscribers.get(rank).pool_address;
            let taken = pool.take(preferred, service.protocol, random);
            taken.expect("the configuration has fewer live sessions than ports")
        };
        let bits = random.next_u64();
        let (inside_port, remote_port) = match translation {
            Translation::Inbound => (service_port, 1_024 + (bits as u16) % 64_512),
            _ => (host_port, service_port),
        };
        let session = Live {
            number,
            subscriber: rank,
            remote,
            start: now,
            inside_port,
            remote_port,
            binding,
            translation,
            service: index,
            policy: (bits >> 16) as u8,
            application_known: random.chance(world.application),
            ..Live::default()
        };
        self.sessions.insert(session, service.duration(random));
        session
    }

    fn translation(&self, world: &World, random: &mut Random) -> Translation {
        if self.layout == Layout::V6 {
            let dslite = random.chance(world.dslite);
            return if dslite { Translation::DsLite } else { Translation::Nat64 };
        }
        if random.chance(world.inbound) {
            Translation::Inbound
        } else if random.chance(world.untranslated) {
            Translation::Untranslated
        } else {
            Translation::Nat44
        }
    }

    /// The happening as the device has it.
    #[inline]
    pub(crate) fn record(&self, world: &World, pool: &Pool, happening: &Happening) -> Record<'_> {
        let session = &happening.session;
        let subscriber = self.subscribers.get(session.subscriber);
        let public = pool.public(session.binding);
        let outbound = Record {
            event: happening.event,
            protocol: services::service(session.service).protocol,
            direction: 1,
            initiator: 1,
            src_v4: subscriber.address(),
            dst_v4: session.remote,
            nat_src_v4: public,
            src_port: session.inside_port,
            dst_port: session.remote_port,
            nat_src_port: session.binding.port,
            src_vrf: subscriber.vrf,
            start: session.start,
            end: if happening.event == EventKind::End { happening.now } else { 0 },
            sent_packets: happening.volumes.sent_packets,
            sent_bytes: happening.volumes.sent_bytes,
            received_packets: happening.volumes.received_packets,
            received_bytes: happening.volumes.received_bytes,
            details: self.details(world, happening),
            ..Record::default()
        };
        match session.translation {
            Translation::Nat44 => outbound,
            Translation::Untranslated => Record { nat_src_v4: 0, nat_src_port: 0, ..outbound },
            Translation::Inbound => Record {
                direction: 0,
                initiator: 2,
                src_v4: session.remote,
                dst_v4: public,
                nat_src_v4: 0,
                nat_dst_v4: subscriber.address(),
                src_port: session.remote_port,
                dst_port: session.binding.port,
                nat_src_port: 0,
                nat_dst_port: session.inside_port,
                src_vrf: 0,
                dst_vrf: subscriber.vrf,
                ..outbound
            },
            Translation::Nat64 => Record {
                src_v4: 0,
                dst_v4: 0,
                nat_dst_v4: session.remote,
                nat_dst_port: session.remote_port,
                src_v6: addresses::inside_v6(subscriber.index),
                dst_v6: addresses::nat64(session.remote),
                ..outbound
            },
            Translation::DsLite => Record { src_v6: addresses::b4(subscriber.index), ..outbound },
        }
    }

    fn details(&self, world: &World, happening: &Happening) -> Details<'_> {
        if world.detail_level == DetailLevel::Nothing {
            return Details::default();
        }
        let session = &happening.session;
        let inside = self.subscribers.get(session.subscriber).zone();
        let (src_zone, dst_zone) = match session.translation {
            Translation::Inbound => (ZONE_OUTSIDE.as_bytes(), inside),
            Translation::Untranslated => (inside, ZONES[1].as_bytes()),
            _ => (inside, ZONE_OUTSIDE.as_bytes()),
        };
        let zones =
            Details { src_zone: Some(src_zone), dst_zone: Some(dst_zone), ..Details::default() };
        if world.detail_level == DetailLevel::Zones {
            return zones;
        }
        let application = services::service(session.service).application.as_bytes();
        Details {
            policy: Some(names::policy(session.policy, world.charset)),
            user: self.subscribers.user(session.subscriber),
            close_reason: (happening.event == EventKind::End).then_some(happening.close_reason),
            application: session.application_known.then_some(application),
            ..zones
        }
    }
}

#[inline]
fn end(world: &World, pool: &mut Pool, random: &mut Random, session: Live, now: u32) -> Happening {
    let service = services::service(session.service);
    if session.translation != Translation::Untranslated {
        pool.give_back(session.binding, service.protocol);
    }
    let volumes = service.volumes(random, now - session.start);
    let close_reason = match world.detail_level {
        DetailLevel::Everything => service.close_reason(random),
        _ => b"",
    };
    Happening { event: EventKind::End, session, now, volumes, close_reason }
}
