//! The main thread while a collector runs: it posts the collector's state, prints rates, lets keys
//! take over, and reads the configuration again where that is wanted, until it is asked to stop.

use super::{reload::Configuration, reports::Reports};
use crate::{
    balance::Balance,
    clock,
    config::RunConfig,
    keyring::Rotation,
    output::rfc3339,
    pipeline::Pipeline,
    privileges::Privileges,
    sealer::Sealer,
    service::{
        alarm::{Alarms, rule::Rules},
        control::Control,
        manager::Manager,
        metrics::Metrics,
        reload::{self, Answer, Asked},
        status::{Board, ProcessStatus, Status, StoreStatus},
    },
    sink::{Sink, SinkCounters},
};
use signal_hook::consts::SIGHUP;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long it sleeps between looks whether it is to stop.
const TICK: Duration = Duration::from_millis(20);

/// How often the state is posted.
const POST_EVERY: Duration = Duration::from_secs(1);

/// Those who look on while a collector runs.
pub(super) struct Watch {
    board: Board,
    status: Status,
    sink: Arc<SinkCounters>,
    keys: Option<Rotation>,
    rules: Arc<Rules>,
    manager: Option<Manager>,
    configuration: Configuration,
    /// Reloads that the control socket asks for.
    asked: Asked,
    /// Whether one is asked for by SIGHUP.
    hung_up: Arc<AtomicBool>,
    _control: Option<Control>,
    _metrics: Option<Metrics>,
}

/// What there is already when it starts.
pub(super) struct Around<'a> {
    pub privileges: Privileges,
    pub manager: Option<Manager>,
    pub board: Board,
    pub alarms: &'a Alarms,
}

impl Watch {
    /// Of a collector that is about to be started.
    ///
    /// # Errors
    /// One sentence that says what could not be had.
    pub(super) fn start(
        config: &RunConfig,
        configuration: Configuration,
        sink: Arc<SinkCounters>,
        around: Around<'_>,
    ) -> Result<Watch, String> {
        let Around { privileges, manager, board, alarms } = around;
        let (asker, asked) = reload::connect();
        let hung_up = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGHUP, Arc::clone(&hung_up))
            .map_err(|error| format!("cannot handle signals: {error}"))?;
        let store = config.data.as_ref().map(|data| StoreStatus {
            data: data.display().to_string(),
            journal_bytes_max: config.journal.bytes_max,
            ..StoreStatus::default()
        });
        let control = config.control.as_deref();
        Ok(Watch {
            status: Status {
                version: env!("CARGO_PKG_VERSION").into(),
                started_at: rfc3339(clock::now(), 3),
                privileges,
                store,
                ..Status::default()
            },
            sink,
            keys: config.keys.clone(),
            rules: Arc::clone(&alarms.rules),
            manager,
            configuration,
            asked,
            hung_up,
            _control: control
                .map(|path| Control::start(path, board.clone(), asker, alarms.clone()))
                .transpose()?,
            _metrics: config.metrics.map(|at| Metrics::start(at, board.clone())).transpose()?,
            board,
        })
    }

    /// Looks on until the collector is to stop or ends of itself. A line of rates is printed so
    /// often, or never.
    pub(super) fn run<S: Sink + Send + 'static>(
        &mut self,
        pipeline: &mut Pipeline<S>,
        sealer: Option<&Sealer>,
        stop: &AtomicBool,
        print_every: Duration,
    ) {
        pipeline.description().clone_into(&mut self.status.description);
        let mut reports = self.manager.take().map(Reports::begin);
        let mut due = Due::default();
        let mut printed = (Instant::now(), pipeline.balance());
        let has_ended =
            |pipeline: &Pipeline<S>| pipeline.has_ended() || sealer.is_some_and(Sealer::has_ended);
        while !stop.load(Ordering::Relaxed) && !has_ended(pipeline) {
            if self.reload_where_asked(pipeline, sealer) {
                due.keys = Timer::default();
            }
            if due.post.is_now(POST_EVERY) {
                self.post(pipeline, sealer);
            }
            if let Some(keys) = &mut self.keys
                && due.keys.is_now(BETWEEN_LOOKS_AT_KEYS)
                && rotate(keys)
            {
                self.configuration.know_keys();
            }
            if let Some(reports) = &mut reports {
                reports.report(pipeline);
            }
            thread::sleep(TICK);
            let elapsed = printed.0.elapsed();
            if !print_every.is_zero() && elapsed >= print_every {
                let balance = pipeline.balance();
                crate::say(&rates(&printed.1, &balance, elapsed));
                printed = (Instant::now(), balance);
            }
        }
        if let Some(reports) = reports {
            reports.end();
        }
    }

    /// Reads the configuration again, where that was asked for; whether it was. All who asked before
    /// have the answer: whoever goes on asking must not keep it from what else there is to do.
    fn reload_where_asked<S: Sink + Send + 'static>(
        &mut self,
        pipeline: &mut Pipeline<S>,
        sealer: Option<&Sealer>,
    ) -> bool {
        let hung_up = self.hung_up.swap(false, Ordering::Relaxed);
        let callers = self.asked.waiting();
        if !hung_up && callers.is_empty() {
            return false;
        }
        let answer = self.reload(pipeline, sealer);
        callers.into_iter().for_each(|caller| caller.answer(answer.clone()));
        true
    }

    /// Brings the configuration into force as it is now. Who asks for the state afterwards finds it
    /// told there.
    fn reload<S: Sink + Send + 'static>(
        &mut self,
        pipeline: &mut Pipeline<S>,
        sealer: Option<&Sealer>,
    ) -> Answer {
        let Self { keys, rules, .. } = self;
        let answer = self.configuration.reload(|config| {
            pipeline.reload(&config.pipeline)?;
            if let Some(sealer) = sealer {
                sealer.retain_by(config.retention.clone());
            }
            keys.clone_from(&config.keys);
            rules.replace(&config.alarms.rules);
            Ok(())
        });
        self.post(pipeline, sealer);
        answer
    }

    fn post<S: Sink + Send + 'static>(&self, pipeline: &Pipeline<S>, sealer: Option<&Sealer>) {
        let mut status = self.status.clone();
        status.at = rfc3339(clock::now(), 3);
        status.configuration = self.configuration.status();
        status.balance = pipeline.balance();
        status.exporters = pipeline.exporters();
        status.workers = pipeline.workers();
        status.rings = pipeline.rings();
        status.arrival_to_decoded = pipeline.arrival_to_decoded();
        status.arrival_to_stored.read(&self.sink.arrival_to_stored);
        status.process = ProcessStatus::read();
        if let (Some(store), Some(sealer)) = (&mut status.store, sealer) {
            store.read(&self.sink, sealer.counters());
        }
        self.board.post(status);
    }
}

