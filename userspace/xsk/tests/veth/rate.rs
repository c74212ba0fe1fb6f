//! How fast packets pass from a sender to a receiver on this machine. Asserts the balance only:
//! `cargo test -p logweir-xsk --release --test veth -- --ignored --nocapture rate`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logweir_xsk::{ReceiverOptions, Wait};

use crate::lab::*;

const SENT: u64 = 3_000_000;

#[test]
#[ignore = "a measurement, for people to run"]
#[expect(clippy::print_stdout, reason = "a measurement is read by people")]
fn rate() {
    lab(1500, |lab| {
        let options = ReceiverOptions { rx_ring_size: 8192, ..receiver_options() };
        let mut receiver = lab.receiver(&[0], &options);
        let mut sender = lab.sender(0);
        let mut packet = [0; PACKET_LEN];
        write_packet(0, &mut packet);
        let done = AtomicBool::new(false);
        let start = Instant::now();
        let received = thread::scope(|scope| {
            let receiving = scope.spawn(|| {
                let mut received = 0;
                let mut bytes = 0;
                loop {
                    let last = done.load(Ordering::Acquire);
                    let batch = receiver.receive(256, |one| bytes += one.packet().len());
                    received += batch as u64;
                    if batch == 0 {
                        let wait = receiver.wait(Some(Duration::from_millis(1))).expect("wait");
                        if last && wait == Wait::TimedOut {
                            break;
                        }
                    }
                }
                assert_eq!(bytes as u64, received * PACKET_LEN as u64);
                received
            });
            let mut sent = 0;
            while sent < SENT {
                sent += sender.send((SENT - sent).min(256) as usize, |_, bytes| {
                    bytes[..PACKET_LEN].copy_from_slice(&packet);
                    PACKET_LEN
                }) as u64;
            }
            sender.flush(Duration::from_secs(10)).expect("flush");
            done.store(true, Ordering::Release);
            receiving.join().expect("the receiver ends")
        });
        let seconds = start.elapsed().as_secs_f64();
        let lost = receiver.statistics().expect("statistics").lost_packets();
        let sender = sender.statistics().expect("statistics");
        assert_eq!(received + lost, SENT);
        println!(
            "copy mode on veth, {PACKET_LEN}-byte packets: {SENT} sent, {received} received, \
             {lost} lost and counted, {:.0} packets/s; {} send calls, {} of them answered \"not now\"",
            SENT as f64 / seconds,
            sender.wakeups,
            sender.wakeup_retries,
        );
    });
}
