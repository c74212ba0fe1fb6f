//! The collector's state for Prometheus and other monitors, over HTTP: `/metrics`, `/healthz` and
//! `/readyz`.
//!
//! All of it is read from the [`Board`](super::status::Board). The text is made once for each status
//! that is posted, however many ask for it; who asks has seconds, and more than a few at once are told
//! to come again.

mod classic;
mod exposition;
mod health;
mod http;
mod pages;
mod server;

pub use server::Metrics;

use std::net::SocketAddr;

/// Where metrics are served, and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsConfig {
    /// An address of the host itself.
    pub address: SocketAddr,
    /// Exporters that have series of their own; the others are summed.
    pub exporters_max: usize,
}

/// Exporters that have series of their own, where the configuration does not say.
pub const EXPORTERS_MAX: usize = 1_000;