/// When things were done last.
#[derive(Default)]
struct Due {
    post: Timer,
    keys: Timer,
}

#[derive(Default)]
pub(super) struct Timer(Option<Instant>);

impl Timer {
    /// Whether it is so long ago, or never was; then it is now.
    pub(super) fn is_now(&mut self, every: Duration) -> bool {
        let is_now = self.0.is_none_or(|then| then.elapsed() >= every);
        if is_now {
            self.0 = Some(Instant::now());
        }
        is_now
    }
}

/// What came in this time, and what is lost.
pub(super) fn rates(before: &Balance, now: &Balance, elapsed: Duration) -> String {
    let rate = |now: u64, before: u64| {
        (now.saturating_sub(before) as f64 / elapsed.as_secs_f64()).round() as u64
    };
    let lost = now.lost();
    let lost: Vec<_> = lost.iter().map(|(place, count)| format!("{place} {count}")).collect();
    format!(
        "{} datagrams/s, {} records/s, {} stored; lost: {}",
        rate(now.datagrams.received, before.datagrams.received),
        rate(now.records.decoded(), before.records.decoded()),
        now.records.stored,
        if lost.is_empty() { "nothing".into() } else { lost.join(", ") },
    )
}

/// How often it is seen whether a key has to go.
const BETWEEN_LOOKS_AT_KEYS: Duration = Duration::from_secs(60);

/// Lets a new key take over where it is time, and tells whether one did. Where that fails, the old
/// one stays in use, and it is tried again.
fn rotate(keys: &mut Rotation) -> bool {
    let now = jiff::Timestamp::now();
    let rotated = keys.rotate(now).unwrap_or_else(|error| {
        crate::tell(&format!("no new key for pseudonyms: {error}"));
        false
    });
    if let Err(error) = keys.record(now) {
        crate::tell(&format!("the manifest does not tell of the key of pseudonyms: {error}"));
    }
    rotated
}
