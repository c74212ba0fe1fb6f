//! Frames that a test makes itself and puts on the wire of a veth pair.

use std::fs::File;
use std::thread;
use std::time::Duration;

use logweir_xsk::{Interface, Sender, SenderOptions};
use nix::sched::{CloneFlags, setns};

use super::veth::Veth;

/// The addresses of `rx0` and `tx0`.
pub const RX_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub const TX_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// How long frames may take to leave.
const FLUSH_MAX: Duration = Duration::from_secs(10);

/// Sends frames from `tx0`; `make` gives them, and what it makes of them is handed on.
pub fn send<T: Send>(veth: &Veth, make: impl FnOnce() -> (Vec<Vec<u8>>, T) + Send) -> T {
    thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let path = format!("/run/netns/{}", veth.namespace("tx"));
            let namespace = File::open(path).expect("the namespace");
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("root may enter it");
            let (frames, made) = make();
            send_all(&frames);
            made
        });
        sending.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn send_all(frames: &[Vec<u8>]) {
    let interface = Interface::by_name("tx0").expect("tx0");
    let mut sender = Sender::open(&interface, 0, &SenderOptions::default()).expect("a sender");
    let mut rest = frames;
    while !rest.is_empty() {
        let sent = sender.send(rest.len().min(32), |i, bytes| {
            bytes[..rest[i].len()].copy_from_slice(&rest[i]);
            rest[i].len()
        });
        rest = &rest[sent..];
        if sent == 0 {
            assert!(sender.wait(Some(FLUSH_MAX)).expect("a wait"), "the driver takes nothing");
        }
    }
    sender.flush(FLUSH_MAX).expect("all leave");
}
