//! The XDP program as it is committed: the object file, the program's judgement over single frames
//! (`BPF_PROG_TEST_RUN`), and its life on an interface.
//!
//! What needs root says "skipped: needs root" without it, and fails instead when
//! `LOGWEIR_REQUIRE_ROOT_TESTS=1` is set.

mod frames;
mod host;
mod interface;
mod object;
mod random;
mod table;
mod twin;
