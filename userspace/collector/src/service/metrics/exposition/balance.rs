//! The balance: each of its counters is one here.

use super::Scribe;
use crate::balance::{Balance, Named, RecordBalance, Unaccounted};
use logweir_abi::{Counter as XdpCounter, Fate};
use logweir_decode::reason::Reason;
use logweir_store::schema::Family;
use std::fmt;

/// What the interface and the XDP program have seen, where there are such.
pub(super) fn frames(to: &mut Scribe<'_>, balance: &Balance) -> fmt::Result {
    if let Some(nic) = &balance.nic {
        to.counter("logweir_nic_packets", "Packets that the interface received.", nic.rx_packets)?;
        to.counter(
            "logweir_nic_dropped_packets",
            "Packets that the interface or the stack dropped, those of unknown protocols too.",
            nic.rx_dropped,
        )?;
        to.counter(
            "logweir_nic_missed_packets",
            "Of these, packets that the hardware had no room for, where the driver tells.",
            nic.rx_missed,
        )?;
        to.counter(
            "logweir_nic_fifo_errors",
            "Packets lost in a full receive FIFO of the interface.",
            nic.rx_fifo_errors,
        )?;
    }
    let Some(xdp) = &balance.xdp else { return Ok(()) };
    to.counter("logweir_xdp_frames", "Frames that the XDP program saw.", xdp.seen)?;
    to.counter(
        "logweir_xdp_frames_redirected",
        "Frames that it redirected into an AF_XDP socket.",
        xdp.redirected,
    )?;
    to.counters(
        "logweir_xdp_frames_passed",
        "Frames that it left to the kernel.",
        "reason",
        xdp_reasons(Fate::Pass, &xdp.passed),
    )?;
    to.counters(
        "logweir_xdp_frames_dropped",
        "Frames that it dropped.",
        "reason",
        xdp_reasons(Fate::Drop, &xdp.dropped),
    )
}

/// Reasons that have not occurred are told too: the first time must be seen as an increase.
fn xdp_reasons(fate: Fate, counts: &Named) -> impl Iterator<Item = (&'static str, u64)> {
    let names = XdpCounter::ALL.iter().filter(move |counter| counter.fate() == fate);
    names.map(|counter| with_count(counter.name(), counts))
}

fn with_count(name: &'static str, counts: &Named) -> (&'static str, u64) {
    (name, counts.get(name).copied().unwrap_or(0))
}

/// Datagrams from the sources through the decoders.
pub(super) fn datagrams(to: &mut Scribe<'_>, balance: &Balance) -> fmt::Result {
    let (ring, socket) = (balance.ring.as_ref(), balance.socket.as_ref());
    let sources = [("ring", ring.map(|ring| ring.received))];
    let sources = sources.into_iter().chain([("socket", socket.map(|socket| socket.received))]);
    to.counters(
        "logweir_source_datagrams",
        "Datagrams taken from AF_XDP rings and from UDP sockets.",
        "place",
        sources.filter_map(|(place, count)| Some((place, count?))),
    )?;
    if let Some(socket) = socket {
        to.counter(
            "logweir_socket_datagrams_not_allowed",
            "Datagrams at UDP sockets of senders that may not send.",
            socket.not_allowed,
        )?;
    }
    let datagrams = &balance.datagrams;
    to.counter("logweir_datagrams", "Datagrams that decoders were given.", datagrams.received)?;
    to.counter(
        "logweir_datagram_payload_bytes",
        "Bytes of their payloads.",
        datagrams.received_bytes,
    )?;
    to.counter("logweir_datagrams_decoded", "Datagrams wholly decoded.", datagrams.decoded)?;
    to.counters(
        "logweir_datagrams_rejected",
        "Datagrams of which something was rejected.",
        "reason",
        Reason::ALL.iter().map(|reason| with_count(reason.name(), &datagrams.rejected)),
    )?;
    to.gauge(
        "logweir_datagrams_waiting",
        "Datagrams that wait for their template.",
        datagrams.waiting,
    )?;
    to.counters(
        "logweir_datagrams_dropped",
        "Datagrams that were lost in the collector or in front of it, by place.",
        "place",
        drops(balance),
    )?;
    to.counter(
        "logweir_datagrams_unnoted",
        "Datagrams that are in no ledger, because the writer was gone.",
        datagrams.unnoted,
    )
}

fn drops(balance: &Balance) -> Vec<(&'static str, u64)> {
    let mut drops = Vec::new();
    if let Some(ring) = &balance.ring {
        drops.push(("rx_ring_full", ring.rx_ring_full));
        drops.push(("rx_dropped", ring.rx_dropped));
        drops.push(("unreadable", ring.unreadable));
    }
    drops.extend(balance.socket.as_ref().map(|socket| ("socket", socket.dropped)));
    drops.push(("no_batch", balance.datagrams.dropped_no_batch));
    drops
}

/// Records from the decoders to the disk.
pub(super) fn records(to: &mut Scribe<'_>, balance: &Balance) -> fmt::Result {
    let records: &RecordBalance = &balance.records;
    to.counters(
        "logweir_records",
        "Records that were decoded.",
        "family",
        Family::ALL.map(|family| (family.name(), records.of(family))),
    )?;
    to.counter("logweir_records_stored", "Records that are safe on disk.", records.stored)?;
    to.counters(
        "logweir_records_dropped",
        "Records that were lost, by place.",
        "place",
        [("no_writer", records.dropped_no_writer), ("not_written", records.failed)],
    )?;
    to.counter(
        "logweir_records_discarded",
        "Records thrown away, as was asked for.",
        records.discarded,
    )?;
    to.gauge(
        "logweir_records_pending",
        "Records in memory, or written and not safe yet.",
        records.pending,
    )
}

/// What the equations leave over. Two of them are drawn only when the collector stops.
pub(super) fn unaccounted(to: &mut Scribe<'_>, unaccounted: &Unaccounted) -> fmt::Result {
    let Unaccounted { nic, ring, source, datagrams, records, .. } = *unaccounted;
    to.gauges(
        "logweir_unaccounted",
        "What a stage's equation leaves over: what is in flight, and must not grow.",
        "stage",
        [
            ("nic", nic),
            ("ring", ring),
            ("source", source),
            ("datagrams", datagrams),
            ("records", records),
        ],
    )
}
