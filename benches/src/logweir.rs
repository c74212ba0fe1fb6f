//! Our decoders, at one level of the processor's instructions.

use crate::{answer::Answer, engine::Engine, workload::Workload};
use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Decoder, Outcome},
    limits::Limits,
    netflow::registry::Registry,
    settings::Settings,
    simd::Level,
};
use std::{hint::black_box, sync::Arc};

/// A decoder and the batch that it fills.
#[derive(Debug)]
pub struct Logweir {
    level: Level,
    decoder: Decoder,
    batch: Box<Batch>,
}

impl Logweir {
    /// With kernels of this level.
    pub fn new(level: Level) -> Self {
        let batch = Box::new(Batch::new(Capacity::DEFAULT));
        Self { level, decoder: decoder(level), batch }
    }

    /// One for each level that this machine has, the best first.
    pub fn all() -> Vec<Self> {
        let mut levels: Vec<_> = Level::available().collect();
        levels.reverse();
        levels.into_iter().map(Self::new).collect()
    }

    /// Decodes all datagrams as a worker does; `full` sees each batch when the worker would hand
    /// it over, and the last one.
    pub fn decode(&mut self, workload: &Workload, mut full: impl FnMut(&Batch)) {
        let Self { decoder, batch, .. } = self;
        for datagram in workload.datagrams() {
            if batch.is_worth_handing_over() || !batch.has_room_for(datagram.payload.len()) {
                full(batch);
                batch.clear();
            }
            let outcome = decoder.decode(&datagram, batch);
            debug_assert_eq!(outcome, Outcome::Decoded);
        }
        full(batch);
        batch.clear();
    }
}

/// A decoder with templates of its own.
pub fn decoder(level: Level) -> Decoder {
    let settings = Settings { simd: level, ..Settings::default() };
    Decoder::new(Arc::new(Registry::new(Limits::DEFAULT)), Arc::new(settings))
}

impl Engine for Logweir {
    fn name(&self) -> String {
        format!("decode/{}", self.level.name())
    }

    fn run(&mut self, workload: &Workload) {
        self.decode(workload, |batch| {
            black_box(batch);
        });
    }

    fn check(&mut self, workload: &Workload) {
        let mut answer = Answer::default();
        self.decode(workload, |batch| answer.add_batch(batch));
        assert_eq!(answer, workload.truth(), "{}", self.name());
    }
}
