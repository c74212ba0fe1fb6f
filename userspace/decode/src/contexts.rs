//! The contexts of a table, packed: what differs from one datagram to the next stands in a
//! [`Stamp`], and what an exporter's datagrams share stands once in a batch.

use crate::{
    context::{Context, EventTime, Flags, Format, UnixNanos},
    image::{self, ImageError, Pieces, Source},
    interned::Interned,
    text::Text,
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use zerocopy_derive::{FromBytes, Immutable, IntoBytes};

/// What a datagram does not share with the one before, and where the rest is.
#[derive(Clone, Copy, Debug, Default, IntoBytes, FromBytes, Immutable)]
#[repr(C)]
pub(crate) struct Stamp {
    received_at: UnixNanos,
    /// Meaningful where the context has a time of its own.
    event_time: UnixNanos,
    /// Meaningful where the context has a number.
    sequence: u32,
    shared: u32,
}

/// The rest of a context.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Shared {
    exporter: IpAddr,
    exporter_port: u16,
    event_time: EventTimeKind,
    has_sequence: bool,
    flags: Flags,
    observation_domain: Option<u32>,
    host: Text,
    #[serde(with = "image::format")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[repr(u8)]
enum EventTimeKind {
    Record,
    Own,
    Header,
    Received,
}

/// The contexts of one table. Nothing here allocates after [`Contexts::new`].
#[derive(Debug)]
pub(crate) struct Contexts {
    shared: Interned<Shared>,
}

impl Contexts {
    /// Room for this many contexts.
    pub fn new(capacity: usize) -> Self {
        Self { shared: Interned::new(capacity) }
    }

    /// Forgets all contexts.
    pub fn clear(&mut self) {
        self.shared.clear();
    }

    /// Packs a context; `None` when it does not fit.
    #[inline]
    pub fn pack(&mut self, context: &Context) -> Option<Stamp> {
        let (event_time, time) = match context.event_time {
            EventTime::Record => (EventTimeKind::Record, 0),
            EventTime::Own(time) => (EventTimeKind::Own, time),
            EventTime::Header(time) => (EventTimeKind::Header, time),
            EventTime::Received => (EventTimeKind::Received, 0),
        };
        let domain = context.observation_domain.unwrap_or(context.host.start());
        // An exporter's lines are not all of one kind: these must not drive each other out.
        let kind = u64::from(context.flags.bits()) << 4 ^ event_time as u64;
        let sender = sender_bits(context.exporter, context.exporter_port);
        let bits = sender ^ u64::from(domain) << 16 ^ kind << 40;
        let is = |shared: &Shared| {
            shared.exporter == context.exporter
                && shared.exporter_port == context.exporter_port
                && shared.event_time == event_time
                && shared.has_sequence == context.sequence.is_some()
                && shared.flags == context.flags
                && shared.observation_domain == context.observation_domain
                && shared.host == context.host
                && shared.format == context.format
        };
        let make = || Shared {
            exporter: context.exporter,
            exporter_port: context.exporter_port,
            event_time,
            has_sequence: context.sequence.is_some(),
            flags: context.flags,
            observation_domain: context.observation_domain,
            host: context.host,
            format: context.format,
        };
        Some(Stamp {
            received_at: context.received_at,
            event_time: time,
            sequence: context.sequence.unwrap_or(0),
            shared: self.shared.index_of(bits, is, make)?,
        })
    }

    /// The context that was packed into a stamp of this table; `None` for a stamp of another one.
    pub fn get(&self, stamp: Stamp) -> Option<Context> {
        let shared = self.shared.get(stamp.shared)?;
        Some(Context {
            exporter: shared.exporter,
            exporter_port: shared.exporter_port,
            format: shared.format,
            observation_domain: shared.observation_domain,
            sequence: shared.has_sequence.then_some(stamp.sequence),
            host: shared.host,
            received_at: stamp.received_at,
            event_time: match shared.event_time {
                EventTimeKind::Record => EventTime::Record,
                EventTimeKind::Own => EventTime::Own(stamp.event_time),
                EventTimeKind::Header => EventTime::Header(stamp.event_time),
                EventTimeKind::Received => EventTime::Received,
            },
            flags: shared.flags,
        })
    }
}

impl Contexts {
    /// All texts that the contexts name.
    pub fn texts(&self) -> impl Iterator<Item = Text> {
        self.shared.values().iter().map(|shared| shared.host)
    }

    /// Adds what stamps share to an image.
    pub fn image(&self, into: &mut Pieces<'_>) -> Result<(), ImageError> {
        into.pack_all(self.shared.values())
    }

    /// Reads it back into contexts that are empty.
    pub fn restore(&mut self, from: &mut Source<'_>) -> Result<(), ImageError> {
        from.unpack_all(|shared| self.shared.add(shared))
    }

    /// Whether a stamp was made by these contexts.
    pub fn has(&self, stamp: Stamp) -> bool {
        self.shared.get(stamp.shared).is_some()
    }
}

impl Stamp {
    /// When the datagram arrived.
    pub const fn received_at(&self) -> UnixNanos {
        self.received_at
    }
}

/// What tells senders apart most often.
#[inline]
pub(crate) fn sender_bits(address: IpAddr, port: u16) -> u64 {
    let address = match address {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            (bits >> 64) as u64 ^ bits as u64
        }
    };
    address ^ u64::from(port) << 48
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_comes_back_as_it_was() {
        let mut contexts = Contexts::new(8);
        let times = [EventTime::Record, EventTime::Own(-5), EventTime::Header(7)];
        let all: Vec<_> = times
            .into_iter()
            .chain([EventTime::Received])
            .zip([None, Some(0), Some(u32::MAX), None])
            .map(|(event_time, number)| Context {
                exporter: "2001:db8::1".parse().unwrap(),
                exporter_port: 9,
                format: Format::Declared("mine"),
                observation_domain: number,
                sequence: number,
                host: Text::EMPTY,
                received_at: i64::MIN,
                event_time,
                flags: Flags::EXTRA_TRUNCATED,
            })
            .collect();
        let stamps: Vec<_> = all.iter().map(|context| contexts.pack(context).unwrap()).collect();
        for (context, stamp) in all.iter().zip(stamps) {
            let got = contexts.get(stamp).unwrap();
            assert_eq!(format!("{got:?}"), format!("{context:?}"));
        }
    }
}
