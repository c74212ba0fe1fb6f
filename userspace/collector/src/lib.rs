//! The parts of the program `logweir`, as a library for its own tests and benchmarks.
#![forbid(unsafe_code)]

pub mod steering;
