//! What is told to threads while they work: each looks at a number once in a while, and takes what is
//! new, behind a lock, only when that has changed.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// What is told.
#[derive(Debug)]
pub struct Notice<T>(Arc<Board<T>>);

#[derive(Debug)]
struct Board<T> {
    /// How often it was replaced.
    changes: AtomicU64,
    current: Mutex<Arc<T>>,
}

/// One who is told.
#[derive(Debug)]
pub struct Reader<T> {
    board: Arc<Board<T>>,
    seen: u64,
    held: Arc<T>,
}

impl<T> Notice<T> {
    /// Begins with this.
    pub fn new(value: T) -> Self {
        let current = Mutex::new(Arc::new(value));
        Self(Arc::new(Board { changes: AtomicU64::new(0), current }))
    }

    /// What holds.
    pub fn current(&self) -> Arc<T> {
        self.0.current()
    }

    /// One more who is told.
    pub fn reader(&self) -> Reader<T> {
        let seen = self.0.changes.load(Ordering::Acquire);
        Reader { board: Arc::clone(&self.0), seen, held: self.0.current() }
    }

    /// Tells something else, and waits until all know it, no longer than this; whether they do.
    pub fn replace(&self, value: T, patience: Duration) -> bool {
        const LOOK_EVERY: Duration = Duration::from_millis(1);
        let old = {
            let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Arc::new(value))
        };
        self.0.changes.fetch_add(1, Ordering::Release);
        let begin = Instant::now();
        while Arc::strong_count(&old) > 1 {
            if begin.elapsed() >= patience {
                return false;
            }
            thread::sleep(LOOK_EVERY);
        }
        true
    }
}

impl<T> Board<T> {
    fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Reader<T> {
    /// What was told last, as of the last [`Reader::refresh`].
    pub fn get(&self) -> &T {
        &self.held
    }

    /// Takes what is new; whether there was anything.
    #[inline]
    pub fn refresh(&mut self) -> bool {
        let changes = self.board.changes.load(Ordering::Acquire);
        if changes == self.seen {
            return false;
        }
        self.seen = changes;
        self.held = self.board.current();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_is_told_once_and_who_does_not_is_waited_for() {
        let notice = Notice::new(1);
        let mut reader = notice.reader();
        assert!(!reader.refresh());
        assert!(!notice.replace(2, Duration::ZERO), "nobody has looked");
        assert_eq!((*reader.get(), *notice.current()), (1, 2));
        assert!(reader.refresh() && !reader.refresh());
        assert_eq!(*reader.get(), 2);
        let looking = thread::spawn(move || {
            while !reader.refresh() {
                thread::yield_now();
            }
            *reader.get()
        });
        assert!(notice.replace(3, Duration::from_secs(60)));
        assert_eq!(looking.join().unwrap(), 3);
        assert!(notice.replace(4, Duration::ZERO), "there is nobody");
    }
}
