//! Where the live log and the rules see the records: behind the sink, on the writer's thread.
//!
//! It must not be felt there. Rules and followers look at single columns; a record is written down
//! only where one of them wants it, and of those so many a second. With no rule and nobody following,
//! a batch costs the few records that the log takes of a second, and otherwise a look at the clock.

use super::{
    alarm::rule::{Rule, Rules},
    live::{Follower, LiveLog, filter::Filter},
    unknown::{self, Unknown},
};
use crate::{
    output::json,
    sink::{Sink, Taken},
};
use crossbeam_channel::Sender;
use hdrhistogram::Histogram;
use logweir_decode::{
    batch::Batch,
    context::UnixNanos,
    record::{self, Record},
};
use logweir_store::{journal::Drops, schema::Family};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Records that a rule, or a follower, is given in a second.
const SHOWN_PER_SECOND: u32 = 200;

/// Datagrams that nobody knew, given on in a second.
const UNKNOWN_PER_SECOND: u32 = 200;

const SECOND_NS: i64 = 1_000_000_000;

/// What is given on to the thread that acts.
#[derive(Debug)]
pub enum Seen {
    /// A record that a rule matches.
    Match {
        /// The rule.
        rule: Arc<Rule>,
        /// The record, as JSON.
        json: Arc<str>,
        /// Records that it matched since the last one that was given on, this one included.
        records: u64,
    },
    /// A datagram that no decoder knew.
    Unknown(Unknown),
}

/// What the tap counts.
#[derive(Debug, Default)]
pub struct TapCounters {
    /// Matches that were not given on, because those before were not worked off.
    pub lost: AtomicU64,
}

/// The log's and the rules' view of the records.
#[derive(Debug)]
pub struct Tap {
    live: Arc<LiveLog>,
    rules: Arc<Rules>,
    acting: Sender<Seen>,
    counters: Arc<TapCounters>,
    captures: bool,
    watchers: Vec<Watcher>,
    seen_followers: u64,
    seen_rules: u64,
    /// Begin of the second that budgets are for.
    second: UnixNanos,
    /// What is left of it: of the log's sample, by family, and of unknown datagrams.
    sample: [u32; Family::ALL.len()],
    unknown: u32,
}

/// A rule or a follower.
#[derive(Debug)]
struct Watcher {
    whose: Whose,
    /// Records that it may have in what is left of the second.
    left: u32,
    /// Records of a rule that matched since one was given on.
    matched: u64,
}

#[derive(Debug)]
enum Whose {
    Rule(Arc<Rule>),
    Follower(Arc<Follower>),
}

impl Tap {
    /// A tap for this log and these rules, which gives what they want done to the thread that acts;
    /// datagrams that nobody knew too, if these are captured.
    pub fn new(
        live: Arc<LiveLog>,
        rules: Arc<Rules>,
        acting: Sender<Seen>,
        counters: Arc<TapCounters>,
        captures: bool,
    ) -> Self {
        Self {
            live,
            rules,
            acting,
            counters,
            captures,
            watchers: Vec::new(),
            seen_followers: 0,
            seen_rules: 0,
            second: UnixNanos::MIN,
            sample: [0; Family::ALL.len()],
            unknown: 0,
        }
    }

    /// Looks at the records of a batch.
    pub fn take(&mut self, batch: &Batch, now: UnixNanos) {
        self.refresh(now);
        let mut sample = Vec::new();
        if self.wants_any_of(Family::Session) {
            for run in batch.session.runs() {
                let rows = u64::from(run.rows);
                self.look(Family::Session, rows, record::sessions(batch, run), true, &mut sample);
            }
        } else {
            self.live.skip(batch.session.rows() as u64);
        }
        let rows = |family: Family| match family {
            Family::PortBlock => batch.port_block.rows(),
            Family::Im => batch.im.rows(),
            Family::Filter => batch.filter.rows(),
            Family::Unparsed => batch.unparsed.rows(),
            Family::Session => 0,
        } as u64;
        let (blocks, filter) = (Family::PortBlock, Family::Filter);
        self.look(blocks, rows(blocks), record::port_blocks(batch), false, &mut sample);
        self.look(Family::Im, rows(Family::Im), record::ims(batch), false, &mut sample);
        self.look(filter, rows(filter), record::filters(batch), false, &mut sample);
        let unparsed = Family::Unparsed;
        self.look(unparsed, rows(unparsed), record::unparsed(batch), false, &mut sample);
        if !sample.is_empty() {
            self.live.push_records(sample.into_iter());
        }
        if self.captures {
            self.capture(batch);
        }
    }

    /// Whether anybody would be given a record of a family.
    fn wants_any_of(&self, family: Family) -> bool {
        let has_room = self.sample.get(family as usize).is_some_and(|left| *left > 0);
        has_room || !self.watchers.is_empty()
    }

