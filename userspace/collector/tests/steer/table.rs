//! One frame for each thing that the program decides, and what it must decide.

use std::{
    net::{IpAddr, Ipv4Addr},
    os::fd::AsFd as _,
};

use logweir::steering::{
    FRAME_LEN_MAX_DEFAULT, Listener, Prefix, Steering, SteeringConfig, SteeringError, Trial,
    Verdict,
};
use logweir_abi::{ALLOW_MAX, Counter, Fate, FrameMeta};

use crate::{
    frames::{C_TAG, S_TAG, Shape},
    host::{is_root, xdp_socket},
    twin::{Delivery, Rules, judge},
};

pub const ANY: u16 = 1;
pub const BOUND_V4: u16 = 2;
pub const BOUND_V6: u16 = 3;

/// Port 514 everywhere, and with another number on one address of each family; port 2055 on these
/// two addresses only.
pub fn listeners() -> Vec<Listener> {
    let at = |address: &str, port, number| {
        let address = Some(address.parse().expect("an address"));
        Listener { address, port, number }
    };
    vec![
        Listener { address: None, port: 514, number: ANY },
        at("198.51.100.9", 514, BOUND_V4),
        at("2001:db8:2::9", 514, BOUND_V6),
        at("198.51.100.9", 2055, BOUND_V4),
        at("2001:db8:2::9", 2055, BOUND_V6),
    ]
}

/// The program and the twin, told the same.
pub struct Pair {
    pub steering: Steering,
    pub rules: Rules,
    socket: std::os::fd::OwnedFd,
}

impl Pair {
    pub fn new(allow: &[&str]) -> Self {
        let config = SteeringConfig { listeners: listeners(), allow: prefixes(allow) };
        let mut pair = Self {
            steering: Steering::load(&config).expect("the kernel takes the program"),
            rules: Rules {
                listeners: config.listeners,
                allow: config.allow,
                frame_len_max: FRAME_LEN_MAX_DEFAULT,
                socket: false,
            },
            socket: xdp_socket(),
        };
        pair.set_socket(true);
        pair
    }

    pub fn set_socket(&mut self, present: bool) {
        let changed = if present {
            self.steering.insert_socket(0, self.socket.as_fd())
        } else {
            self.steering.remove_socket(0)
        };
        changed.expect("the slot of queue 0");
        self.rules.socket = present;
    }

    pub fn set_allow(&mut self, allow: &[&str]) {
        self.rules.allow = prefixes(allow);
        self.steering.set_allow_list(&self.rules.allow).expect("the allow-list");
    }

    pub fn set_frame_len_max(&mut self, bytes: u32) {
        self.rules.frame_len_max = bytes;
        self.steering.set_frame_len_max(bytes).expect("the setting");
    }

    /// Runs the program over a frame and checks everything that can be seen against `expected`:
    /// the action, the packet, the metadata, and that one counter rose by one.
    pub fn expect(&self, name: &str, frame: &[u8], expected: Result<Delivery, Counter>) {
        self.expect_trial(name, &Trial::new(frame), expected);
    }

    pub fn expect_trial(&self, name: &str, trial: &Trial<'_>, expected: Result<Delivery, Counter>) {
        let before = self.steering.counters().expect("counters");
        let monotonic_before = monotonic_ns();
        let verdict = self.steering.try_frame(trial).expect(name);
        let monotonic_after = monotonic_ns();
        let after = self.steering.counters().expect("counters");

        let counter = expected.err().unwrap_or(Counter::Redirected);
        for (other, value) in after.iter() {
            let rise = value - before[other];
            assert_eq!(rise, u64::from(other == counter), "{name}: {} rose", other.name());
        }
        let action = match counter.fate() {
            Fate::Drop => 1,
            Fate::Pass => 2,
            Fate::Redirect => 4,
        };
        assert_eq!(verdict.action, action, "{name}");
        let (metadata_before, packet) = trial.frame.split_at(trial.metadata_len);
        assert!(verdict.packet == packet, "{name}: the packet was changed");
        match expected {
            Err(_) => assert_eq!(verdict.metadata, metadata_before, "{name}: metadata"),
            Ok(delivery) => {
                let meta = metadata(name, &verdict);
                assert_eq!(delivery_of(meta), delivery, "{name}");
                let time = meta.arrival_ns;
                assert!((monotonic_before..=monotonic_after).contains(&time), "{name}: {time}");
            }
        }
    }

