//! What is handed to a thread that sends it, so that nobody else waits for a server.

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::{io, thread, time::Duration};

/// How long the thread may still take at the end.
pub(super) const LAST_PATIENCE: Duration = Duration::from_secs(15);

/// The way to such a thread.
#[derive(Debug)]
pub struct Outbox<T> {
    name: &'static str,
    items: Option<Sender<T>>,
    /// Nothing comes here: it is closed when the thread has ended.
    ended: Receiver<()>,
    last_patience: Duration,
}

impl<T: Send + 'static> Outbox<T> {
    /// Starts a thread that sends what is pushed, until there will be no more. So many items may
    /// wait for it, and it is waited for so long at the end.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn start(
        name: &'static str,
        waiting_max: usize,
        last_patience: Duration,
        send: impl FnOnce(&Receiver<T>) + Send + 'static,
    ) -> io::Result<Outbox<T>> {
        let (items, taken) = bounded(waiting_max);
        let (running, ended) = bounded(0);
        thread::Builder::new().name(name.into()).spawn(move || {
            let _running: Sender<()> = running;
            send(&taken);
        })?;
        Ok(Outbox { name, items: Some(items), ended, last_patience })
    }
}

impl<T> Outbox<T> {
    /// Hands something over; `false` where too much waits.
    pub fn push(&self, item: T) -> bool {
        self.items.as_ref().is_some_and(|items| items.try_send(item).is_ok())
    }
}

impl<T> Drop for Outbox<T> {
    /// What waits is sent, as far as the server takes it in time: it must not hold up what ends.
    fn drop(&mut self) {
        self.items = None;
        if self.ended.recv_timeout(self.last_patience) == Err(RecvTimeoutError::Timeout) {
            let (name, seconds) = (self.name, self.last_patience.as_secs());
            crate::tell(&format!("{name} has not sent all within {seconds} s: the rest is lost"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An outbox of two that sends when it is let go, and what it has sent.
    fn held(last_patience: Duration) -> (Outbox<u8>, Sender<()>, Receiver<u8>) {
        let (go, wait) = bounded::<()>(0);
        let (sent, seen) = bounded(4);
        let send = move |items: &Receiver<u8>| {
            let _ = wait.recv();
            items.iter().for_each(|item| sent.send(item).unwrap());
        };
        (Outbox::start("t", 2, last_patience, send).unwrap(), go, seen)
    }

    #[test]
    fn what_waits_is_sent_at_the_end_and_beyond_its_room_refused() {
        let (outbox, go, seen) = held(LAST_PATIENCE);
        assert_eq!([1, 2, 3].map(|item| outbox.push(item)), [true, true, false]);
        drop(go);
        drop(outbox);
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_thread_that_hangs_is_not_waited_for() {
        let (outbox, go, seen) = held(Duration::ZERO);
        assert!(outbox.push(1));
        drop(outbox);
        assert!(seen.is_empty());
        drop(go);
        assert_eq!(seen.recv(), Ok(1));
    }
}
