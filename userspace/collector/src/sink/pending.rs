//! What was dropped and is not in the journal yet.

use logweir_decode::context::UnixNanos;
use logweir_store::{journal::Drops, partition::Hour};
use std::{collections::BTreeMap, net::IpAddr};

/// Drops by hour, place and exporter: however long the journal cannot be written, each hour has its
/// own, and they are few.
#[derive(Debug, Default)]
pub(super) struct PendingDrops(BTreeMap<(Hour, String, Option<IpAddr>), (UnixNanos, u64)>);

impl PendingDrops {
    /// Entries beyond which exporters are not told apart.
    const EXPORTERS_MAX: usize = 16_384;

    /// Adds some.
    pub fn add(&mut self, drops: Drops) {
        let Drops { at, place, exporter, datagrams } = drops;
        let mut key = (Hour::of(at), place, exporter);
        if self.0.len() >= Self::EXPORTERS_MAX && !self.0.contains_key(&key) {
            key.2 = None;
        }
        self.0.entry(key).or_insert((at, 0)).1 += datagrams;
    }

    /// Takes some, those of the first hour first.
    pub fn pop(&mut self) -> Option<Drops> {
        let ((_, place, exporter), (at, datagrams)) = self.0.pop_first()?;
        Some(Drops { at, place, exporter, datagrams })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    #[test]
    fn drops_are_kept_by_hour_and_bounded_and_none_is_lost() {
        let mut pending = PendingDrops::default();
        let exporters = 2 * PendingDrops::EXPORTERS_MAX as u32;
        for at in [5, 6, HOUR] {
            for exporter in 0..exporters {
                let exporter = Some(IpAddr::from(exporter.to_be_bytes()));
                pending.add(Drops { at, place: "no_batch".into(), exporter, datagrams: 2 });
            }
        }
        assert!(pending.0.len() <= PendingDrops::EXPORTERS_MAX + 2);
        let all: Vec<_> = std::iter::from_fn(|| pending.pop()).collect();
        let of_hour = |hour| {
            let of_hour = all.iter().filter(|drops| Hour::of(drops.at) == Hour::of(hour));
            of_hour.map(|drops| drops.datagrams).sum::<u64>()
        };
        assert_eq!(of_hour(0), 4 * u64::from(exporters));
        assert_eq!(of_hour(HOUR), 2 * u64::from(exporters));
    }
}