    /// [`Pair::expect`] what the twin says, which must be `counter` for the table's own sake.
    pub fn expect_counter(&self, name: &str, frame: &[u8], counter: Counter) {
        let judged = judge(&self.rules, frame, frame.len());
        assert_eq!(judged.err().unwrap_or(Counter::Redirected), counter, "{name}: the twin");
        self.expect(name, frame, judged);
    }
}

fn metadata(name: &str, verdict: &Verdict) -> FrameMeta {
    let bytes = verdict.metadata.as_slice().try_into().expect("16 bytes of metadata");
    FrameMeta::from_bytes(bytes).unwrap_or_else(|| panic!("{name}: {bytes:?} is no metadata"))
}

fn delivery_of(meta: FrameMeta) -> Delivery {
    Delivery {
        listener: meta.listener,
        payload_offset: meta.payload_offset,
        payload_len: meta.payload_len,
        family: meta.family,
    }
}

fn monotonic_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

pub fn prefixes(texts: &[&str]) -> Vec<Prefix> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

#[test]
fn each_header_shape_is_redirected_with_its_offsets() {
    if !is_root("each_header_shape_is_redirected_with_its_offsets") {
        return;
    }
    let pair = Pair::new(&[]);
    for shape in [Shape::v4(), Shape::v6()] {
        for tags in [
            &[][..],
            &[C_TAG],
            &[S_TAG],
            &[S_TAG, C_TAG],
            &[C_TAG, C_TAG],
            &[S_TAG, S_TAG],
            &[C_TAG, S_TAG],
        ] {
            for (payload, padding) in [(40, 0), (0, 0), (0, 18), (1, 17), (1400, 0), (1400, 4)] {
                let shape = shape.clone().tagged(tags).payload(payload).padded(padding);
                let frame = shape.build();
                let name = format!("{shape:?}");
                pair.expect_counter(&name, &frame, Counter::Redirected);
                let meta =
                    metadata(&name, &pair.steering.try_frame(&Trial::new(&frame)).expect(&name));
                assert_eq!(usize::from(meta.payload_offset), shape.payload_offset(), "{name}");
                assert_eq!(usize::from(meta.payload_len), payload, "{name}");
                let before = usize::from(meta.family.source_address_before_payload());
                let source = &frame[shape.payload_offset() - before..];
                match shape.source {
                    std::net::IpAddr::V4(address) => assert_eq!(source[..4], address.octets()),
                    std::net::IpAddr::V6(address) => assert_eq!(source[..16], address.octets()),
                }
            }
        }
        let three = shape.tagged(&[S_TAG, C_TAG, C_TAG]).build();
        pair.expect_counter("three tags", &three, Counter::NotIp);
    }
}

#[test]
fn each_truncation_is_passed_up_with_its_reason() {
    if !is_root("each_truncation_is_passed_up_with_its_reason") {
        return;
    }
    let pair = Pair::new(&[]);
    for shape in [Shape::v4(), Shape::v6()] {
        for tags in [&[][..], &[C_TAG], &[S_TAG, C_TAG]] {
            let shape = shape.clone().tagged(tags);
            let frame = shape.build();
            // The kernel runs no program over less than an Ethernet header.
            for len in 14..frame.len() {
                let counter = if len < shape.payload_offset() {
                    Counter::Truncated
                } else {
                    Counter::BadLength
                };
                pair.expect_counter(&format!("{shape:?} cut to {len}"), &frame[..len], counter);
            }
        }
    }
}

