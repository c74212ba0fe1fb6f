//! A seeded model of session-log exporters.
//!
//! It builds the datagrams that firewalls and CGNAT devices send and knows the truth of what it
//! sent, so that a test can compare the decoded with the sent field by field, and a generator can
//! load a collector with traffic that is not one record repeated. It depends on no other crate of
//! the project: what it knows of the formats it knows from the documents alone.
//!
//! - [`Model`] — exporters, subscribers behind address pools, sessions that begin and end. The
//!   same [`ModelConfig`] gives the same bytes, on every machine.
//! - [`Session`] — the truth of one record, `Some` for what the datagram carries.
//! - [`netflow`], [`syslog`], [`mtn`] — the encoders, for a [`record::Record`] of one's own.
//! - [`frame`] — an Ethernet frame round a payload; [`pcap`] — a capture file of frames.
//! - [`hostile`] — datagrams that no honest exporter sends.
//!
//! Source documents: "003" is Huawei's *Appendix: Meanings of Log Fields* of the USG6000E.

#![forbid(unsafe_code)]

mod addresses;
mod config;
pub mod frame;
pub mod hostile;
mod model;
pub mod mtn;
mod names;
pub mod netflow;
pub mod pcap;
pub mod random;
pub mod record;
pub mod syslog;
mod truth;
mod writer;

pub use config::{ConfigError, Format, ModelConfig, UnknownFormat};
pub use model::{DatagramInfo, Model};
pub use mtn::MtnCounters;
pub use names::Charset;
pub use netflow::CountField;
pub use record::EventKind;
pub use syslog::Header;
pub use truth::Session;
pub use writer::timestamp;
