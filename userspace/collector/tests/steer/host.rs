//! What the tests need of the host: privileges, a network namespace, an AF_XDP socket.

use std::{os::fd::OwnedFd, process::Command, thread};

use nix::sched::{CloneFlags, unshare};
use rustix::net::{AddressFamily, SocketType, socket, sockopt};

/// Whether the test may go on; says so if not.
#[expect(clippy::print_stdout, reason = "the line that tells a reader what was not tested")]
pub fn is_root(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let required = std::env::var_os("LOGWEIR_REQUIRE_ROOT_TESTS").is_some_and(|value| value == "1");
    assert!(!required, "{test} needs root, and LOGWEIR_REQUIRE_ROOT_TESTS=1 forbids to skip it");
    println!("skipped: needs root: {test}");
    false
}

/// Runs `work` on a thread with a network namespace of its own, which goes with the thread, and its
/// devices with it.
pub fn in_network_namespace<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("a new network namespace");
        ip("link set dev lo up");
        work()
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// `ip` of iproute2, in the namespace of the calling thread.
pub fn ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .expect("ip (Debian package iproute2) runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The index of an interface in the namespace of the calling thread.
pub fn interface_index(name: &str) -> u32 {
    let any = socket(AddressFamily::INET, SocketType::DGRAM, None).expect("a socket");
    rustix::net::netdevice::name_to_index(any, name).expect(name)
}

/// The least that the socket map takes: an AF_XDP socket with an RX ring. It is bound to nothing,
/// which only matters to a frame that arrives for real.
pub fn xdp_socket() -> OwnedFd {
    let fd = socket(AddressFamily::XDP, SocketType::RAW, None).expect("an AF_XDP socket");
    sockopt::set_xdp_rx_ring_size(&fd, 64).expect("an RX ring");
    fd
}
