//! What the benchmarks share: datagrams of the traffic model, and the truth that an answer is
//! checked against.

pub mod answer;
pub mod workload;
