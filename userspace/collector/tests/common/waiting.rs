//! Waiting for a pipeline in this process.

use std::{thread, time::Duration};

use logweir::{balance::Balance, pipeline::Pipeline, sink::Sink};

/// Looks at the balance until it is as wanted; the last one if that never happens.
pub fn wait_for<S: Sink + Send + 'static>(
    pipeline: &Pipeline<S>,
    wanted: impl Fn(&Balance) -> bool,
) -> Balance {
    const LOOKS_MAX: u32 = 3_000;
    let mut balance = pipeline.balance();
    for _ in 0..LOOKS_MAX {
        if wanted(&balance) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
        balance = pipeline.balance();
    }
    balance
}

/// Datagrams that arrived at the UDP sockets.
pub fn arrived(balance: &Balance) -> u64 {
    let socket = balance.socket.as_ref().expect("a UDP source");
    socket.received + socket.dropped
}
