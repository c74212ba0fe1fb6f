//! Packets that need several frames, sent by an ordinary UDP socket over a large MTU.

use std::net::UdpSocket;

use logweir_xsk::ReceiverOptions;

use crate::lab::*;

const HEADERS_LEN: usize = 14 + 20 + 8;

/// A socket whose datagrams leave by `tx0`; 198.51.100.2 is nowhere but in the neighbour table.
fn udp_socket() -> UdpSocket {
    run("ip addr add 198.51.100.1/24 dev tx0");
    run("ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev tx0");
    let socket = UdpSocket::bind("198.51.100.1:40000").expect("bind");
    socket.connect("198.51.100.2:514").expect("connect");
    socket
}

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + len) as u8).collect()
}

#[test]
fn parts_are_joined_and_what_is_too_long_is_counted() {
    lab(9000, |lab| {
        let socket = udp_socket();
        let options = ReceiverOptions { multi_buffer: Some(8000), ..receiver_options() };
        let mut receiver = lab.receiver(&[0, 1], &options);
        assert!(receiver.is_multi_buffer(), "this kernel is known to take XDP_USE_SG");
        let lens = [100, 1700, 1792 - 42, 1793 - 42, 4000, 7958, 7959, 8900, 200, 5000];
        for len in lens {
            socket.send(&payload(len)).expect("send");
        }
        let mut seen = Vec::new();
        receive_until(&mut receiver, 8, |received| {
            let payload_seen = &received.packet()[HEADERS_LEN..];
            assert_eq!(payload_seen, payload(payload_seen.len()));
            check_metadata(received);
            seen.push(payload_seen.len());
        });
        assert_eq!(seen, [100, 1700, 1750, 1751, 4000, 7958, 200, 5000]);
        let statistics = receiver.statistics().expect("statistics");
        assert_eq!(statistics.multi_buffer_packets, 4);
        assert_eq!(statistics.multi_buffer_too_long, 2);
        assert_eq!(statistics.multi_buffer_truncated, 0);
        assert_eq!(statistics.lost_packets(), 2);
        assert_no_frame_leaked(&receiver);
    });
}

#[test]
fn without_multi_buffer_the_kernel_counts_what_does_not_fit() {
    lab(9000, |lab| {
        let socket = udp_socket();
        let mut receiver = lab.receiver(&[0, 1], &receiver_options());
        assert!(!receiver.is_multi_buffer());
        for len in [100, 4000, 200] {
            socket.send(&payload(len)).expect("send");
        }
        let mut seen = Vec::new();
        receive_until(&mut receiver, 2, |received| seen.push(received.packet().len()));
        assert_eq!(seen, [142, 242]);
        assert_eq!(receiver.statistics().expect("statistics").lost_packets(), 1);
        assert_no_frame_leaked(&receiver);
    });
}
