//! What is lost is counted, and the rest arrives: received + counted = sent.

use logweir_xsk::ReceiverOptions;

use crate::lab::*;

const SENT: u64 = 1000;

#[test]
fn a_full_rx_ring_is_counted() {
    lab(1500, |lab| {
        let options = ReceiverOptions { rx_ring_size: 64, ..receiver_options() };
        let mut receiver = lab.receiver(&[0], &options);
        let mut sender = lab.sender(0);
        send_all(&mut sender, 0, SENT);
        let mut next = 0;
        let received = drain(&mut receiver, |received| {
            assert_eq!(check_packet(received), next, "the first ones stay");
            next += 1;
        });
        let statistics = receiver.statistics().expect("statistics");
        assert_eq!(received, 64);
        assert_eq!(statistics.kernel.rx_ring_full, SENT - 64);
        assert_eq!(received + statistics.lost_packets(), SENT);
        assert_no_frame_leaked(&receiver);

        send_all(&mut sender, 0, 10);
        assert_eq!(receive_until(&mut receiver, 10, |_| ()), 10, "it goes on afterwards");
        assert_no_frame_leaked(&receiver);
        assert_all_sent(&sender, SENT + 10);
    });
}

#[test]
fn an_empty_fill_ring_is_counted() {
    lab(1500, |lab| {
        let options = ReceiverOptions { frames_per_queue: Some(16), ..receiver_options() };
        let mut receiver = lab.receiver(&[0], &options);
        let mut sender = lab.sender(0);
        send_all(&mut sender, 0, SENT);
        assert_eq!(receiver.outstanding(), 16);
        let received = drain(&mut receiver, |received| {
            check_packet(received);
        });
        let statistics = receiver.statistics().expect("statistics");
        assert_eq!(received, 16);
        assert!(statistics.kernel.rx_fill_ring_empty_descs > 0);
        assert_eq!(statistics.kernel.rx_dropped, SENT - 16);
        assert_eq!(received + statistics.lost_packets(), SENT);
        assert_no_frame_leaked(&receiver);

        send_all(&mut sender, 0, 10);
        assert_eq!(receive_until(&mut receiver, 10, |_| ()), 10, "the ring was filled again");
        assert_no_frame_leaked(&receiver);
    });
}

#[test]
fn queues_of_one_receiver_do_not_lose_each_others_frames() {
    lab(1500, |lab| {
        let options =
            ReceiverOptions { rx_ring_size: 64, frames_per_queue: Some(32), ..receiver_options() };
        let mut receiver = lab.receiver(&[0, 1], &options);
        let mut senders = [lab.sender(0), lab.sender(1)];
        let mut received = 0;
        let mut sent = 0;
        for round in 0..20 {
            let queue = round % 2;
            send_all(&mut senders[queue], sent, 50);
            sent += 50;
            received += drain(&mut receiver, |received| {
                assert_eq!(received.queue() as usize, queue);
                check_packet(received);
            });
            assert_no_frame_leaked(&receiver);
        }
        let statistics = receiver.statistics().expect("statistics");
        assert_eq!(received + statistics.lost_packets(), sent);
    });
}
