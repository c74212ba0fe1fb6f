//! Packets arrive whole, once, in order and with their metadata, however the sockets are set up.

use std::thread;

use logweir_xsk::{BusyPoll, FrameSize, ReceiverOptions, Sender, SenderOptions};

use crate::lab::*;

/// Sends 2000 packets into each of two queues and checks each of them on the other side.
fn pass_by_both_queues(lab: &Lab, options: &ReceiverOptions) {
    const SENT: u64 = 2000;
    let mut receiver = lab.receiver(&[0, 1], options);
    assert!(!receiver.is_zero_copy(), "copy mode was asked for");
    let mut senders = [lab.sender(0), lab.sender(1)];
    let receiving = thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            let mut next = [0, SENT];
            let total = receive_until(&mut receiver, 2 * SENT, |received| {
                let next = &mut next[received.queue() as usize];
                assert_eq!(check_packet(received), *next, "in order");
                *next += 1;
            });
            assert_eq!(next, [SENT, 2 * SENT]);
            total
        });
        for (queue, sender) in senders.iter_mut().enumerate() {
            send_all(sender, queue as u64 * SENT, SENT);
        }
        receiving.join()
    });
    assert_eq!(receiving.expect("every packet is right"), 2 * SENT);
    let statistics = receiver.statistics().expect("statistics");
    assert_eq!(statistics.received_packets, 2 * SENT);
    assert_eq!(statistics.received_bytes, 2 * SENT * PACKET_LEN as u64);
    assert_eq!(statistics.invalid_descriptors, 0);
    assert_eq!(statistics.lost_packets(), 0);
    for (queue, statistics) in receiver.queue_statistics() {
        assert_eq!(statistics.expect("statistics").received_packets, SENT, "queue {queue}");
    }
    assert_no_frame_leaked(&receiver);
    senders.iter().for_each(|sender| assert_all_sent(sender, SENT));
}

#[test]
fn two_queues_share_a_umem() {
    lab(1500, |lab| pass_by_both_queues(lab, &receiver_options()));
}

#[test]
fn without_need_wakeup() {
    lab(1500, |lab| {
        pass_by_both_queues(lab, &ReceiverOptions { need_wakeup: false, ..receiver_options() });
    });
}

#[test]
fn with_large_frames_headroom_and_normal_pages() {
    lab(1500, |lab| {
        let options = ReceiverOptions {
            frame_size: FrameSize::Bytes4096,
            headroom: 128,
            huge_pages: false,
            ..receiver_options()
        };
        pass_by_both_queues(lab, &options);
    });
}

#[test]
fn with_busy_polling() {
    lab(1500, |lab| {
        let options =
            ReceiverOptions { busy_poll: Some(BusyPoll::default()), ..receiver_options() };
        pass_by_both_queues(lab, &options);
    });
}

#[test]
fn with_rings_so_small_that_they_wrap_often() {
    lab(1500, |lab| {
        // The receiver takes each packet before the next is sent: nothing may be lost.
        let options = ReceiverOptions { rx_ring_size: 4, ..receiver_options() };
        let mut receiver = lab.receiver(&[0], &options);
        let sender_options = SenderOptions { tx_ring_size: 2, ..sender_options() };
        let mut sender = Sender::open(&lab.sending, 0, &sender_options).expect("sender");
        for sequence in 0..500 {
            send_all(&mut sender, sequence, 1);
            let mut seen = None;
            receive_until(&mut receiver, 1, |received| seen = Some(check_packet(received)));
            assert_eq!(seen, Some(sequence));
        }
        assert_eq!(receiver.statistics().expect("statistics").lost_packets(), 0);
        assert_no_frame_leaked(&receiver);
        assert_eq!(sender.outstanding(), 0);
    });
}

#[test]
fn two_receivers_with_a_umem_each() {
    lab(1500, |lab| {
        let mut receivers = [0, 1].map(|queue| lab.receiver(&[queue], &receiver_options()));
        for (queue, receiver) in receivers.iter_mut().enumerate() {
            let mut sender = lab.sender(queue as u32);
            send_all(&mut sender, 0, 500);
            let mut next = 0;
            let total = receive_until(receiver, 500, |received| {
                assert_eq!(received.queue(), queue as u32);
                assert_eq!(check_packet(received), next);
                next += 1;
            });
            assert_eq!(total, 500);
            assert_all_sent(&sender, 500);
            assert_no_frame_leaked(receiver);
        }
    });
}

#[test]
fn a_hundred_thousand_packets_and_none_lost() {
    const SENT: u64 = 100_000;
    lab(1500, |lab| {
        // As many frames as packets that can wait, so that the receiver may be late.
        let options = ReceiverOptions { rx_ring_size: 1 << 17, ..receiver_options() };
        let mut receiver = lab.receiver(&[0], &options);
        let mut sender = lab.sender(0);
        let total = thread::scope(|scope| {
            let receiving = scope.spawn(|| {
                let mut next = 0;
                receive_until(&mut receiver, SENT, |received| {
                    assert_eq!(check_packet(received), next);
                    next += 1;
                })
            });
            send_all(&mut sender, 0, SENT);
            receiving.join().expect("every packet is right")
        });
        assert_eq!(total, SENT);
        assert_eq!(receiver.statistics().expect("statistics").lost_packets(), 0);
        assert_all_sent(&sender, SENT);
        assert_no_frame_leaked(&receiver);
    });
}

#[test]
fn a_packet_of_length_zero_is_not_sent_and_keeps_its_frame() {
    lab(1500, |lab| {
        let mut receiver = lab.receiver(&[0], &receiver_options());
        let mut sender = lab.sender(0);
        let queued = sender.send(10, |i, bytes| match i % 2 {
            0 => 0,
            _ => write_packet(i as u64, bytes),
        });
        assert_eq!(queued, 5);
        sender.flush(std::time::Duration::from_secs(10)).expect("flush");
        let mut seen = Vec::new();
        receive_until(&mut receiver, 5, |received| seen.push(check_packet(received)));
        assert_eq!(seen, [1, 3, 5, 7, 9]);
        assert_all_sent(&sender, 5);
    });
}
