//! The loop of a thread that has a source: takes bursts until the source ends or is asked to.

use super::{Received, Source};
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// A busy source publishes its counters once in so many bursts; asking the kernel takes a system
/// call.
const BURSTS_A_PUBLICATION: u64 = 256;

/// The longest sleep when nothing arrives.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// Calls `burst`, which receives once, until the source has ended, or `stop` was set and nothing
/// more is there. With `busy_poll` it never sleeps.
///
/// # Errors
/// Why the source could not go on; what it still held has been taken.
pub fn drive<S: Source>(
    source: &mut S,
    stop: &AtomicBool,
    busy_poll: bool,
    mut burst: impl FnMut(&mut S) -> io::Result<Received>,
) -> io::Result<()> {
    let ended = run(source, stop, busy_poll, &mut burst);
    if ended.is_err() {
        const BURSTS_MAX: usize = 1024;
        let _ = (0..BURSTS_MAX)
            .take_while(|_| matches!(burst(source), Ok(Received::Datagrams(1..))))
            .count();
    }
    source.publish();
    ended
}

fn run<S: Source>(
    source: &mut S,
    stop: &AtomicBool,
    busy_poll: bool,
    burst: &mut impl FnMut(&mut S) -> io::Result<Received>,
) -> io::Result<()> {
    let mut stopping = false;
    for count in 0u64.. {
        // Read before receiving: what arrived before the request is taken.
        if !stopping && stop.load(Ordering::Acquire) {
            stopping = true;
            source.end_intake()?;
        }
        let received = burst(source)?;
        if count.is_multiple_of(BURSTS_A_PUBLICATION) {
            source.publish();
        }
        match received {
            Received::End => return Ok(()),
            Received::Datagrams(0) if stopping => return Ok(()),
            Received::Datagrams(0) if busy_poll => {
                // A wait is also how a source notices that its interface is gone.
                if count.is_multiple_of(BURSTS_A_PUBLICATION) {
                    source.wait(Duration::ZERO)?;
                }
            }
            Received::Datagrams(0) => {
                source.publish();
                source.wait(WAIT_MAX)?;
            }
            Received::Datagrams(_) => {}
        }
    }
    Ok(())
}