#[test]
fn each_reason_has_its_frame() {
    if !is_root("each_reason_has_its_frame") {
        return;
    }
    let pair = Pair::new(&["192.0.2.0/24", "2001:db8:1::/48"]);
    for tags in [&[][..], &[C_TAG], &[S_TAG, C_TAG]] {
        let (v4, v6) = (Shape::v4().tagged(tags), Shape::v6().tagged(tags));
        let (ip, udp4, udp6) = (v4.ip_offset(), v4.udp_offset(), v6.udp_offset());
        let v4_to = |port| v4.clone().to("198.51.100.1", port).build();
        let v6_to = |port| v6.clone().to("2001:db8:2::1", port).build();
        let little_endian = v4.clone().to("198.51.100.9", 2055_u16.swap_bytes()).build();
        use Counter::*;
        let rows = [
            ("IPv4", v4.build(), Redirected),
            ("IPv6", v6.build(), Redirected),
            ("ARP", v4.with(ip - 2, &[0x08, 0x06]), NotIp),
            ("MPLS", v4.with(ip - 2, &[0x88, 0x47]), NotIp),
            ("old QinQ", v4.with(ip - 2, &[0x91, 0x00]), NotIp),
            ("802.3 length", v4.with(ip - 2, &[0x00, 0x40]), NotIp),
            ("IPv6 behind IPv4's type", v4.with(ip, &[0x65]), NotIp),
            ("IPv4 behind IPv6's type", v6.with(ip, &[0x40]), NotIp),
            ("IPv4 TCP", v4.with(ip + 9, &[6]), NotUdp),
            ("IPv4 ICMP", v4.with(ip + 9, &[1]), NotUdp),
            ("IPv4 TCP fragment", v4.with(ip + 6, &[0x20, 0, 64, 6]), NotUdp),
            ("IPv6 TCP", v6.with(ip + 6, &[6]), NotUdp),
            ("IPv6 ICMP", v6.with(ip + 6, &[58]), NotUdp),
            ("IPv6 no next header", v6.with(ip + 6, &[59]), NotUdp),
            ("IPv4 other port", v4_to(515), NotListener),
            ("IPv6 other port", v6_to(515), NotListener),
            ("IPv4 port of another address", v4_to(2055), NotListener),
            ("IPv6 port of another address", v6_to(2055), NotListener),
            ("IPv4 port in little endian", little_endian, NotListener),
            ("IPv4 first fragment", v4.with(ip + 6, &[0x20, 0]), Fragment),
            ("IPv4 last fragment", v4.with(ip + 6, &[0, 5]), Fragment),
            ("IPv4 far fragment", v4.with(ip + 6, &[0x1f, 0]), Fragment),
            ("IPv4 fragment with options", v4.with(ip, &[0x46, 0, 0, 68, 0, 0, 0x20, 0]), Fragment),
            ("IPv4 reserved bit", v4.with(ip + 6, &[0x80, 0]), Redirected),
            ("IPv4 may be fragmented", v4.with(ip + 6, &[0, 0]), Redirected),
            ("IPv6 fragment", v6.with(ip + 6, &[44]), Fragment),
            ("IPv4 options", v4.with(ip, &[0x46]), IpOptions),
            ("IPv4 most options", v4.with(ip, &[0x4f]), IpOptions),
            ("IPv6 hop-by-hop", v6.with(ip + 6, &[0]), Ipv6Extension),
            ("IPv6 routing", v6.with(ip + 6, &[43]), Ipv6Extension),
            ("IPv6 ESP", v6.with(ip + 6, &[50]), Ipv6Extension),
            ("IPv6 AH", v6.with(ip + 6, &[51]), Ipv6Extension),
            ("IPv6 destination options", v6.with(ip + 6, &[60]), Ipv6Extension),
            ("IPv6 mobility", v6.with(ip + 6, &[135]), Ipv6Extension),
            ("IPv6 HIP", v6.with(ip + 6, &[139]), Ipv6Extension),
            ("IPv6 Shim6", v6.with(ip + 6, &[140]), Ipv6Extension),
            ("IPv4 header of 4 words", v4.with(ip, &[0x44]), BadLength),
            ("IPv4 length 0", v4.with(ip + 2, &[0, 0]), BadLength),
            ("IPv4 length of its header", v4.with(ip + 2, &[0, 20]), BadLength),
            ("IPv4 length one less", v4.with(ip + 2, &[0, 67]), BadLength),
            ("IPv4 length one more", v4.with(ip + 2, &[0, 69]), BadLength),
            ("IPv6 length 0", v6.with(ip + 4, &[0, 0]), BadLength),
            ("IPv6 length one more", v6.with(ip + 4, &[0, 49]), BadLength),
            ("IPv4 UDP length 0", v4.with(udp4 + 4, &[0, 0]), BadLength),
            ("IPv4 UDP length one less", v4.with(udp4 + 4, &[0, 47]), BadLength),
            ("IPv6 UDP length one more", v6.with(udp6 + 4, &[0, 49]), BadLength),
            ("IPv4 UDP and IP agree on 7", both(&v4, ip + 2, 27, udp4 + 4, 7), BadLength),
            ("IPv6 UDP and IP agree on 7", both(&v6, ip + 4, 7, udp6 + 4, 7), BadLength),
            ("IPv4 agree, longer than frame", both(&v4, ip + 2, 69, udp4 + 4, 49), BadLength),
            ("IPv6 agree, longer than frame", both(&v6, ip + 4, 49, udp6 + 4, 49), BadLength),
            ("IPv4 agree, shorter than frame", both(&v4, ip + 2, 28, udp4 + 4, 8), Redirected),
            ("IPv6 agree, shorter than frame", both(&v6, ip + 4, 8, udp6 + 4, 8), Redirected),
            ("IPv4 not allowed", v4.clone().from("203.0.113.1").build(), NotAllowed),
            ("IPv6 not allowed", v6.clone().from("2001:db8:3::1").build(), NotAllowed),
        ];
        for (name, frame, counter) in rows {
            pair.expect_counter(&format!("{name}, {} tags", tags.len()), &frame, counter);
        }
    }
}

