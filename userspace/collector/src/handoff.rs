//! The hand-off between a worker and the writer: full batches one way, empty ones back.
//!
//! The number of batches is fixed when the pipeline starts, so nothing here can grow; a worker
//! that finds no empty batch drops and counts.

use crate::drops::DropBox;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use logweir_decode::batch::{Batch, Capacity};
use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

/// A full batch on its way.
#[derive(Debug)]
pub struct FullBatch {
    /// The batch.
    pub batch: Box<Batch>,
    /// Where it goes when it is empty again.
    home: Sender<Box<Batch>>,
}

impl FullBatch {
    /// Empties the batch and sends it back to its worker.
    pub fn recycle(mut self) {
        self.batch.clear();
        // A worker that has stopped needs it no more.
        let _ = self.home.try_send(self.batch);
    }
}

/// A worker's end.
#[derive(Debug)]
pub struct Outlet {
    full: Sender<FullBatch>,
    empty: Receiver<Box<Batch>>,
    /// Empty batches at hand, the one last used on top: parts of it may still be in the caches.
    #[expect(clippy::vec_box, reason = "a batch travels in its box, and is never moved out of it")]
    spare: Vec<Box<Batch>>,
    home: Sender<Box<Batch>>,
    writer: Weak<()>,
    drops: DropBox,
    _worker: Arc<()>,
}

/// The writer's end.
#[derive(Debug)]
pub struct Inlet {
    full: Receiver<FullBatch>,
    drops: DropBox,
    workers: Weak<()>,
    _writer: Arc<()>,
}

/// What the writer finds.
#[derive(Debug)]
pub enum Next {
    /// A full batch.
    Batch(FullBatch),
    /// None within the time.
    Timeout,
    /// All workers have stopped, and everything that they handed over was taken.
    End,
}

impl Inlet {
    /// Waits for a full batch.
    pub fn next(&self, timeout: Duration) -> Next {
        match self.full.recv_timeout(timeout) {
            Ok(batch) => Next::Batch(batch),
            Err(RecvTimeoutError::Timeout) => Next::Timeout,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }

    /// Whether all workers have stopped.
    pub fn workers_are_gone(&self) -> bool {
        self.workers.strong_count() == 0
    }

    /// Where workers leave word of what they drop.
    pub fn drops(&self) -> &DropBox {
        &self.drops
    }
}

/// Makes an outlet for each worker, with as many batches as `batches` says, and the one inlet.
pub fn connect(batches: &[usize], capacity: Capacity) -> (Vec<Outlet>, Inlet) {
    let (full, receiver) = bounded(batches.iter().sum());
    let (writer, worker) = (Arc::new(()), Arc::new(()));
    let drops = DropBox::default();
    let outlets = batches
        .iter()
        .map(|&batches| {
            let (home, empty) = bounded(batches);
            let spare = (0..batches).map(|_| Box::new(Batch::new(capacity))).collect();
            Outlet {
                full: full.clone(),
                empty,
                spare,
                home,
                writer: Arc::downgrade(&writer),
                drops: drops.clone(),
                _worker: worker.clone(),
            }
        })
        .collect();
    let workers = Arc::downgrade(&worker);
    (outlets, Inlet { full: receiver, drops, workers, _writer: writer })
}

impl Outlet {
    /// An empty batch, if there is one.
    pub fn take_empty(&mut self) -> Option<Box<Batch>> {
        self.spare.extend(self.empty.try_iter());
        self.spare.pop()
    }

    /// An empty batch, as soon as there is one; `None` when the writer is gone, or after so long.
    pub fn wait_empty(&mut self, patience: Duration) -> Option<Box<Batch>> {
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        let begin = Instant::now();
        loop {
            if let Some(batch) = self.take_empty() {
                return Some(batch);
            }
            match self.empty.recv_timeout(LOOK_EVERY.min(patience)) {
                Ok(batch) => return Some(batch),
                Err(_) if self.writer_is_gone() || begin.elapsed() >= patience => return None,
                Err(_) => {}
            }
        }
    }

    /// Where word is left of what is dropped.
    pub fn drops(&self) -> &DropBox {
        &self.drops
    }

    /// Hands a full batch over; it comes back when the writer is gone. Never blocks: the channel
    /// has room for every batch there is.
    pub fn hand_over(&self, batch: Box<Batch>) -> Result<(), Box<Batch>> {
        let full = FullBatch { batch, home: self.home.clone() };
        self.full.try_send(full).map_err(|refused| refused.into_inner().batch)
    }

    fn writer_is_gone(&self) -> bool {
        self.writer.strong_count() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Capacity = Capacity { session_rows: 16, unparsed_rows: 16, text_bytes: 1024 };

    #[test]
    fn batches_circulate_and_are_never_more() {
        let (mut outlets, inlet) = connect(&[2], SMALL);
        let [outlet] = outlets.as_mut_slice() else { unreachable!() };
        for _ in 0..5 {
            let first = outlet.take_empty().unwrap();
            let second = outlet.take_empty().unwrap();
            assert!(outlet.take_empty().is_none());
            outlet.hand_over(first).unwrap();
            outlet.hand_over(second).unwrap();
            for _ in 0..2 {
                let Next::Batch(full) = inlet.next(Duration::ZERO) else { panic!("a batch") };
                full.recycle();
            }
        }
    }

    #[test]
    fn the_batch_used_last_is_taken_first() {
        let (mut outlets, inlet) = connect(&[3], SMALL);
        let [outlet] = outlets.as_mut_slice() else { unreachable!() };
        let place = |batch: &Batch| std::ptr::from_ref(batch);
        let used = outlet.take_empty().unwrap();
        let address = place(&used);
        for _ in 0..3 {
            let batch = outlet.take_empty().unwrap();
            outlet.hand_over(batch).unwrap();
            let Next::Batch(full) = inlet.next(Duration::ZERO) else { panic!("a batch") };
            full.recycle();
        }
        outlet.hand_over(used).unwrap();
        let Next::Batch(full) = inlet.next(Duration::ZERO) else { panic!("a batch") };
        full.recycle();
        assert_eq!(place(&outlet.take_empty().unwrap()), address);
    }

    #[test]
    fn both_ends_notice_that_the_other_is_gone() {
        let (mut outlets, inlet) = connect(&[2], SMALL);
        let mut outlet = outlets.pop().unwrap();
        let batch = outlet.take_empty().unwrap();
        outlet.hand_over(batch).unwrap();
        drop(outlets);
        let last = outlet.take_empty().unwrap();
        drop(inlet);
        assert!(outlet.hand_over(last).is_err());
        assert!(outlet.wait_empty(Duration::MAX).is_none());
        let (outlets, inlet) = connect(&[2], SMALL);
        drop(outlets);
        assert!(matches!(inlet.next(Duration::ZERO), Next::End));
        assert!(inlet.workers_are_gone());
    }
}
