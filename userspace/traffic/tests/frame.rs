//! Frames against another implementation, and captures read back.

use std::net::SocketAddr;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use logweir_traffic::frame::{Frame, HEADERS_BYTES_MAX, UdpChecksum};
use logweir_traffic::pcap;
use pcap_parser::{PcapCapture, traits::PcapReaderIterator};
use proptest::prelude::*;

fn addresses(is_v6: bool, bits: u128, ports: (u16, u16)) -> (SocketAddr, SocketAddr) {
    if is_v6 {
        let (source, destination) = (bits.to_be_bytes(), (!bits).to_be_bytes());
        ((source, ports.0).into(), (destination, ports.1).into())
    } else {
        let (source, destination) = ((bits as u32).to_be_bytes(), (!bits as u32).to_be_bytes());
        ((source, ports.0).into(), (destination, ports.1).into())
    }
}

/// The addresses of a sliced packet.
fn ends(packet: &SlicedPacket<'_>) -> Option<(SocketAddr, SocketAddr)> {
    let Some(TransportSlice::Udp(udp)) = &packet.transport else { return None };
    let ports = (udp.source_port(), udp.destination_port());
    match packet.net.as_ref()? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            Some(((header.source(), ports.0).into(), (header.destination(), ports.1).into()))
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            Some(((header.source(), ports.0).into(), (header.destination(), ports.1).into()))
        }
        _ => None,
    }
}

/// The UDP checksum as etherparse computes it.
fn checksum(packet: &SlicedPacket<'_>) -> u16 {
    let Some(TransportSlice::Udp(udp)) = &packet.transport else { panic!("no UDP") };
    match packet.net.as_ref().expect("an IP header") {
        NetSlice::Ipv4(ip) => udp.to_header().calc_checksum_ipv4_raw(
            ip.header().source(),
            ip.header().destination(),
            udp.payload(),
        ),
        NetSlice::Ipv6(ip) => udp.to_header().calc_checksum_ipv6_raw(
            ip.header().source(),
            ip.header().destination(),
            udp.payload(),
        ),
        _ => panic!("no IP"),
    }
    .expect("the payload fits")
}

proptest! {
    #[test]
    fn another_implementation_reads_the_frame(
        is_v6: bool,
        bits: u128,
        ports: (u16, u16),
        // etherparse reads three tags at most.
        vlans in prop::collection::vec(0u16..4_096, 0..4),
        payload in prop::collection::vec(any::<u8>(), 0..1_500),
        zero: bool,
    ) {
        let (source, destination) = addresses(is_v6, bits, ports);
        let (src_mac, dst_mac) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let frame = Frame { src_mac, dst_mac, vlans: &vlans, source, destination };
        let mut buffer = vec![0xaa; payload.len() + HEADERS_BYTES_MAX];
        let kind = if zero { UdpChecksum::Zero } else { UdpChecksum::Computed };
        let prepared = frame.prepare(kind).expect("one family");
        let length = prepared.write(&payload, &mut buffer).expect("the buffer is long enough");
        prop_assert_eq!(length, prepared.headers_len() + payload.len());

        let packet = SlicedPacket::from_ethernet(&buffer[..length]).expect("a whole packet");
        prop_assert_eq!(ends(&packet), Some((source, destination)));
        let tags: Vec<u16> = packet.vlan_ids().iter().map(|id| id.value()).collect();
        prop_assert_eq!(&tags, &vlans);
        let Some(TransportSlice::Udp(udp)) = &packet.transport else { panic!("no UDP") };
        prop_assert_eq!(udp.payload(), &payload[..]);
        let expected = if zero && !is_v6 { 0 } else { checksum(&packet) };
        prop_assert_eq!(udp.checksum(), expected);
        if let Some(NetSlice::Ipv4(ip)) = &packet.net {
            let header = ip.header().to_header();
            prop_assert_eq!(header.header_checksum, header.calc_header_checksum());
        }
        if !zero {
            let mut again = vec![0; buffer.len()];
            prop_assert_eq!(frame.write(&payload, &mut again), Some(length));
            prop_assert_eq!(&again[..length], &buffer[..length]);
        }
    }
}

#[test]
fn a_sum_of_zero_is_sent_as_all_ones() {
    // One of all payloads of two bytes brings the sum to 0xffff.
    let (source, destination) = addresses(false, 0x0102_0304, (1, 2));
    let frame = Frame { src_mac: [0; 6], dst_mac: [0; 6], vlans: &[], source, destination };
    let mut buffer = [0u8; 64];
    let mut ones = 0;
    for last in 0..=u16::MAX {
        let length = frame.write(&last.to_be_bytes(), &mut buffer).expect("it fits");
        let sent = u16::from_be_bytes([buffer[length - 4], buffer[length - 3]]);
        assert_ne!(sent, 0);
        ones += u32::from(sent == 0xffff);
    }
    assert!(ones >= 1);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (source, destination) = addresses(false, 7, (1, 2));
    let base = Frame { src_mac: [0; 6], dst_mac: [0; 6], vlans: &[], source, destination };
    let mut buffer = vec![0; 70_000];
    assert_eq!(base.write(&[0; 10], &mut buffer[..51]), None);
    assert_eq!(base.write(&[0; 10], &mut buffer[..52]), Some(52));
    assert_eq!(base.write(&vec![0; 65_507], &mut buffer), Some(65_507 + 42));
    assert_eq!(base.write(&vec![0; 65_508], &mut buffer), None);
    let (other, _) = addresses(true, 7, (1, 2));
    assert_eq!(Frame { source: other, ..base }.write(&[], &mut buffer), None);
    assert_eq!(Frame { vlans: &[1; 5], ..base }.write(&[], &mut buffer), None);
}

#[test]
fn a_capture_is_read_back() {
    let frames: Vec<(u64, Vec<u8>)> =
        (0..50u64).map(|n| (1_767_225_600_999_999_990 + n, vec![n as u8; n as usize])).collect();
    let mut writer = pcap::Writer::new(Vec::new()).expect("memory");
    for (time, frame) in &frames {
        writer.write_frame(*time, frame).expect("memory");
    }
    assert!(writer.write_frame(0, &vec![0; 262_145]).is_err());
    let file = writer.finish().expect("memory");

    let capture = PcapCapture::from_file(&file).expect("a capture");
    assert!(capture.header.is_nanosecond_precision());
    let read: Vec<(u64, Vec<u8>)> = capture
        .blocks
        .iter()
        .map(|block| {
            let time = u64::from(block.ts_sec) * 1_000_000_000 + u64::from(block.ts_usec);
            (time, block.data.to_vec())
        })
        .collect();
    assert_eq!(read, frames);
    // The streaming reader, which the collector's capture source is built on, reads it too.
    let mut reader = pcap_parser::LegacyPcapReader::new(65_536, &file[..]).expect("a capture");
    let mut blocks = 0;
    while let Ok((offset, _)) = reader.next() {
        reader.consume(offset);
        blocks += 1;
    }
    assert_eq!(blocks, frames.len() + 1, "the header is a block");
}
