//! The balance: every datagram and record in exactly one place, from the interface to the files.
//!
//! Each stage's equation must come out even. What does not is *unaccounted*, and is printed.

mod table;

use crate::{
    counters::{Counter, WorkerCounters},
    latency::Latency,
    ledger::ExporterReport,
    nic::NicCounters,
};
use logweir_abi::{Counter as XdpCounter, Fate};
use logweir_store::schema::Family;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap};

/// Counters that are not zero, by name.
pub type Named = BTreeMap<Cow<'static, str>, u64>;

/// The whole table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Balance {
    /// The interface's own counters, where one was named.
    pub nic: Option<NicCounters>,
    /// The XDP program's, where it was attached.
    pub xdp: Option<XdpBalance>,
    /// The AF_XDP sockets'.
    pub ring: Option<RingBalance>,
    /// The UDP sockets'.
    pub socket: Option<SocketBalance>,
    /// Datagrams through the decoders.
    pub datagrams: DatagramBalance,
    /// Records to the store.
    pub records: RecordBalance,
    /// The ledger, exporter by exporter; at the end only.
    pub exporters: Option<Vec<ExporterReport>>,
    /// From arrival to decoded, a datagram; at the end only.
    pub arrival_to_decoded: Option<Latency>,
    /// From arrival to stored, a record; at the end only, and where records are stored.
    pub arrival_to_stored: Option<Latency>,
    /// What the equations leave over.
    pub unaccounted: Unaccounted,
}

/// Frames that the XDP program saw.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct XdpBalance {
    /// `native` or `generic`.
    pub mode: Cow<'static, str>,
    /// All frames.
    pub seen: u64,
    /// Frames redirected into an AF_XDP socket.
    pub redirected: u64,
    /// Frames left to the kernel's stack, by reason.
    pub passed: Named,
    /// Frames dropped, by reason.
    pub dropped: Named,
    /// Whether the interface counts the same frames as the program does, so that the two must
    /// agree. So it is on veth; elsewhere it is the driver's choice.
    pub nic_counts_same_frames: bool,
}

/// Frames at the AF_XDP sockets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RingBalance {
    /// `zero-copy` or `copy`.
    pub mode: Cow<'static, str>,
    /// Datagrams taken from the RX rings.
    pub received: u64,
    /// Frames lost because a RX ring was full (`rx_ring_full`).
    pub rx_ring_full: u64,
    /// Frames lost for want of a free frame or because they were too long (`rx_dropped`).
    pub rx_dropped: u64,
    /// Frames taken from the ring that were no readable datagram.
    pub unreadable: u64,
}

/// Datagrams at the UDP sockets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SocketBalance {
    /// Datagrams received from exporters that may send.
    pub received: u64,
    /// Datagrams from senders that are not on the allow-list.
    pub not_allowed: u64,
    /// Datagrams that the kernel dropped at the socket (`SO_RXQ_OVFL`).
    pub dropped: u64,
}

/// Datagrams through the decoders.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DatagramBalance {
    /// From all sources.
    pub received: u64,
    /// Bytes of payload.
    pub received_bytes: u64,
    /// All of it decoded.
    pub decoded: u64,
    /// Something of it rejected, by reason.
    pub rejected: Named,
    /// Dropped because no empty batch was left: the writer was too slow.
    pub dropped_no_batch: u64,
    /// Waiting for a template.
    pub waiting: u64,
    /// Those of them that are in no ledger, because the writer was gone.
    pub unnoted: u64,
}

/// Records from the decoders to the store.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RecordBalance {
    /// Decoded records of the family `session`.
    pub session: u64,
    /// Decoded records of the family `port_block`.
    pub port_block: u64,
    /// Decoded records of the family `im`.
    pub im: u64,
    /// Decoded records of the family `filter`.
    pub filter: u64,
    /// Records of the family `unparsed`.
    pub unparsed: u64,
    /// Lost because the writer was gone.
    pub dropped_no_writer: u64,
    /// Synced to the journal, or printed.
    pub stored: u64,
    /// Of the stored ones, those in sealed parts; at the end only, and where there are parts.
    pub sealed: Option<u64>,
    /// Records that an earlier process had journaled, in sealed parts; at the end only.
    pub recovered: u64,
    /// Lost because a file could not be written.
    pub failed: u64,
    /// Counted and thrown away, as was asked for.
    pub discarded: u64,
    /// Decoded and in memory, or written and not synced yet.
    pub pending: u64,
}

