//! Sockets come and go, and interfaces too, while packets flow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use logweir_xsk::{Receiver, Wait};

use crate::lab::*;

#[test]
fn a_receiver_is_dropped_and_opened_again_under_traffic() {
    lab(1500, |lab| {
        let stop = AtomicBool::new(false);
        let mut sender = lab.sender(0);
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let mut sequence = 0;
                // Bounded, should the other side never say stop.
                for _ in 0..10_000_000 {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let queued = sender.send(32, |i, b| write_packet(sequence + i as u64, b));
                    sequence += queued as u64;
                    if queued == 0 {
                        sender.wait(Some(Duration::from_millis(1))).expect("wait");
                    }
                }
                sender.flush(Duration::from_secs(10)).expect("flush");
                assert_all_sent(&sender, sequence);
            });
            for _ in 0..10 {
                let mut receiver = lab.receiver(&[0], &receiver_options());
                let received = receive_until(&mut receiver, 500, |received| {
                    check_packet(received);
                });
                assert!(received >= 500, "traffic flows into the new socket");
                assert_no_frame_leaked(&receiver);
            }
            stop.store(true, Ordering::Relaxed);
            sending.join().expect("the sender ends");
        });
    });
}

#[test]
fn a_sender_is_dropped_with_packets_in_its_ring() {
    lab(1500, |lab| {
        let mut receiver = lab.receiver(&[0], &receiver_options());
        for _ in 0..20 {
            let mut sender = lab.sender(0);
            sender.send(2048, |i, bytes| write_packet(i as u64, bytes));
            drop(sender);
            drain(&mut receiver, |received| {
                check_packet(received);
            });
            assert_no_frame_leaked(&receiver);
        }
    });
}

#[test]
fn an_interface_that_goes_down_is_an_event_and_comes_back() {
    lab(1500, |lab| {
        let mut receiver = lab.receiver(&[0], &receiver_options());
        let wait = |receiver: &mut Receiver| receiver.wait(Some(Duration::from_millis(1)));
        assert_eq!(wait(&mut receiver).expect("wait"), Wait::TimedOut);
        run("ip link set rx0 down");
        assert_eq!(wait(&mut receiver).expect("wait"), Wait::InterfaceDown { queue: 0 });
        run("ip link set rx0 up");
        assert_eq!(wait(&mut receiver).expect("wait"), Wait::TimedOut);
        let mut sender = lab.sender(0);
        send_all(&mut sender, 0, 10);
        assert_eq!(receive_until(&mut receiver, 10, |_| ()), 10);
        run("ip link del rx0");
        assert_eq!(wait(&mut receiver).expect("wait"), Wait::InterfaceGone { queue: 0 });
        assert_no_frame_leaked(&receiver);
    });
}
