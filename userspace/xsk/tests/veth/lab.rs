//! A network namespace with a veth pair in it, and the packets that the tests send through it.

use std::process::Command;
use std::thread;
use std::time::Duration;

use logweir_xsk::{
    BindMode, Interface, Received, Receiver, ReceiverOptions, Sender, SenderOptions, Wait,
};

use crate::bpf::{METADATA_MARK, Redirect};

/// How many waits in a row may bring nothing before a test gives up.
const IDLE_WAITS_MAX: u32 = 300;
const WAIT: Duration = Duration::from_millis(10);

/// A veth pair with two queues on both sides; `rx0` has the XDP program.
pub struct Lab {
    pub receiving: Interface,
    pub sending: Interface,
    pub redirect: Redirect,
}

/// Runs a test on a thread of its own with a network namespace of its own, which is gone with the
/// thread and everything opened on it. Without privilege, says so and passes, unless
/// `LOGWEIR_REQUIRE_ROOT_TESTS` is 1.
pub fn lab(mtu: u32, test: impl FnOnce(&Lab) + Send + 'static) {
    let run = thread::spawn(move || {
        // SAFETY: plain system call; it moves this thread alone, before it has opened anything.
        let unshared = unsafe { libc::unshare(libc::CLONE_NEWNET) };
        if unshared != 0 {
            return skip();
        }
        test(&Lab::new(mtu));
    });
    if let Err(panic) = run.join() {
        std::panic::resume_unwind(panic);
    }
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skip() {
    let required = std::env::var("LOGWEIR_REQUIRE_ROOT_TESTS").is_ok_and(|value| value == "1");
    assert!(!required, "needs root, and LOGWEIR_REQUIRE_ROOT_TESTS forbids to skip");
    println!("skipped: needs root (a network namespace, a veth pair, AF_XDP)");
}

impl Lab {
    fn new(mtu: u32) -> Self {
        // Router solicitations and the like would be redirected too.
        std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").ok();
        let queues = "numrxqueues 2 numtxqueues 2";
        run(&format!("ip link add rx0 {queues} type veth peer name tx0 {queues}"));
        run(&format!("ip link set rx0 address 02:00:00:00:00:02 mtu {mtu} up"));
        run(&format!("ip link set tx0 address 02:00:00:00:00:01 mtu {mtu} up"));
        // With a queueing discipline veth pushes back when its ring of 256 is full.
        run("tc qdisc replace dev tx0 root pfifo");
        let receiving = Interface::by_name("rx0").expect("rx0");
        let sending = Interface::by_name("tx0").expect("tx0");
        let redirect = Redirect::attach(receiving.index(), mtu > 3000);
        Self { receiving, sending, redirect }
    }

    /// Opens a receiver and lets packets in.
    pub fn receiver(&self, queues: &[u32], options: &ReceiverOptions) -> Receiver {
        let receiver = Receiver::open(&self.receiving, queues, options).expect("receiver");
        self.redirect.insert(&receiver);
        receiver
    }

    pub fn sender(&self, queue: u32) -> Sender {
        Sender::open(&self.sending, queue, &sender_options()).expect("sender")
    }
}

pub fn receiver_options() -> ReceiverOptions {
    ReceiverOptions { bind_mode: BindMode::Copy, ..ReceiverOptions::default() }
}

pub fn sender_options() -> SenderOptions {
    SenderOptions { bind_mode: BindMode::Copy, ..SenderOptions::default() }
}

/// Runs a command line that must succeed.
pub fn run(command: &str) {
    let mut words = command.split_whitespace();
    let program = words.next().expect("a program");
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{command}: {error}"));
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

pub const PACKET_LEN: usize = 128;
const HEADERS_LEN: usize = 14 + 20 + 8;

/// Writes the packet of this sequence number: Ethernet, IPv4 and UDP headers (198.51.100.1 to
/// 192.0.2.1), then the number, then a pattern that depends on it.
pub fn write_packet(sequence: u64, packet: &mut [u8]) -> usize {
    let packet = &mut packet[..PACKET_LEN];
    packet[..HEADERS_LEN].copy_from_slice(&[
        0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, // Ethernet
        0x45, 0, 0, 114, 0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, 1, 192, 0, 2, 1, // IPv4
        0x80, 0, 0x02, 0x02, 0, 94, 0, 0, // UDP
    ]);
    packet[HEADERS_LEN..HEADERS_LEN + 8].copy_from_slice(&sequence.to_be_bytes());
    packet[HEADERS_LEN + 8..].fill(pattern(sequence));
    PACKET_LEN
}

fn pattern(sequence: u64) -> u8 {
    (sequence % 251) as u8
}

/// Checks every byte of a packet and the metadata in front of it; the answer is its number.
pub fn check_packet(received: &Received<'_>) -> u64 {
    let packet = received.packet();
    assert_eq!(packet.len(), PACKET_LEN);
    let number = packet[HEADERS_LEN..HEADERS_LEN + 8].try_into().expect("8 bytes");
    let sequence = u64::from_be_bytes(number);
    let mut expected = [0; PACKET_LEN];
    write_packet(sequence, &mut expected);
    assert_eq!(packet, expected, "packet {sequence}");
    check_metadata(received);
    sequence
}

/// Checks the metadata that the program leaves.
pub fn check_metadata(received: &Received<'_>) {
    let metadata = received.metadata::<16>().expect("room for metadata");
    let (mark, queue) = metadata.split_at(8);
    assert_eq!(mark, METADATA_MARK.to_ne_bytes());
    assert_eq!(queue, u64::from(received.queue()).to_ne_bytes());
}

/// Queues `count` packets numbered from `first` and waits until they are all gone.
pub fn send_all(sender: &mut Sender, first: u64, count: u64) {
    let mut sent = 0;
    let mut idle = 0;
    while sent < count {
        let batch = (count - sent).min(64) as usize;
        let queued = sender.send(batch, |i, bytes| write_packet(first + sent + i as u64, bytes));
        sent += queued as u64;
        idle = if queued == 0 { idle + 1 } else { 0 };
        assert!(idle < IDLE_WAITS_MAX, "the driver takes nothing any more");
        if queued == 0 {
            sender.wait(Some(WAIT)).expect("wait");
        }
    }
    sender.flush(Duration::from_secs(10)).expect("flush");
}

/// Receives until `expected` packets are there, or nothing comes any more.
pub fn receive_until(
    receiver: &mut Receiver,
    expected: u64,
    mut each: impl FnMut(&Received<'_>),
) -> u64 {
    let mut total = 0;
    let mut idle = 0;
    while total < expected && idle < IDLE_WAITS_MAX {
        let received = receiver.receive(64, |received| each(&received)) as u64;
        total += received;
        idle = if received == 0 { idle + 1 } else { 0 };
        if received == 0 {
            let wait = receiver.wait(Some(WAIT)).expect("wait");
            assert!(matches!(wait, Wait::Ready | Wait::TimedOut | Wait::Interrupted), "{wait:?}");
        }
    }
    total
}

/// Receives what lies in the ring already.
pub fn drain(receiver: &mut Receiver, mut each: impl FnMut(&Received<'_>)) -> u64 {
    let mut total = 0;
    loop {
        let received = receiver.receive(64, |received| each(&received)) as u64;
        total += received;
        if received == 0 {
            return total;
        }
    }
}

/// Every frame is free or in the kernel's hands.
pub fn assert_no_frame_leaked(receiver: &Receiver) {
    assert_eq!(receiver.free_frames() + receiver.outstanding(), receiver.frames());
}

/// All that was queued was completed, and every frame of the sender is free again.
pub fn assert_all_sent(sender: &Sender, queued: u64) {
    let statistics = sender.statistics().expect("statistics");
    assert_eq!(statistics.queued_packets, queued);
    assert_eq!(statistics.completed_packets, queued);
    assert_eq!(statistics.invalid_completions, 0);
    assert_eq!(statistics.kernel.tx_invalid_descs, 0);
    assert_eq!(sender.outstanding(), 0);
    // Twice the TX ring, as documented.
    assert_eq!(sender.free_frames(), 2 * sender_options().tx_ring_size);
}
