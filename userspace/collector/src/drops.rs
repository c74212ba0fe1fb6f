//! Datagrams that workers drop for want of batches, by exporter: counted on the way without
//! allocating, and told to the writer, which may have no batch to tell it with.

use hashbrown::HashMap;
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts by exporter. It never grows: exporters beyond [`Dropped::EXPORTERS_MAX`] are counted
/// together.
#[derive(Debug)]
pub struct Dropped {
    exporters: HashMap<IpAddr, u64>,
    others: u64,
}

impl Default for Dropped {
    fn default() -> Self {
        Self { exporters: HashMap::with_capacity(Self::EXPORTERS_MAX), others: 0 }
    }
}

impl Dropped {
    /// Exporters that are counted apart until the counts are told.
    pub const EXPORTERS_MAX: usize = 256;

    /// Counts datagrams of an exporter.
    pub fn add(&mut self, exporter: IpAddr, datagrams: u64) {
        if let Some(count) = self.exporters.get_mut(&exporter) {
            *count += datagrams;
        } else if self.exporters.len() < Self::EXPORTERS_MAX {
            self.exporters.insert(exporter, datagrams);
        } else {
            self.others += datagrams;
        }
    }

    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.exporters.is_empty() && self.others == 0
    }

    /// Moves all counts to other ones.
    fn move_to(&mut self, other: &mut Dropped) {
        for (exporter, datagrams) in self.exporters.drain() {
            other.add(exporter, datagrams);
        }
        other.others += std::mem::take(&mut self.others);
    }
}

/// Where those who drop leave their counts, and the writer finds them.
#[derive(Clone, Debug, Default)]
pub struct DropBox(Arc<Mutex<Dropped>>);

impl DropBox {
    /// Leaves counts, unless somebody else is about it: then they stay for the next time.
    pub fn leave(&self, dropped: &mut Dropped) {
        if dropped.is_empty() {
            return;
        }
        if let Ok(mut all) = self.0.try_lock() {
            dropped.move_to(&mut all);
        }
    }

    /// Leaves the last counts of a thread.
    pub fn leave_last(&self, dropped: &mut Dropped) {
        dropped.move_to(&mut self.lock());
    }

    /// Takes all that was left: counts by exporter, and of `None` those of exporters that are not
    /// told apart.
    pub fn take(&self) -> Vec<(Option<IpAddr>, u64)> {
        let mut all = self.lock();
        let others = std::mem::take(&mut all.others);
        let named = all.exporters.drain().map(|(exporter, datagrams)| (Some(exporter), datagrams));
        let mut taken: Vec<_> = named.collect();
        taken.extend((others > 0).then_some((None, others)));
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Dropped> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_bounded_and_none_is_lost() {
        let left = DropBox::default();
        let mut dropped = Dropped::default();
        let capacity = dropped.exporters.capacity();
        for _ in 0..2 {
            for exporter in 0..1_000_u32 {
                dropped.add(IpAddr::from(exporter.to_be_bytes()), 2);
            }
            left.leave(&mut dropped);
            assert!(dropped.is_empty());
        }
        dropped.add([192, 0, 2, 1].into(), 5);
        left.leave_last(&mut dropped);
        assert_eq!(dropped.exporters.capacity(), capacity);
        let taken = left.take();
        assert_eq!(taken.len(), Dropped::EXPORTERS_MAX + 1);
        assert_eq!(taken.iter().map(|(_, datagrams)| datagrams).sum::<u64>(), 4_005);
        assert_eq!(taken[0].1, 4, "of the same exporter");
        assert!(left.take().is_empty());
    }
}
