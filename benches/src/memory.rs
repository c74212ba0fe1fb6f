//! The bounds: copying the payloads, and looking at each of their bytes.

use crate::{engine::Engine, workload::Workload};
use std::hint::black_box;

/// Copies all payloads, one after the other, into a buffer of the size of the columns that a
/// worker fills before it hands a batch over. A decoder has to read every byte and write about as
/// many.
#[derive(Debug)]
pub struct Memcpy {
    target: Vec<u8>,
}

impl Default for Memcpy {
    fn default() -> Self {
        Self { target: vec![0; 1 << 20] }
    }
}

impl Memcpy {
    /// Copies; `written` sees each copy.
    fn copy(&mut self, workload: &Workload, mut written: impl FnMut(&[u8])) {
        let mut at = 0;
        for payload in workload.payloads() {
            if self.target.len() - at < payload.len() {
                at = 0;
            }
            let copy = &mut self.target[at..at + payload.len()];
            copy.copy_from_slice(payload);
            written(copy);
            at += payload.len();
        }
    }
}

impl Engine for Memcpy {
    fn name(&self) -> String {
        "memcpy".to_owned()
    }

    fn run(&mut self, workload: &Workload) {
        self.copy(workload, |_| {});
        black_box(&mut self.target);
    }

    fn check(&mut self, workload: &Workload) {
        let mut payloads = workload.payloads();
        self.copy(workload, |copy| assert_eq!(Some(copy), payloads.next()));
    }
}

/// Counts the commas of all payloads with memchr.
#[derive(Debug, Default)]
pub struct Memchr;

impl Memchr {
    fn count(workload: &Workload) -> usize {
        workload.payloads().map(|payload| memchr::memchr_iter(b',', payload).count()).sum()
    }
}

impl Engine for Memchr {
    fn name(&self) -> String {
        "memchr".to_owned()
    }

    fn run(&mut self, workload: &Workload) {
        black_box(Self::count(workload));
    }

    fn check(&mut self, workload: &Workload) {
        let commas = workload.payloads().flatten().filter(|byte| **byte == b',').count();
        assert_eq!(Self::count(workload), commas);
    }
}
