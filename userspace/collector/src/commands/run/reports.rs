//! What the service manager hears of a running collector.

use super::watch::Timer;
use crate::{
    balance::Balance,
    pipeline::Pipeline,
    service::manager::{Manager, Rounds},
    sink::Sink,
};
use std::time::{Duration, Instant};

/// How often it hears how it goes.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// Reports to a service manager.
pub(super) struct Reports {
    manager: Manager,
    status: Timer,
    ping: Timer,
    rounds: Rounds,
    before: Option<(Instant, Balance)>,
}

impl Reports {
    /// That collecting has begun, and from now on how it goes.
    pub(super) fn begin(manager: Manager) -> Self {
        manager.ready();
        Self {
            manager,
            status: Timer::default(),
            ping: Timer::default(),
            rounds: Rounds::default(),
            before: None,
        }
    }

    /// Reports what is due. That all is well is said as long as the main thread comes here and all
    /// others go round: a thread that does not is told, and the manager hears nothing.
    pub(super) fn report<S: Sink + Send + 'static>(&mut self, pipeline: &Pipeline<S>) {
        // Twice as often as it must be.
        let ping = self.manager.watchdog().map(|every| every / 2);
        if ping.is_some_and(|every| self.ping.is_now(every)) {
            let stuck = self.rounds.stuck(pipeline.rounds());
            if stuck.is_empty() {
                self.manager.is_well();
            } else {
                let stuck = stuck.join(", ");
                crate::tell(&format!(
                    "stuck: {stuck}: the service manager is not told that all is well"
                ));
            }
        }
        if self.status.is_now(STATUS_EVERY) {
            let balance = pipeline.balance();
            let before = self.before.replace((Instant::now(), balance.clone()));
            if let Some((since, before)) = before {
                self.manager.status(&super::watch::rates(&before, &balance, since.elapsed()));
            }
        }
    }

    /// That it ends.
    pub(super) fn end(self) {
        self.manager.stopping();
    }
}
