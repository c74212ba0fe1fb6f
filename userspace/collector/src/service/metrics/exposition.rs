//! A status as OpenMetrics text.

mod balance;
mod exporters;
mod scribe;
mod store;

use crate::{counters::RingFill, latency::Octaves, service::status::Status};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    registry::Registry,
};
use scribe::Scribe;
use std::{fmt, sync::Arc};

/// The metrics of a status. So many exporters have series of their own.
pub(super) fn openmetrics(status: Arc<Status>, exporters_max: usize) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Told { status, exporters_max }));
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = text::encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Told {
    status: Arc<Status>,
    exporters_max: usize,
}

impl Collector for Told {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (to, status) = (&mut Scribe::new(encoder), &*self.status);
        process(to, status)?;
        balance::frames(to, &status.balance)?;
        rings(to, &status.rings)?;
        balance::datagrams(to, &status.balance)?;
        balance::records(to, &status.balance)?;
        balance::unaccounted(to, &status.balance.unaccounted)?;
        latencies(to, status)?;
        exporters::exporters(to, &status.exporters, self.exporters_max)?;
        status.store.iter().try_for_each(|store| store::store(to, store))
    }
}

fn rings(to: &mut Scribe<'_>, rings: &[RingFill]) -> fmt::Result {
    let by_queue = |of: fn(&RingFill) -> u64| {
        rings.iter().enumerate().map(move |(queue, ring)| (queue.to_string(), of(ring)))
    };
    if rings.is_empty() {
        return Ok(());
    }
    to.gauges(
        "logweir_ring_frames",
        "Packets that an RX ring holds at most.",
        "queue",
        by_queue(|ring| ring.frames),
    )?;
    to.gauges(
        "logweir_ring_fullest_frames",
        "The most packets that waited in an RX ring at once, in the last second.",
        "queue",
        by_queue(|ring| ring.fullest),
    )
}

fn process(to: &mut Scribe<'_>, status: &Status) -> fmt::Result {
    to.info("logweir_build", "What runs.", "version", &status.version)?;
    to.gauge(
        "process_start_time_seconds",
        "When the collector was started, since 1970.",
        seconds(&status.started_at),
    )?;
    let process = &status.process;
    to.counter(
        "process_cpu_seconds",
        "Time of processors that the collector has used.",
        process.cpu_ns as f64 / 1e9,
    )?;
    to.gauge(
        "process_resident_memory_bytes",
        "Memory of the collector that is resident.",
        process.resident_bytes,
    )?;
    to.counter(
        "logweir_reloads",
        "How often the configuration was read again and is in force.",
        status.configuration.reloads,
    )?;
    to.counter(
        "logweir_reloads_refused",
        "How often it was refused, so that the one before stayed in force.",
        status.configuration.refused,
    )?;
    to.gauge("logweir_workers", "Threads that take datagrams.", status.workers)?;
    to.gauge(
        "logweir_status_timestamp_seconds",
        "When the collector told all of this, since 1970.",
        seconds(&status.at),
    )
}

fn latencies(to: &mut Scribe<'_>, status: &Status) -> fmt::Result {
    let mut each = |name, help, octaves: &Octaves| to.histogram(name, help, octaves);
    each(
        "logweir_decode_latency_seconds",
        "From a datagram's arrival until it was decoded.",
        &status.arrival_to_decoded,
    )?;
    each(
        "logweir_store_latency_seconds",
        "From a record's arrival until it was synced in the journal.",
        &status.arrival_to_stored,
    )
}

/// A time as seconds since 1970; 0 where there is none.
fn seconds(rfc3339: &str) -> f64 {
    let time = rfc3339.parse::<jiff::Timestamp>().unwrap_or_default();
    time.as_millisecond() as f64 / 1e3
}

#[cfg(test)]
mod tests;
