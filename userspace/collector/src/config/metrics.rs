//! `metrics` and `metrics_exporters`.

use super::Settings;
use crate::service::metrics::{EXPORTERS_MAX, MetricsConfig};
use std::net::SocketAddr;

impl Settings {
    /// Where metrics are served. Nobody is asked there who he is, so that only the host itself may
    /// ask.
    pub(super) fn metrics(&self) -> Result<Option<MetricsConfig>, String> {
        let Some(address) = &self.metrics else { return Ok(None) };
        let parsed = address.parse().ok().filter(|parsed: &SocketAddr| parsed.port() != 0);
        let parsed = parsed.ok_or_else(|| {
            format!("metrics is '{address}': it must be an address and a port, as 127.0.0.1:9404")
        })?;
        if !parsed.ip().is_loopback() {
            return Err(format!(
                "metrics is '{address}': it must be an address of the host itself, as \
                 127.0.0.1:9404, since anybody may ask there"
            ));
        }
        let exporters_max = self.metrics_exporters.unwrap_or(EXPORTERS_MAX);
        Ok(Some(MetricsConfig { address: parsed, exporters_max }))
    }
}
