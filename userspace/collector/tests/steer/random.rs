//! Random and damaged frames: the program and its twin must agree on each.

use std::cell::RefCell;

use logweir::steering::{SteeringError, Trial};
use logweir_abi::Counter;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRunner},
};

use crate::{
    frames::{C_TAG, S_TAG, Shape},
    host::is_root,
    table::Pair,
    twin::judge,
};

/// What is done to a good frame.
#[derive(Clone, Debug)]
enum Damage {
    Byte(Index, u8),
    /// Within the headers, where it matters most.
    HeaderByte(usize, u8),
    Bit(Index, u8),
    Cut(Index),
    Append(Vec<u8>),
    IpLength(i16),
    UdpLength(i16),
    BothLengths(i16),
    Protocol(u8),
    FirstIpByte(u8),
    FragmentField(u16),
}

fn shape() -> impl Strategy<Value = Shape> {
    let tags = vec(select(vec![C_TAG, S_TAG]), 0..=3);
    let v4 = (
        select(vec!["192.0.2.1", "192.0.2.200", "203.0.113.1", "198.18.0.1"]),
        select(vec!["198.51.100.1", "198.51.100.9"]),
    );
    let v6 = (
        select(vec!["2001:db8:1::1", "2001:db8:1:8000::1", "2001:db8:3::1"]),
        select(vec!["2001:db8:2::1", "2001:db8:2::9"]),
    );
    let hosts = prop_oneof![v4, v6];
    let port = select(vec![514, 514, 514, 2055, 2055, 515, 0]);
    (tags, hosts, port, 0..64_usize, prop_oneof![3 => Just(0), 1 => 0..20_usize]).prop_map(
        |(tags, (source, destination), port, payload_len, padding)| Shape {
            tags,
            source: source.parse().expect("an address"),
            destination: destination.parse().expect("an address"),
            port,
            payload_len,
            padding,
        },
    )
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (12..70_usize, any::<u8>()).prop_map(|(at, byte)| Damage::HeaderByte(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Damage::Bit(at, bit)),
        any::<Index>().prop_map(Damage::Cut),
        vec(any::<u8>(), 1..40).prop_map(Damage::Append),
        (-40..40_i16).prop_map(Damage::IpLength),
        (-40..40_i16).prop_map(Damage::UdpLength),
        (-60..40_i16).prop_map(Damage::BothLengths),
        prop_oneof![any::<u8>(), select(vec![0, 6, 17, 43, 44, 50, 51, 58, 59, 60, 135, 139, 140])]
            .prop_map(Damage::Protocol),
        // Versions that are none, and IPv4 headers with options.
        prop_oneof![any::<u8>(), 0x46..=0x4f_u8].prop_map(Damage::FirstIpByte),
        any::<u16>().prop_map(Damage::FragmentField),
    ]
}

fn damaged(shape: &Shape, damages: &[Damage]) -> Vec<u8> {
    let mut frame = shape.build();
    let (ip, udp) = (shape.ip_offset(), shape.udp_offset());
    let (ip_length, protocol) =
        if shape.source.is_ipv4() { (ip + 2, ip + 9) } else { (ip + 4, ip + 6) };
    for damage in damages {
        match damage {
            Damage::Byte(at, byte) => *at.get_mut(&mut frame) = *byte,
            Damage::HeaderByte(at, byte) => set(&mut frame, *at, &[*byte]),
            Damage::Bit(at, bit) => *at.get_mut(&mut frame) ^= 1 << bit,
            // The kernel runs no program over less than an Ethernet header.
            Damage::Cut(at) => frame.truncate(14 + at.index(frame.len() - 13)),
            Damage::Append(bytes) => frame.extend(bytes),
            Damage::IpLength(by) => add(&mut frame, ip_length, *by),
            Damage::UdpLength(by) => add(&mut frame, udp + 4, *by),
            Damage::BothLengths(by) => {
                add(&mut frame, ip_length, *by);
                add(&mut frame, udp + 4, *by);
            }
            Damage::Protocol(number) => set(&mut frame, protocol, &[*number]),
            Damage::FirstIpByte(byte) => set(&mut frame, ip, &[*byte]),
            Damage::FragmentField(field) => set(&mut frame, ip + 6, &field.to_be_bytes()),
        }
    }
    frame
}

fn set(frame: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(slot) = frame.get_mut(at..at + bytes.len()) {
        slot.copy_from_slice(bytes);
    }
}

fn add(frame: &mut [u8], at: usize, by: i16) {
    if let Some(&[high, low]) = frame.get(at..at + 2) {
        let changed = u16::from_be_bytes([high, low]).wrapping_add_signed(by);
        set(frame, at, &changed.to_be_bytes());
    }
}

#[test]
fn the_program_and_its_twin_agree() {
    if !is_root("the_program_and_its_twin_agree") {
        return;
    }
    let cases = 20_000;
    let pair = RefCell::new(Pair::new(&[]));
    let probe = Shape::v4().build();
    let splits = !matches!(
        pair.borrow()
            .steering
            .try_frame(&Trial { first_buffer_len: Some(50), ..Trial::new(&probe) }),
        Err(SteeringError::Trial { .. })
    );
    let seen = RefCell::new([0_u32; Counter::COUNT]);
    let rules = (
        any::<bool>(),
        prop_oneof![3 => Just(0), 1 => 40..120_u32],
        prop::bool::weighted(0.9),
        prop::option::weighted(if splits { 0.2 } else { 0.0 }, any::<Index>()),
    );
    let strategy = (shape(), vec(damage(), 0..4), rules);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |(shape, damages, rules)| {
        let (enforced, frame_len_max, socket, split) = rules;
        let mut pair = pair.borrow_mut();
        pair.set_allow(if enforced { &["192.0.2.0/25", "2001:db8:1::/49"] } else { &[] });
        pair.set_frame_len_max(frame_len_max);
        pair.set_socket(socket);
        let frame = damaged(&shape, &damages);
        let first_buffer_len = split.map(|at| 14 + at.index(frame.len() - 13));
        let trial = Trial { first_buffer_len, ..Trial::new(&frame) };
        let judged = judge(&pair.rules, &frame, first_buffer_len.unwrap_or(frame.len()));
        pair.expect_trial("random", &trial, judged);
        seen.borrow_mut()[judged.err().unwrap_or(Counter::Redirected) as usize] += 1;
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // The frames are worth something only if they reach every end of the program.
    for counter in Counter::ALL.iter().filter(|counter| **counter != Counter::NoMetadata) {
        let times = seen.borrow()[*counter as usize];
        assert!(times > 0, "{} never came up", counter.name());
    }
}
