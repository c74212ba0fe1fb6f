//! Rules and what is done by them: the thread that acts, away from those who collect.
//!
//! Records come to it from the writer's [`Tap`], by a bounded channel; events of the
//! collector's own it finds itself ([`watcher`]), each second. What it does takes no time that anybody
//! waits for: mail and webhooks have threads of their own.

pub mod event;
pub mod known;
pub mod latch;
mod lost;
pub mod mail;
pub mod mailbox;
pub mod outbox;
pub mod rule;
pub mod smtp;
pub mod syslog;
pub mod tls;
pub mod watcher;
pub mod webhook;

use super::{
    live::{LiveConfig, LiveLog, text},
    status::Board,
    tap::{Seen, Tap, TapCounters},
    unknown::{Capture, Captured, Unknown},
};
use crate::{
    clock::{self, Moment},
    kept_file::{self, KeptFile},
    output::rfc3339,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use event::Event;
use known::{Known, KnownExporters};
use latch::Latches;
use lost::Lost;
use mail::MailConfig;
use outbox::Outbox;
use rule::{Matches, Rule, Rules};
use std::{
    fs, io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use syslog::Syslog;
use tls::Authorities;
use watcher::{Thresholds, Watcher};
use webhook::Post;

/// What is to be watched for, and where it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmConfig {
    /// The live log.
    pub live: LiveConfig,
    /// The rules.
    pub rules: Vec<Rule>,
    /// The syslog server.
    pub syslog: Option<SocketAddr>,
    /// Whose certificates are believed of webhooks.
    pub webhook: Authorities,
    /// The mail server.
    pub email: Option<MailConfig>,
    /// The capture of unknown datagrams, and how many bytes it may have.
    pub unknown: Option<(PathBuf, u64)>,
    /// The directory in which alarms, and who has sent, outlive the collector.
    pub kept: Option<PathBuf>,
}

/// What others may see of it, and change.
#[derive(Clone, Debug)]
pub struct Alarms {
    /// The live log.
    pub live: Arc<LiveLog>,
    /// The alarms that are raised.
    pub latches: Arc<Latches>,
    /// The rules in force.
    pub rules: Arc<Rules>,
}

/// Matches that wait to be acted on.
const WAITING_MAX: usize = 4_096;

/// How often events are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The thread that acts, as long as this lives.
#[derive(Debug)]
pub struct Acting {
    alarms: Alarms,
    matches: Sender<Seen>,
    counters: Arc<TapCounters>,
    captures: bool,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// They are written last.
    _kept: Vec<KeptFile>,
}

impl Acting {
    /// Starts it; it looks for events in what is posted on the board.
    ///
    /// # Errors
    /// One sentence that says what could not be had.
    pub fn start(config: &AlarmConfig, board: Board) -> Result<Acting, String> {
        let failed = |error: io::Error| format!("cannot start a thread: {error}");
        let at = |name: &str| config.kept.as_ref().map(|directory| directory.join(name));
        let (latches, exporters) = (at(latch::FILE_NAME), at(known::FILE_NAME));
        let raised = latches.as_deref().map(kept_file::read).unwrap_or_default();
        let known: Vec<Known> = exporters.as_deref().map(kept_file::read).unwrap_or_default();
        let alarms = Alarms {
            live: Arc::new(LiveLog::new(config.live)),
            latches: Arc::new(Latches::new(raised)),
            rules: Arc::new(Rules::new(&config.rules)),
        };
        let capture = config.unknown.as_ref();
        let capture = capture.map(|(path, bytes)| Capture::open(path, *bytes)).transpose()?;
        let captures = capture.is_some();
        let email = config.email.clone();
        let mailer = email.map(|config| mail::start(config, alarms.live.clone())).transpose();
        let (matches, seen) = bounded(WAITING_MAX);
        let counters = Arc::new(TapCounters::default());
        let stop = Arc::new(AtomicBool::new(false));
        let desk = Desk {
            alarms: alarms.clone(),
            board: board.clone(),
            seen,
            counters: counters.clone(),
            watcher: Watcher::new(Thresholds::new([])).awaiting(&known, Moment::now()),
            seen_rules: 0,
            rules: Arc::new([]),
            syslog: config.syslog.map(Syslog::new).transpose()?,
            mailer: mailer.map_err(failed)?,
            webhooks: webhook::start(&config.webhook, alarms.live.clone()).map_err(failed)?,
            capture,
            lost: Lost::default(),
            status_at: String::new(),
        };
        let latches = latches
            .map(|path| KeptFile::start("lw-latches", path, alarms.latches.clone()))
            .transpose();
        let known = KnownExporters::new(known, board);
        let exporters =
            exporters.map(|path| KeptFile::start("lw-exporters", path, known)).transpose();
        let kept = [latches.map_err(failed)?, exporters.map_err(failed)?];
        let thread = thread::Builder::new().name("lw-alarm".into());
        let stopped = stop.clone();
        let thread = thread.spawn(move || desk.run(&stopped)).map_err(failed)?;
        Ok(Acting {
            alarms,
            matches,
            counters,
            captures,
            stop,
            thread: Some(thread),
            _kept: kept.into_iter().flatten().collect(),
        })
    }

    /// What others may see of it.
    pub const fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// A tap for a writer.
    pub fn tap(&self) -> Tap {
        let Alarms { live, rules, .. } = self.alarms.clone();
        Tap::new(live, rules, self.matches.clone(), self.counters.clone(), self.captures)
    }
}

impl Drop for Acting {
    /// What the writer has handed over is still acted on.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Desk {
    alarms: Alarms,
    board: Board,
    seen: Receiver<Seen>,
    counters: Arc<TapCounters>,
    watcher: Watcher,
    seen_rules: u64,
    rules: Arc<[Arc<Rule>]>,
    syslog: Option<Syslog>,
    mailer: Option<Outbox<String>>,
    webhooks: Outbox<Post>,
    capture: Option<Capture>,
    lost: Lost,
    /// Of the status that was looked at last.
    status_at: String,
}

impl Desk {
    fn run(mut self, stop: &AtomicBool) {
        let mut look_at = Instant::now();
        loop {
            let until = look_at.saturating_duration_since(Instant::now());
            // A stop is noticed soon.
            match self.seen.recv_timeout(until.min(LOOK_EVERY / 10)) {
                Ok(Seen::Match { rule, json, records }) => self.act(&rule, &json, records),
                Ok(Seen::Unknown(unknown)) => self.capture(&unknown),
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Acquire) => return,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if look_at <= Instant::now() {
                look_at = Instant::now() + LOOK_EVERY;
                self.look();
            }
        }
    }

    /// Looks for events, and tells what could not be done.
    fn look(&mut self) {
        if let Some(rules) = self.alarms.rules.since(&mut self.seen_rules) {
            self.watcher.set_thresholds(thresholds(&rules));
            self.rules = rules;
        }
        let status = self.board.read();
        if status.at != self.status_at {
            self.status_at.clone_from(&status.at);
            for event in self.watcher.compare(&status, Moment::now()) {
                self.take_event(&event);
            }
        }
        self.tell_lost();
    }

    fn take_event(&mut self, event: &Event) {
        let object = event.object();
        self.alarms.live.push_event(&object);
        let json: Arc<str> = serde_json::to_string(&object).unwrap_or_default().into();
        for rule in self.rules.clone().iter() {
            let Matches::Events { kind, threshold, filter } = &rule.matches else { continue };
            let is_it = *kind == event.kind && *threshold == event.threshold;
            if is_it && filter.matches_object(&object) {
                self.act(rule, &json, 1);
            }
        }
    }

    /// Does what a rule wants done.
    fn act(&mut self, rule: &Rule, json: &Arc<str>, records: u64) {
        let Rule { name, actions, matches } = rule;
        let now = clock::now();
        // Events are in the log in any case.
        if actions.log && matches!(matches, Matches::Records(_)) {
            self.alarms.live.push_matched(json.clone());
        }
        if actions.alarm {
            self.alarms.latches.raise(name, now, json, records);
        }
        if let (Some(priority), Some(syslog)) = (actions.syslog, &self.syslog) {
            let sent = syslog.send(priority, &rfc3339(now, 3), name, json);
            self.lost.note_syslog(sent, &self.alarms.live);
        }
        if let Some(mailer) = self.mailer.as_ref().filter(|_| actions.email) {
            self.lost.entries += u64::from(!mailer.push(entry(name, json)));
        }
        if let Some(url) = actions.webhook.clone() {
            let post = Post { url, rule: name.clone(), json: json.clone(), records };
            self.lost.entries += u64::from(!self.webhooks.push(post));
        }
    }

    fn capture(&mut self, unknown: &Unknown) {
        let Some(capture) = &mut self.capture else { return };
        match capture.take(unknown) {
            Ok(Captured::Written | Captured::Enough) => {}
            Ok(Captured::Full) => {
                self.alarms.live.tell("capture_full", "the capture of unknown datagrams is full");
                self.capture = None;
            }
            Err(error) => {
                crate::tell(&error);
                self.alarms.live.tell("capture_failed", &error);
                self.capture = None;
            }
        }
    }

    fn tell_lost(&mut self) {
        let matches = self.counters.lost.load(Ordering::Relaxed);
        if let Some(text) = self.lost.news(matches, Instant::now()) {
            self.alarms.live.tell("rules_behind", &text);
        }
    }
}

/// The thresholds that rules have.
fn thresholds(rules: &[Arc<Rule>]) -> Thresholds {
    Thresholds::new(rules.iter().filter_map(|rule| match rule.matches {
        Matches::Events { kind, threshold: Some(threshold), .. } => Some((kind, threshold)),
        _ => None,
    }))
}

/// The line of what a rule of this name has matched, with local time.
fn entry(name: &str, json: &str) -> String {
    format!("{name}: {}", text::line(json, &jiff::tz::TimeZone::system(), false))
}

/// The name of this host, as far as it has one.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".into() } else { name.into() }
}
