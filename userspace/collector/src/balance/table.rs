//! The balance in words: a line for each count, by stage.

use super::{Balance, Named, Unaccounted};
use std::fmt;

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "balance")?;
        if let Some(nic) = &self.nic {
            row(f, "nic", "received", nic.rx_packets)?;
            row(f, "nic", "dropped before XDP", self.nic_dropped())?;
        }
        if let Some(xdp) = &self.xdp {
            row(f, "xdp", "seen", xdp.seen)?;
            row(f, "xdp", "redirected", xdp.redirected)?;
            rows(f, "xdp", "passed up", &xdp.passed)?;
            rows(f, "xdp", "dropped", &xdp.dropped)?;
        }
        if let Some(ring) = &self.ring {
            row(f, "ring", "received", ring.received)?;
            row(f, "ring", "dropped: rx_ring_full", ring.rx_ring_full)?;
            row(f, "ring", "dropped: rx_dropped", ring.rx_dropped)?;
            row(f, "ring", "dropped: unreadable", ring.unreadable)?;
        }
        if let Some(socket) = &self.socket {
            row(f, "socket", "received", socket.received)?;
            row(f, "socket", "dropped", socket.dropped)?;
            row(f, "socket", "dropped: not_allowed", socket.not_allowed)?;
        }
        row(f, "decode", "datagrams", self.datagrams.received)?;
        row(f, "decode", "decoded", self.datagrams.decoded)?;
        rows(f, "decode", "rejected", &self.datagrams.rejected)?;
        row(f, "decode", "waiting for a template", self.datagrams.waiting)?;
        row(f, "hand-off", "datagrams dropped: no batch", self.datagrams.dropped_no_batch)?;
        row(f, "hand-off", "records dropped: no writer", self.records.dropped_no_writer)?;
        for (family, count) in self.records.families() {
            row(f, "store", &format!("{family} records"), count)?;
        }
        row(f, "store", "stored", self.records.stored)?;
        if let Some(sealed) = self.records.sealed {
            row(f, "store", "of these in sealed parts", sealed)?;
        }
        if self.records.recovered > 0 {
            row(f, "store", "recovered from the journal", self.records.recovered)?;
        }
        row(f, "store", "failed", self.records.failed)?;
        if self.records.discarded > 0 {
            row(f, "store", "discarded, as asked", self.records.discarded)?;
        }
        row(f, "store", "pending", self.records.pending)?;
        write!(f, "unaccounted {}", self.unaccounted.total)?;
        if self.unaccounted.total > 0 {
            let Unaccounted { nic, ring, source, datagrams, exporters, records, sealed, .. } =
                self.unaccounted;
            write!(
                f,
                " (nic {nic}, ring {ring}, source {source}, datagrams {datagrams}, exporters \
                 {exporters}, records {records}, sealed {sealed})"
            )?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, stage: &str, name: &str, count: u64) -> fmt::Result {
    writeln!(f, "  {stage:<9} {name:<34} {count:>15}")
}

fn rows(f: &mut fmt::Formatter<'_>, stage: &str, what: &str, named: &Named) -> fmt::Result {
    for (name, count) in named {
        row(f, stage, &format!("{what}: {name}"), *count)?;
    }
    Ok(())
}
