use super::*;
use crate::service::{
    alarm::rule::{Actions, Matches},
    live::LiveConfig,
    testing::{RECEIVED_AT, batch},
};
use crossbeam_channel::{Receiver, bounded};

fn rule(name: &str, conditions: &[&str]) -> Rule {
    Rule {
        name: name.into(),
        matches: Matches::Records(Filter::parse(conditions).unwrap()),
        actions: Actions { alarm: true, ..Actions::default() },
    }
}

struct Bench {
    live: Arc<LiveLog>,
    rules: Arc<Rules>,
    counters: Arc<TapCounters>,
    seen: Receiver<Seen>,
    tap: Tap,
}

fn bench(rules: &[Rule], room: usize) -> Bench {
    let config = LiveConfig { records_per_second: 3, ..LiveConfig::default() };
    let live = Arc::new(LiveLog::new(config));
    let rules = Arc::new(Rules::new(rules));
    let (acting, seen) = bounded(room);
    let counters = Arc::new(TapCounters::default());
    let tap = Tap::new(live.clone(), rules.clone(), acting, counters.clone(), true);
    Bench { live, rules, counters, seen, tap }
}

impl Bench {
    /// Names of the rules that matched, each with the records that it did.
    fn matches(&self) -> Vec<(String, u64)> {
        let matched = self.seen.try_iter().filter_map(|seen| match seen {
            Seen::Match { rule, records, .. } => Some((rule.name.clone(), records)),
            Seen::Unknown(_) => None,
        });
        matched.collect()
    }
}

#[test]
fn of_each_family_so_many_a_second_are_written_down_and_the_others_counted() {
    let mut bench = bench(&[], 10);
    let batch = batch(1_000);
    let all = Filter::new();
    bench.tap.take(&batch, RECEIVED_AT);
    assert_eq!(bench.live.last(&all, 100).len(), 3 + 3 + 1);
    assert_eq!(bench.live.skipped(), 997 + 1);
    bench.tap.take(&batch, RECEIVED_AT + SECOND_NS - 1);
    // The line that nobody understood was the first of its family in that second.
    assert_eq!(bench.live.last(&all, 100).len(), 3 + 3 + 2);
    bench.tap.take(&batch, RECEIVED_AT + SECOND_NS);
    assert_eq!(bench.live.last(&all, 100).len(), 2 * (3 + 3) + 3);
    let unknown = bench.seen.try_iter().filter(
        |seen| matches!(seen, Seen::Unknown(unknown) if *unknown.payload == *b"what is this"),
    );
    assert_eq!(unknown.count(), 3);
}

#[test]
fn rules_see_every_record_and_followers_what_they_want() {
    let rules = [rule("lab", &["src_addr=10.0.0.0/31"]), rule("fb", &["action=drop"])];
    let mut bench = bench(&rules, 10);
    let following =
        bench.live.follow(Filter::parse(&["record=filter", "action!=allow"]).unwrap()).unwrap();
    bench.tap.take(&batch(500), RECEIVED_AT);
    let expected = [("lab".to_owned(), 1), ("lab".to_owned(), 1), ("fb".to_owned(), 1)];
    assert_eq!(bench.matches(), expected);
    assert_eq!(following.lines.try_iter().count(), 3);
    drop(following);
    bench.rules.replace(&[rule("one", &["src_port=1007"])]);
    bench.tap.take(&batch(500), RECEIVED_AT);
    assert_eq!(bench.matches(), [("one".to_owned(), 1)]);
}

#[test]
fn a_rule_that_matches_much_is_given_so_much_a_second_and_counts_the_rest() {
    let mut bench = bench(&[rule("all", &["record=session"])], 4_096);
    bench.tap.take(&batch(4_000), RECEIVED_AT);
    assert_eq!(bench.matches().len(), SHOWN_PER_SECOND as usize);
    bench.tap.take(&batch(1), RECEIVED_AT + SECOND_NS);
    assert_eq!(bench.matches(), [("all".to_owned(), u64::from(4_000 - SHOWN_PER_SECOND) + 1)]);
}

#[test]
fn a_match_that_nobody_takes_is_counted() {
    let mut bench = bench(&[rule("all", &["record=session"])], 1);
    bench.tap.take(&batch(3), RECEIVED_AT);
    assert_eq!(bench.counters.lost.load(Ordering::Relaxed), 2);
    assert_eq!(bench.matches().len(), 1);
}