/// What each equation leaves over; negative where more came out than went in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unaccounted {
    /// Interface: received − seen by the XDP program.
    pub nic: i64,
    /// Rings: redirected − received − dropped.
    pub ring: i64,
    /// Sources: received − through the decoders.
    pub source: i64,
    /// Decoders: received − decoded − rejected − dropped − waiting.
    pub datagrams: i64,
    /// Ledger: received − dropped − unnoted − the datagrams of all exporters.
    pub exporters: i64,
    /// Store: records decoded − stored − failed − discarded − dropped.
    pub records: i64,
    /// Parts: stored − sealed, where all of the journal was sealed.
    pub sealed: i64,
    /// The sum of their absolute values.
    pub total: u64,
}

impl RecordBalance {
    /// The records of a family.
    pub const fn of(&self, family: Family) -> u64 {
        match family {
            Family::Session => self.session,
            Family::PortBlock => self.port_block,
            Family::Im => self.im,
            Family::Filter => self.filter,
            Family::Unparsed => self.unparsed,
        }
    }

    const fn of_mut(&mut self, family: Family) -> &mut u64 {
        match family {
            Family::Session => &mut self.session,
            Family::PortBlock => &mut self.port_block,
            Family::Im => &mut self.im,
            Family::Filter => &mut self.filter,
            Family::Unparsed => &mut self.unparsed,
        }
    }

    /// The records of all families.
    pub fn decoded(&self) -> u64 {
        Family::ALL.into_iter().map(|family| self.of(family)).sum()
    }

    /// The families that have records, and `session` in any case.
    pub fn families(&self) -> impl Iterator<Item = (Family, u64)> {
        let counts = Family::ALL.map(|family| (family, self.of(family)));
        counts.into_iter().filter(|(family, count)| *family == Family::Session || *count > 0)
    }

    /// Counts everything that is not stored as lost: the writer is gone with it.
    pub fn lose_unstored(&mut self) {
        self.pending = 0;
        self.dropped_no_writer = self.decoded().saturating_sub(self.settled());
    }

    /// Records of which the writer knows how they ended.
    pub const fn settled(&self) -> u64 {
        self.stored + self.failed + self.discarded
    }
}

impl XdpBalance {
    /// The table's part of the program's counters.
    pub fn new(mode: &'static str, counters: impl Iterator<Item = (XdpCounter, u64)>) -> Self {
        let mut balance = Self { mode: mode.into(), ..Self::default() };
        for (counter, count) in counters {
            balance.seen += count;
            let by_reason = match counter.fate() {
                Fate::Redirect => {
                    balance.redirected = count;
                    continue;
                }
                Fate::Pass => &mut balance.passed,
                Fate::Drop => &mut balance.dropped,
            };
            if count > 0 {
                by_reason.insert(counter.name().into(), count);
            }
        }
        balance
    }
}

impl Balance {
    /// Adds a worker's counters.
    pub fn add_worker(&mut self, counters: &WorkerCounters) {
        let datagrams = &mut self.datagrams;
        datagrams.received += counters.received.get();
        datagrams.received_bytes += counters.received_bytes.get();
        datagrams.decoded += counters.decoded.get();
        for (reason, counter) in counters.rejected.iter() {
            add_named(&mut datagrams.rejected, reason.name(), counter);
        }
        datagrams.dropped_no_batch += counters.dropped_no_batch.get();
        datagrams.waiting += counters.waiting.get();
        datagrams.unnoted += counters.unnoted.get();
        for (family, counter) in Family::ALL.into_iter().zip(&counters.records) {
            *self.records.of_mut(family) += counter.get();
        }
        self.records.dropped_no_writer += counters.dropped_no_writer.get();
    }

