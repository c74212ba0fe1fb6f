//! Whatever reads a workload: our decoders, other people's, and what only reads or copies bytes.

use crate::workload::Workload;

/// One competitor of a benchmark.
pub trait Engine {
    /// Its name in reports.
    fn name(&self) -> String;

    /// Reads all datagrams: what is timed.
    fn run(&mut self, workload: &Workload);

    /// Does the same and looks at the result.
    ///
    /// # Panics
    /// If the result is wrong.
    fn check(&mut self, workload: &Workload);
}
