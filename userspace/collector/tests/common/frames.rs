//! Captures of a few datagrams.

use std::{fs::File, net::IpAddr, path::Path};

use logweir_traffic::{frame::Frame, pcap::Writer};

/// Writes a capture of these payloads from these addresses, a millisecond apart.
pub fn capture<'a>(path: &Path, datagrams: impl IntoIterator<Item = (&'a str, &'a [u8])>) {
    let mut capture = Writer::new(File::create(path).expect("a file")).expect("a capture");
    let mut bytes = vec![0; 65_536];
    for ((source, payload), index) in datagrams.into_iter().zip(0u64..) {
        let source: IpAddr = source.parse().expect("an address");
        let destination = if source.is_ipv4() { "203.0.113.9" } else { "2001:db8::9" };
        let frame = Frame {
            src_mac: [2; 6],
            dst_mac: [4; 6],
            vlans: &[],
            source: (source, 4000).into(),
            destination: (destination.parse::<IpAddr>().expect("an address"), 514).into(),
        };
        let len = frame.write(payload, &mut bytes).expect("a frame");
        let at_ns = 1_767_225_600_000_000_000 + index * 1_000_000;
        capture.write_frame(at_ns, &bytes[..len]).expect("a frame");
    }
    capture.finish().expect("a capture");
}