/// A frame with two lengths replaced.
fn both(shape: &Shape, ip_at: usize, ip_len: u16, udp_at: usize, udp_len: u16) -> Vec<u8> {
    let mut frame = shape.with(ip_at, &ip_len.to_be_bytes());
    frame[udp_at..udp_at + 2].copy_from_slice(&udp_len.to_be_bytes());
    frame
}

#[test]
fn a_listener_on_an_address_comes_before_one_on_any() {
    if !is_root("a_listener_on_an_address_comes_before_one_on_any") {
        return;
    }
    let pair = Pair::new(&[]);
    for (frame, number) in [
        (Shape::v4().build(), ANY),
        (Shape::v6().build(), ANY),
        (Shape::v4().to("198.51.100.9", 514).build(), BOUND_V4),
        (Shape::v6().to("2001:db8:2::9", 514).build(), BOUND_V6),
        (Shape::v4().to("198.51.100.9", 2055).build(), BOUND_V4),
        (Shape::v6().to("2001:db8:2::9", 2055).build(), BOUND_V6),
    ] {
        let verdict = pair.steering.try_frame(&Trial::new(&frame)).expect("a run");
        assert_eq!(metadata("listener", &verdict).listener, number);
    }
}

#[test]
fn the_allow_list_takes_the_longest_prefix_and_changes_while_running() {
    if !is_root("the_allow_list_takes_the_longest_prefix_and_changes_while_running") {
        return;
    }
    let mut pair = Pair::new(&[]);
    let frames = |pair: &Pair, allowed: &[&str], refused: &[&str]| {
        for (sources, counter) in [(allowed, Counter::Redirected), (refused, Counter::NotAllowed)] {
            for source in sources {
                let shape = if source.contains(':') { Shape::v6() } else { Shape::v4() };
                pair.expect_counter(source, &shape.from(source).build(), counter);
            }
        }
    };
    frames(&pair, &["192.0.2.1", "203.0.113.1", "2001:db8:1::1"], &[]);

    pair.set_allow(&["192.0.0.0/8", "192.0.2.0/24", "192.0.2.7", "2001:db8::/32"]);
    frames(
        &pair,
        &["192.0.2.1", "192.0.2.7", "192.0.0.0", "192.255.255.255", "2001:db8:ffff::1"],
        &["191.255.255.255", "193.0.0.0", "203.0.113.1", "2001:db7:ffff::1", "2001:db9::1"],
    );
    // The longest prefixes go; the shortest still holds their addresses.
    pair.set_allow(&["192.0.0.0/8", "2001:db8:1::/48"]);
    frames(&pair, &["192.0.2.7", "192.0.2.1", "2001:db8:1::1"], &["2001:db8:2::1"]);
    // The shortest goes; the longest still holds its address.
    pair.set_allow(&["192.0.2.7", "2001:db8:1::1/128"]);
    frames(&pair, &["192.0.2.7", "2001:db8:1::1"], &["192.0.2.6", "2001:db8:1::2"]);
    // One family alone shuts the other out; a length of 0 lets a whole family in.
    pair.set_allow(&["0.0.0.0/0"]);
    frames(&pair, &["203.0.113.1"], &["2001:db8:1::1"]);
    pair.set_allow(&["::/0"]);
    frames(&pair, &["2001:db8:1::1"], &["203.0.113.1"]);
    pair.set_allow(&[]);
    frames(&pair, &["203.0.113.1", "2001:db8:1::1"], &[]);
}

