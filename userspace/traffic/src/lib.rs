//! A seeded model of session-log exporters.
//!
//! It builds the datagrams that firewalls and CGNAT devices send and knows the truth of what it
//! sent, so that a test can compare the decoded with the sent field by field, and a generator can
//! load a collector with traffic that is not one record repeated. It depends on no other crate of
//! the project: what it knows of the formats it knows from the documents alone.
//!
//! - [`Model`] — exporters, subscribers behind address pools, sessions that begin and end. The
//!   same [`ModelConfig`] gives the same bytes, on every machine.
//! - [`Truth`] — the truth of one record, `Some` for what the datagram carries.
//! - [`netflow`], [`syslog`], [`mtn`] (Huawei USG), [`netflow_v5`], [`netflow_v9`], [`ipfix`],
//!   [`userlog`], and [`message`] for the other text formats — the encoders, for a
//!   [`record::Record`] or [`record::Block`] of one's own.
//! - [`frame`] — an Ethernet frame round a payload; [`pcap`] — a capture file of frames.
//! - [`hostile`] — datagrams that no honest exporter sends.
//!
//! Source documents: "003" is Huawei's *Appendix: Meanings of Log Fields* of the USG6000E.

#![forbid(unsafe_code)]

mod addresses;
pub mod cgn_cn;
pub mod cgn_ft;
pub mod cgn_unicom;
mod config;
pub mod firebrick;
pub mod fortinet;
pub mod frame;
pub mod hostile;
pub mod ipfix;
pub mod juniper_srx;
pub mod message;
mod model;
pub mod mtn;
mod names;
pub mod netflow;
pub mod netflow_v5;
pub mod netflow_v9;
pub mod pcap;
pub mod random;
pub mod record;
mod sets;
pub mod syslog;
mod truth;
pub mod userlog;
pub mod usg_im;
pub mod usg_policy;
mod writer;

pub use config::{ConfigError, Format, ModelConfig, UnknownFormat};
pub use model::{DatagramInfo, Model};
pub use mtn::MtnCounters;
pub use names::Charset;
pub use netflow::CountField;
pub use record::{BlockEvent, EventKind};
pub use syslog::Header;
pub use truth::{Action, Filter, HeaderTime, Im, PortBlock, Session, Source, Truth};
pub use writer::timestamp;
