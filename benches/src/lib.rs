//! What the benchmarks share: datagrams of the traffic model in a buffer like a UMEM, engines that
//! read them, and the answers that these are checked against before anything is timed.

pub mod answer;
pub mod cpu_time;
pub mod engine;
pub mod formats;
pub mod frames;
pub mod harness;
pub mod logweir;
pub mod memory;
pub mod netflow_parser;
pub mod pattern;
pub mod syslog_loose;
pub mod templates;
pub mod workload;
