//! What the rings cost a packet in user space: its descriptor read from the RX ring, its frame given
//! back by the fill ring. The benchmark plays the kernel, outside of what is timed; the caches are
//! as warm as that leaves them.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use logweir_abi::{FRAME_META_LEN, FrameMeta};
use logweir_benches::{cpu_time::CpuTime, harness};
use logweir_xsk::{
    PACKET_HEADROOM, Receiver,
    loopback::{self, Kernel},
};
use std::hint::black_box;

/// Frames and slots: those of a receiver by default, and all of them filled at once, so that
/// reading the clock is little beside them.
const FRAMES: u32 = 4096;

/// Packets a call.
const BURSTS: [usize; 2] = [64, 256];

/// Bytes of a packet: a syslog line's.
const PACKET_LEN: u32 = 322;

/// Fills the RX ring with what the fill ring offers.
fn deliver(kernel: &mut Kernel) {
    while let Some(address) = kernel.take() {
        kernel.write(address + u64::from(PACKET_HEADROOM), PACKET_LEN, 0);
    }
}

/// Receives all that was delivered; the bytes of it. `look` is what a reader does with a packet.
fn receive(
    receiver: &mut Receiver,
    burst: usize,
    look: impl Fn(&logweir_xsk::Received<'_>),
) -> usize {
    let mut bytes = 0;
    while receiver.receive(burst, |received| {
        look(&received);
        bytes += received.packet().len();
    }) > 0
    {}
    bytes
}

fn rings(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("ring");
    let bytes = u64::from(FRAMES) * u64::from(PACKET_LEN);
    group.throughput(Throughput::ElementsAndBytes { elements: u64::from(FRAMES), bytes });
    let mut bench = |name: String, burst: usize, look: fn(&logweir_xsk::Received<'_>)| {
        let (mut receiver, mut kernel) = loopback::receiver(FRAMES, FRAMES, 0);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || deliver(&mut kernel),
                |()| assert_eq!(receive(&mut receiver, burst, look) as u64, bytes),
                BatchSize::PerIteration,
            );
        });
    };
    for burst in BURSTS {
        bench(format!("descriptors, {burst} a burst"), burst, |_| {});
    }
    bench("metadata and first byte, 256 a burst".into(), 256, |received| {
        let metadata = received.metadata::<FRAME_META_LEN>().and_then(FrameMeta::from_bytes);
        black_box((metadata, received.packet().first()));
    });
    group.finish();
}

criterion_group!(name = benches; config = harness::criterion(); targets = rings);
criterion_main!(benches);