    /// Works out what is left over.
    pub fn close(&mut self) {
        let seen = self.xdp.as_ref().map_or(0, |xdp| xdp.seen);
        let nic = match (&self.nic, &self.xdp) {
            (Some(nic), Some(xdp)) if xdp.nic_counts_same_frames => {
                difference(nic.rx_packets, seen)
            }
            _ => 0,
        };
        let redirected = self.xdp.as_ref().map_or(0, |xdp| xdp.redirected);
        let ring = self.ring.as_ref().map_or(0, |ring| {
            let out = ring.received + ring.rx_ring_full + ring.rx_dropped + ring.unreadable;
            difference(redirected, out)
        });
        let datagrams = &self.datagrams;
        let sources = [
            self.ring.as_ref().map(|ring| ring.received),
            self.socket.as_ref().map(|socket| socket.received),
        ];
        let source = match sources {
            [None, None] => 0,
            _ => difference(sources.into_iter().flatten().sum(), datagrams.received),
        };
        let settled = datagrams.decoded
            + datagrams.rejected.values().sum::<u64>()
            + datagrams.dropped_no_batch
            + datagrams.waiting;
        let records = &self.records;
        let kept = records.settled() + records.dropped_no_writer + records.pending;
        let exporters = self.exporters.as_ref().map_or(0, |exporters| {
            let told: u64 = exporters
                .iter()
                .map(|exporter| exporter.datagrams + exporter.dropped_no_batch)
                .sum();
            difference(datagrams.received, datagrams.unnoted + told)
        });
        let parts = [
            nic,
            ring,
            source,
            difference(datagrams.received, settled),
            exporters,
            difference(records.decoded(), kept),
            records.sealed.map_or(0, |sealed| difference(records.stored, sealed)),
        ];
        let [nic, ring, source, datagrams, exporters, records, sealed] = parts;
        let total = parts.iter().map(|part| part.unsigned_abs()).sum();
        self.unaccounted =
            Unaccounted { nic, ring, source, datagrams, exporters, records, sealed, total };
    }

    /// Takes in what the sealer has done, once it has sealed all that it was given: then each stored
    /// record is in a part.
    pub fn sealed(&mut self, sealed: u64, recovered: u64) {
        self.records.sealed = Some(sealed);
        self.records.recovered = recovered;
        self.close();
    }

    /// Packets that the interface lost before the XDP program could see them, at the least. What is
    /// counted as dropped there may also be what the program left to a stack that does not know its
    /// protocol, and with some drivers what found no room in a ring.
    pub fn nic_dropped(&self) -> u64 {
        let Some(nic) = &self.nic else { return 0 };
        let unknown_protocols = self
            .xdp
            .as_ref()
            .map_or(0, |xdp| xdp.passed.get(XdpCounter::NotIp.name()).copied().unwrap_or(0));
        let of_rings = self.ring.as_ref().map_or(0, |ring| ring.rx_ring_full + ring.rx_dropped);
        let others = nic.rx_dropped.saturating_sub(nic.rx_missed);
        nic.rx_missed + nic.rx_fifo_errors + others.saturating_sub(unknown_protocols + of_rings)
    }

    /// Datagrams and frames that are known to be lost, by place; records that were, too.
    pub fn lost(&self) -> Named {
        let mut lost = Named::new();
        let mut add = |name: &'static str, count| {
            if count > 0 {
                lost.insert(name.into(), count);
            }
        };
        add("nic dropped", self.nic_dropped());
        if let Some(ring) = &self.ring {
            add("ring rx_ring_full", ring.rx_ring_full);
            add("ring rx_dropped", ring.rx_dropped);
            add("ring unreadable", ring.unreadable);
        }
        if let Some(socket) = &self.socket {
            add("socket dropped", socket.dropped);
        }
        add("datagrams without a batch", self.datagrams.dropped_no_batch);
        add("records without a writer", self.records.dropped_no_writer);
        add("records not written", self.records.failed);
        lost
    }
}

fn add_named(named: &mut Named, name: &'static str, counter: &Counter) {
    let count = counter.get();
    if count > 0 {
        *named.entry(name.into()).or_default() += count;
    }
}

fn difference(put_in: u64, came_out: u64) -> i64 {
    put_in.wrapping_sub(came_out).cast_signed()
}

#[cfg(test)]
mod tests;