    /// Looks at records of a family, of which there are `rows`. Those of a run share what filters
    /// look at once.
    fn look<'a>(
        &mut self,
        family: Family,
        rows: u64,
        records: impl Iterator<Item = Record<'a>>,
        is_run: bool,
        sample: &mut Vec<Arc<str>>,
    ) {
        if !self.wants_any_of(family) {
            return self.live.skip(rows);
        }
        let mut records = records.peekable();
        let Some(first) = records.peek().copied() else { return };
        let Self { watchers, live, acting, counters, .. } = self;
        let Some(sample_left) = self.sample.get_mut(family as usize) else { return };
        let wants = |watcher: &&mut Watcher| {
            let filter = watcher.filter();
            !filter.excludes_family(family.name()) && (!is_run || filter.may_match(&first))
        };
        let mut watchers: Vec<_> = watchers.iter_mut().filter(wants).collect();
        let mut looked_at = 0;
        for record in records {
            if *sample_left == 0 && watchers.is_empty() {
                break;
            }
            looked_at += 1;
            let mut line = None;
            if *sample_left > 0 {
                *sample_left -= 1;
                sample.push(written(&record, &mut line));
            } else {
                live.skip(1);
            }
            for watcher in &mut watchers {
                let filter = watcher.filter();
                if (is_run || filter.may_match(&record)) && filter.matches_rest(&record) {
                    watcher.take(&record, &mut line, acting, counters);
                }
            }
        }
        live.skip(rows - looked_at);
    }

    /// Gives on what no decoder knew.
    fn capture(&mut self, batch: &Batch) {
        for (context, row) in batch.unparsed.iter() {
            if self.unknown == 0 {
                return;
            }
            let payload = batch.text(row.raw);
            if unknown::is_whole(row.reason) && !payload.is_empty() {
                self.unknown -= 1;
                let unknown = Unknown {
                    exporter: context.exporter,
                    exporter_port: context.exporter_port,
                    received_at: context.received_at,
                    reason: row.reason,
                    payload: payload.into(),
                };
                let _ = self.acting.try_send(Seen::Unknown(unknown));
            }
        }
    }

    /// Takes over who looks now, and begins a second's budgets.
    fn refresh(&mut self, now: UnixNanos) {
        let followers = self.live.followers_since(&mut self.seen_followers);
        let rules = self.rules.since(&mut self.seen_rules);
        if let Some(followers) = followers {
            self.watchers.retain(|watcher| matches!(watcher.whose, Whose::Rule(_)));
            self.watchers.extend(followers.into_iter().map(|it| Watcher::new(Whose::Follower(it))));
        }
        if let Some(rules) = rules {
            self.watchers.retain(|watcher| matches!(watcher.whose, Whose::Follower(_)));
            let rules = rules.iter().filter(|rule| rule.records().is_some());
            self.watchers.extend(rules.map(|rule| Watcher::new(Whose::Rule(rule.clone()))));
        }
        if !(0..SECOND_NS).contains(&now.saturating_sub(self.second)) {
            self.second = now;
            self.sample = [self.live.config().records_per_second; Family::ALL.len()];
            self.unknown = UNKNOWN_PER_SECOND;
            for watcher in &mut self.watchers {
                watcher.left = SHOWN_PER_SECOND;
            }
        }
    }
}

impl Watcher {
    const fn new(whose: Whose) -> Self {
        Self { whose, left: SHOWN_PER_SECOND, matched: 0 }
    }

    fn filter(&self) -> &Filter {
        static NOTHING: Filter = Filter::new();
        match &self.whose {
            Whose::Rule(rule) => rule.records().unwrap_or(&NOTHING),
            Whose::Follower(follower) => follower.filter(),
        }
    }

    /// Takes a record that it wants.
    fn take(
        &mut self,
        record: &Record<'_>,
        line: &mut Option<Arc<str>>,
        acting: &Sender<Seen>,
        counters: &TapCounters,
    ) {
        self.matched += 1;
        let Some(left) = self.left.checked_sub(1) else {
            if let Whose::Follower(follower) = &self.whose {
                follower.skip();
            }
            return;
        };
        self.left = left;
        let json = written(record, line);
        match &self.whose {
            Whose::Follower(follower) => follower.show(&json),
            Whose::Rule(rule) => {
                let seen = Seen::Match { rule: rule.clone(), json, records: self.matched };
                if acting.try_send(seen).is_ok() {
                    self.matched = 0;
                } else {
                    counters.lost.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// The record as JSON, written once.
fn written(record: &Record<'_>, line: &mut Option<Arc<str>>) -> Arc<str> {
    let write = || serde_json::Value::Object(json::object(&record.fields())).to_string().into();
    line.get_or_insert_with(write).clone()
}

/// A sink with a tap behind it.
#[derive(Debug)]
pub struct Tapped<S> {
    sink: S,
    tap: Tap,
}

impl<S> Tapped<S> {
    /// The sink, and the tap that sees what it has taken.
    pub const fn new(sink: S, tap: Tap) -> Self {
        Self { sink, tap }
    }
}

impl<S: Sink> Sink for Tapped<S> {
    fn take(&mut self, batch: &Batch, now: UnixNanos) -> Taken {
        let taken = self.sink.take(batch, now);
        if taken == Taken::All {
            self.tap.take(batch, now);
        }
        taken
    }

    fn give_up(&mut self, batch: &Batch) {
        self.sink.give_up(batch);
    }

    fn take_drops(&mut self, drops: Vec<Drops>) {
        self.sink.take_drops(drops);
    }

    fn tick(&mut self, now: UnixNanos) {
        self.sink.tick(now);
    }

    fn finish(&mut self, now: UnixNanos) -> Option<Histogram<u64>> {
        self.sink.finish(now)
    }
}

#[cfg(test)]
mod tests;
