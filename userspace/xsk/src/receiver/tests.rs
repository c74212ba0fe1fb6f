//! The receive loop with a test in the kernel's place, honest and hostile.

use proptest::prelude::*;

use super::loopback::{self, Kernel};
use super::*;

const CONTINUES: u32 = XdpDescOptions::XDP_PKT_CONTD.bits();
const FRAMES: u32 = 6;

fn receiver(join_max: usize) -> (Receiver, Kernel) {
    loopback::receiver(FRAMES, 8, join_max)
}

#[test]
fn frames_go_round_for_ever() {
    let (mut receiver, mut kernel) = receiver(0);
    for round in 0..100 {
        for _ in 0..3 {
            let address = kernel.take().expect("the fill ring is kept full");
            kernel.write(address + 256, 60 + round, 0);
        }
        let mut lens = Vec::new();
        assert_eq!(receiver.waiting(), 3);
        assert_eq!(receiver.receive(2, |one| lens.push(one.packet().len())), 2, "as told");
        assert_eq!(receiver.waiting(), 1);
        assert_eq!(receiver.receive(2, |one| lens.push(one.packet().len())), 1);
        assert_eq!(lens, [60 + round as usize; 3]);
        assert_eq!((receiver.free_frames(), receiver.outstanding()), (0, FRAMES));
    }
}

#[test]
fn a_packet_in_parts_may_arrive_in_two_calls() {
    let (mut receiver, mut kernel) = receiver(5000);
    for (len, options) in [(1792, CONTINUES), (1792, CONTINUES)] {
        let address = kernel.take().expect("filled");
        kernel.write(address + 256, len, options);
    }
    assert_eq!(receiver.receive(8, |_| panic!("it is not whole")), 0);
    let address = kernel.take().expect("filled");
    kernel.write(address + 256, 100, 0);
    let mut len = 0;
    assert_eq!(receiver.receive(8, |one| len = one.packet().len()), 1);
    assert_eq!(len, 1792 + 1792 + 100);
    assert_eq!(receiver.queues[0].counters.multi_buffer_packets, 1);
}

#[test]
fn a_packet_that_the_kernel_names_twice_is_given_once() {
    let (mut receiver, mut kernel) = receiver(0);
    let address = kernel.take().expect("filled");
    kernel.write(address + 256, 60, 0);
    kernel.write(address + 256, 60, 0);
    kernel.write(u64::MAX, 60, 0);
    assert_eq!(receiver.receive(8, |_| ()), 1);
    let counters = receiver.queues[0].counters;
    assert_eq!((counters.invalid_descriptors, counters.invalid_packets), (2, 2));
}

proptest! {
    /// Whatever stands in the RX ring, nothing panics, every descriptor is a packet or counted,
    /// and every frame is somewhere.
    #[test]
    fn no_descriptor_breaks_the_receiver(
        descriptors in prop::collection::vec(
            (prop_oneof![0..u64::from(FRAMES) * 2048 + 4096, any::<u64>()], 0..2600u32, 0..2u32),
            0..200,
        ),
    ) {
        let (mut receiver, mut kernel) = receiver(3000);
        let mut ended = 0;
        let mut given = 0;
        for (address, len, options) in descriptors {
            kernel.write(address, len, options);
            ended += u64::from(options & CONTINUES == 0);
            given += receiver.receive(8, |one| {
                let sum: u64 = one.packet().iter().map(|&byte| u64::from(byte)).sum();
                assert_eq!(sum, 0, "nothing was ever written there");
                let _ = one.metadata::<16>();
            }) as u64;
            prop_assert_eq!(receiver.free_frames() + receiver.outstanding(), FRAMES);
            // The fill ring has room for every frame as long as the kernel takes some.
            kernel.take();
        }
        let counters = receiver.queues[0].counters;
        prop_assert_eq!(counters.received_packets, given);
        let lost = counters.lost_packets();
        prop_assert_eq!(given + lost, ended);
    }
}

#[test]
fn a_receiver_can_be_handed_to_its_worker() {
    fn assert_send<T: Send>() {}
    assert_send::<Receiver>();
    assert_send::<crate::Sender>();
}
