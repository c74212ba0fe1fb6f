//! The crate against the kernel, on veth pairs (copy mode). Needs root; see `lab`.

mod bpf;
mod errors;
mod lab;
mod losses;
mod multi_buffer;
mod passage;
mod teardown;
