//! What it takes to append a worker's batches to the journal, beside copying the same bytes. The
//! batches are more than a processor keeps for itself, as the writer finds them. Syncing is another
//! thread's; the files are in `TMPDIR`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logweir_benches::{
    cpu_time::CpuTime,
    formats::{Case, NETFLOW, TEXT},
    frames::FRAMES,
    harness,
    logweir::decoder,
};
use logweir_decode::{
    batch::{Batch, Capacity},
    simd::Level,
};
use logweir_store::{
    incoming::Incoming,
    journal::{Frame, Journal, JournalConfig, Reader},
};
use std::hint::black_box;

const BATCHES: usize = 8;

/// The records of a case up to where a worker would hand them over.
fn batch(case: &Case) -> Batch {
    let workload = case.workload(FRAMES);
    let mut batch = Batch::new(Capacity::DEFAULT);
    let mut decoder = decoder(Level::best());
    for datagram in workload.datagrams() {
        if batch.is_worth_handing_over() || !batch.has_room_for(datagram.payload.len()) {
            break;
        }
        decoder.decode(&datagram, &mut batch);
    }
    batch
}

/// A journal of which nothing stays longer than it must.
struct Log {
    journal: Journal,
    _incoming: Incoming,
    _data: tempfile::TempDir,
}

impl Log {
    fn open() -> Log {
        let data = tempfile::tempdir().expect("a directory");
        let (incoming, _) = Incoming::open(data.path()).expect("a data directory");
        let config = JournalConfig { segment_bytes_max: 32 << 20, ..JournalConfig::default() };
        let (journal, _) = Journal::open(&incoming, config).expect("a journal");
        Log { journal, _incoming: incoming, _data: data }
    }

    fn append(&mut self, batch: &Batch) {
        self.journal.append(batch, 0).expect("appended");
        for segment in self.journal.take_closed() {
            segment.remove().expect("removed");
        }
        self.journal.take_rounds();
    }
}

/// A batch that was appended has as many records when it is read back.
fn check(batch: &Batch) {
    let mut log = Log::open();
    log.journal.append(batch, 0).expect("appended");
    log.journal.rotate();
    let segment = log.journal.take_closed().pop().expect("a segment");
    let mut reader = Reader::open(&segment).expect("a segment");
    let Some(Frame::Batch(back)) = reader.next_frame().expect("a frame") else {
        panic!("a batch");
    };
    assert_eq!((back.records(), back.notes.len()), (batch.records(), batch.notes.len()));
}

fn journal(criterion: &mut Criterion<CpuTime>) {
    for name in ["usg-1315", "default-teardown", "firebrick"] {
        let mut cases = NETFLOW.iter().chain(TEXT);
        let case = cases.find(|case| case.name == name).expect("a case of this name");
        let batches: Vec<_> = (0..BATCHES).map(|_| batch(case)).collect();
        check(&batches[0]);
        let bytes = batches[0].image().expect("an image").bytes();
        let mut group = criterion.benchmark_group(format!("journal-{name}"));
        group.throughput(Throughput::ElementsAndBytes {
            elements: batches[0].records() as u64,
            bytes: bytes as u64,
        });
        let mut turn = batches.iter().cycle();
        let mut copy = vec![0; bytes];
        group.bench_function("memcpy", |bencher| {
            bencher.iter(|| {
                let image = turn.next().expect("a batch").image().expect("an image");
                let mut rest = copy.as_mut_slice();
                for piece in image.pieces() {
                    let (to, behind) = rest.split_at_mut(piece.len());
                    to.copy_from_slice(piece);
                    rest = behind;
                }
                assert!(rest.is_empty());
                black_box(&mut copy);
            });
        });
        let mut log = Log::open();
        group.bench_function("append", |bencher| {
            bencher.iter(|| log.append(turn.next().expect("a batch")));
        });
        group.finish();
    }
}

criterion_group!(name = benches; config = harness::criterion(); targets = journal);
criterion_main!(benches);