/// Each as long as a list may be, and without an address in common.
#[test]
fn a_long_allow_list_takes_the_place_of_another_or_leaves_it_whole() {
    if !is_root("a_long_allow_list_takes_the_place_of_another_or_leaves_it_whole") {
        return;
    }
    let mut pair = Pair::new(&[]);
    let hosts = |network: u8| -> Vec<Prefix> {
        let host = |number: u32| {
            let [_, a, b, c] = number.to_be_bytes();
            IpAddr::from([network, a, b, c]).into()
        };
        (0..ALLOW_MAX).map(host).collect()
    };
    const REDIRECT: u32 = 4;
    let lets_in = |pair: &Pair, network: u8| {
        let from = Ipv4Addr::new(network, 0, 0, 1);
        let frame = Shape::v4().from(&from.to_string()).build();
        let verdict = pair.steering.try_frame(&Trial::new(&frame)).expect("a run");
        verdict.action == REDIRECT
    };
    for network in [10, 11, 10] {
        pair.steering.replace_allow_list(&hosts(network)).expect("there is room");
        assert_eq!([lets_in(&pair, network), lets_in(&pair, network ^ 1)], [true, false]);
    }
    let mut longer = hosts(11);
    longer.push(IpAddr::from([12, 0, 0, 1]).into());
    let refused = pair.steering.replace_allow_list(&longer);
    assert!(matches!(refused, Err(SteeringError::TooMany { .. })), "{refused:?}");
    assert_eq!([lets_in(&pair, 10), lets_in(&pair, 11)], [true, false]);
}

#[test]
fn a_frame_without_a_socket_is_passed_up_untouched() {
    if !is_root("a_frame_without_a_socket_is_passed_up_untouched") {
        return;
    }
    let mut pair = Pair::new(&[]);
    for present in [false, true, false] {
        pair.set_socket(present);
        let counter = if present { Counter::Redirected } else { Counter::NoSocket };
        pair.expect_counter("IPv4", &Shape::v4().build(), counter);
        pair.expect_counter("IPv6", &Shape::v6().build(), counter);
    }
    // A socket that is closed leaves the map by itself.
    let pair = Pair { socket: xdp_socket(), ..Pair::new(&[]) };
    pair.expect("closed", &Shape::v4().build(), Err(Counter::NoSocket));
}

#[test]
fn metadata_of_another_program_is_left_alone() {
    if !is_root("metadata_of_another_program_is_left_alone") {
        return;
    }
    let pair = Pair::new(&[]);
    for metadata_len in [4, 16, 32] {
        let mut frame = vec![0xee; metadata_len];
        frame.extend(Shape::v4().build());
        let trial = Trial { metadata_len, ..Trial::new(&frame) };
        pair.expect_trial("foreign metadata", &trial, Err(Counter::NoMetadata));
    }
}

#[test]
fn the_longest_frame_is_the_one_that_was_set() {
    if !is_root("the_longest_frame_is_the_one_that_was_set") {
        return;
    }
    let mut pair = Pair::new(&[]);
    let frame = Shape::v4().build();
    for (frame_len_max, counter) in [
        (frame.len() as u32 - 1, Counter::TooLong),
        (frame.len() as u32, Counter::Redirected),
        (1, Counter::TooLong),
        (0, Counter::Redirected),
    ] {
        pair.set_frame_len_max(frame_len_max);
        pair.expect_counter("limit", &frame, counter);
    }
    pair.set_frame_len_max(FRAME_LEN_MAX_DEFAULT);
    let overhead = Shape::v4().payload_offset();
    let longest = FRAME_LEN_MAX_DEFAULT as usize - overhead;
    pair.expect_counter("the default", &Shape::v4().payload(longest).build(), Counter::Redirected);
    pair.expect_counter("beyond it", &Shape::v4().payload(longest + 1).build(), Counter::TooLong);
    pair.expect_counter("jumbo", &Shape::v6().payload(8900).build(), Counter::TooLong);
    pair.set_frame_len_max(0);
    pair.expect_counter("jumbo", &Shape::v6().payload(8900).build(), Counter::Redirected);
}

#[test]
fn headers_must_lie_in_the_first_buffer() {
    if !is_root("headers_must_lie_in_the_first_buffer") {
        return;
    }
    let pair = Pair::new(&[]);
    for shape in [Shape::v4(), Shape::v6(), Shape::v6().tagged(&[S_TAG, C_TAG])] {
        let frame = shape.build();
        let split = |at| Trial { first_buffer_len: Some(at), ..Trial::new(&frame) };
        if let Err(SteeringError::Trial { .. }) = pair.steering.try_frame(&split(60)) {
            println!("skipped: the kernel (before 6.18) splits no short frame into buffers");
            return;
        }
        for at in 14..=frame.len() {
            let judged = judge(&pair.rules, &frame, at);
            assert_eq!(judged.is_ok(), at >= shape.payload_offset());
            pair.expect_trial(&format!("{shape:?} split at {at}"), &split(at), judged);
        }
    }
}
