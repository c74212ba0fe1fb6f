//! New instructions for the threads of a running pipeline.

use super::{Pipeline, PipelineConfig};
use crate::sink::Sink;
use std::time::Duration;

/// How long it is waited for threads that have something else to do.
const PATIENCE: Duration = Duration::from_secs(2);

impl<S: Sink + Send + 'static> Pipeline<S> {
    /// Lets it go by another configuration from now on, as far as exporters, the formats of ports, the
    /// allow-list, decoding and limits are concerned. No datagram is lost by it, and an exporter that
    /// may send by both configurations may at every moment.
    ///
    /// # Errors
    /// One sentence, where the kernel takes no other allow-list; then all is as before.
    pub fn reload(&mut self, config: &PipelineConfig) -> Result<(), String> {
        let PipelineConfig { settings, listeners, allow, .. } = config;
        if let Some(attached) = &mut self.steering {
            attached.steering.replace_allow_list(allow).map_err(|error| error.to_string())?;
        }
        let told = &self.instructions;
        // Not kept: who holds the old orders is waited for.
        let orders = told.orders.current().replaced_by(settings, &told.listeners, listeners, allow);
        self.registry.set_limits(settings.limits);
        told.limits.replace(settings.limits, Duration::ZERO);
        if !told.orders.replace(orders, PATIENCE) {
            crate::tell("a worker is busy, and goes by the new configuration when it has time");
        }
        // Later: who goes by the old settings learns templates by them.
        self.registry.reread(settings);
        Ok(())
    }
}
