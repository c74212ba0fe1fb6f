use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const MS: UnixNanos = 1_000_000;
const SECOND: UnixNanos = 1_000_000_000;

/// A NetFlow v9 datagram.
fn v9(number: u32) -> Sequence {
    Sequence {
        version: 9,
        domain: 0,
        number,
        units: Some(1),
        uptime_ms: None,
        templates_only: false,
    }
}

fn templates(number: u32) -> Sequence {
    Sequence { templates_only: true, ..v9(number) }
}

/// An IPFIX message of so many records; of unknown many where it is `None`.
fn ipfix(number: u32, units: Option<u32>) -> Sequence {
    Sequence { version: 10, units, ..v9(number) }
}

/// What is found in datagrams that come a millisecond apart.
fn found(datagrams: impl IntoIterator<Item = Sequence>) -> Found {
    found_at(datagrams.into_iter().zip(0..).map(|(sequence, index)| (sequence, index * MS)))
}

fn found_at(datagrams: impl IntoIterator<Item = (Sequence, UnixNanos)>) -> Found {
    let mut tracker = Tracker::default();
    for (sequence, at) in datagrams {
        tracker.take(&sequence, at);
    }
    tracker.found()
}

fn missing(missing: u64) -> Found {
    Found { missing, restarts: 0 }
}

#[test]
fn gaps_are_missing_and_late_ones_fill_them() {
    assert_eq!(found([5, 6, 7].map(v9)), missing(0));
    assert_eq!(found([5, 6, 9].map(v9)), missing(2));
    assert_eq!(found([5, 6, 9, 7].map(v9)), missing(1));
    assert_eq!(found([5, 9, 7, 7, 7].map(v9)), missing(2), "the same one again fills nothing");
    assert_eq!(found([9, 5, 6].map(v9)), missing(2), "late ones in front of all others");
    assert_eq!(found([u32::MAX - 1, 1, u32::MAX].map(v9)), missing(1), "numbers wrap");
}

/// A dealer gives a queue's datagrams to workers in runs, and the writer takes their batches one
/// after the other.
#[test]
fn datagrams_that_were_dealt_to_several_workers_are_not_missing() {
    const RUN: u32 = 64;
    const BATCH: usize = 8_192;
    for (workers, units) in [(2, 1), (3, 1), (2, 24), (4, 30)] {
        let lost = |index: u32| index.is_multiple_of(1_000) && index != 0;
        let mut batches: Vec<Vec<_>> = vec![Vec::new(); workers as usize];
        let mut written = Vec::new();
        for index in (0..200_000).filter(|index| !lost(*index)) {
            let sequence = ipfix(index.wrapping_mul(units).wrapping_sub(1 << 20), Some(units));
            let batch = &mut batches[(index / RUN % workers) as usize];
            batch.push((sequence, i64::from(index) * 1_000));
            if batch.len() == BATCH {
                written.append(batch);
            }
        }
        // The last of them in the other order.
        batches.reverse();
        written.extend(batches.into_iter().flatten());
        assert_eq!(found_at(written), missing(199 * u64::from(units)), "{workers} workers");
    }
}

#[test]
fn records_are_counted_where_the_exporter_counts_records() {
    let stream = |list: &[(u32, u32)]| {
        found(list.iter().map(|(number, units)| ipfix(*number, Some(*units))).collect::<Vec<_>>())
    };
    assert_eq!(stream(&[(100, 20), (120, 0), (120, 30), (150, 1)]), missing(0));
    assert_eq!(stream(&[(100, 20), (150, 1)]), missing(30));
    assert_eq!(stream(&[(100, 20), (150, 1), (130, 20)]), missing(10));
}

#[test]
fn nothing_is_missing_where_a_template_is_not_known() {
    let stream = |list: &[(u32, Option<u32>)]| {
        found(list.iter().map(|(number, units)| ipfix(*number, *units)).collect::<Vec<_>>())
    };
    assert_eq!(stream(&[(100, None), (120, None), (150, Some(5)), (155, Some(1))]), missing(0));
    assert_eq!(stream(&[(100, None), (150, Some(5)), (160, Some(1))]), missing(5));
    // A late one shows where the one in front of it ends at the latest, or covers a gap.
    assert_eq!(stream(&[(100, None), (150, Some(5)), (120, Some(10))]), missing(20));
    assert_eq!(stream(&[(100, Some(1)), (150, Some(5)), (120, None)]), missing(19));
}

#[test]
fn a_restart_is_no_loss() {
    let restarts = |restarts, missing| Found { restarts, missing };
    assert_eq!(found([90_000_000, 90_000_001, 0, 1].map(v9)), restarts(1, 0), "far back");
    assert_eq!(found([5, 4_000_000_000, 4_000_000_001].map(v9)), restarts(1, 0), "too far on");
    let long_after = [(v9(5), 0), (v9(7), MS), (v9(0), 3 * SECOND), (v9(1), 4 * SECOND)];
    assert_eq!(found_at(long_after), restarts(1, 1), "back, and too late to be late");
    let up = |number, uptime_ms| Sequence { uptime_ms: Some(uptime_ms), ..v9(number) };
    assert_eq!(found([up(50, 900_000), up(52, 900_001), up(60, 7), up(61, 8)]), restarts(1, 1));
    assert_eq!(found([up(50, u32::MAX - 1), up(51, 3), up(52, 4)]), missing(0), "uptime wraps");
    // A worker's batch may hold what came before the restart and reach us behind it.
    let batches = [
        (v9(90_000_000), 0),
        (v9(90_000_003), 3 * MS),
        (v9(0), 9 * MS),
        (v9(90_000_001), MS),
        (v9(90_000_005), 5 * MS),
        (v9(1), 10 * MS),
    ];
    assert_eq!(found_at(batches), restarts(1, 2));
}

#[test]
fn a_quick_restart_is_no_loss() {
    let every_ms = |numbers: std::ops::Range<u32>, from_ms: i64| {
        numbers.zip(from_ms..).map(|(number, ms)| (ipfix(number, Some(1)), ms * MS))
    };
    let stream = every_ms(1000..1028, 0).chain(every_ms(0..28, 1_128));
    assert_eq!(found_at(stream), Found { restarts: 1, missing: 0 });
}

/// One datagram whose number is damaged, or that somebody else sent.
#[test]
fn a_wrong_number_is_no_loss() {
    for wrong in [600_000, 4_000_000_000, 0, 99_999] {
        for interval in [MS, SECOND] {
            let right = (100_000..100_100u32).zip((0i64..).map(|index| index * interval));
            let stray = (v9(wrong), 50 * interval - 1);
            let mut stream: Vec<_> = right.map(|(number, at)| (v9(number), at)).collect();
            stream.insert(50, stray);
            let found = found_at(stream);
            assert_eq!(found, missing(0), "{wrong} among some {interval} ns apart");
        }
    }
}

/// A leap that others follow is one, and what it left out may still come.
#[test]
fn a_far_leap_is_a_loss() {
    let behind = (500_000..500_010).map(v9);
    let stream = (0..10).map(v9).chain(behind);
    assert_eq!(found(stream.clone()), missing(499_990));
    assert_eq!(found(stream.chain([499_000, 499_001].map(v9))), missing(499_988));
    let late =
        [(v9(5), 0), (v9(100_005), 2 * MS), (v9(50), MS), (v9(4), MS), (v9(100_006), 3 * MS)];
    assert_eq!(found_at(late), missing(99_998), "from another worker");
}

/// After a silence more may be missing than at once.
#[test]
fn a_long_silence_explains_a_leap() {
    let leap = 10_000_000;
    assert_eq!(found([v9(0), v9(leap)]), Found { restarts: 1, missing: 0 });
    assert_eq!(found_at([(v9(0), 0), (v9(leap), 10 * SECOND)]), missing(u64::from(leap) - 1));
}

/// Template and data datagrams of three routers, as their captures have them.
#[test]
fn templates_may_have_a_counter_of_their_own() {
    for (template, data, seconds) in [(29_210, 129_954, 9), (2_855, 60_342_277, 24), (12, 133, 2)] {
        let data = (0..50).map(|index| (v9(data + index), (seconds + i64::from(index)) * SECOND));
        let later = (templates(template + 1), (seconds + 60) * SECOND);
        let stream = [(templates(template), 0)].into_iter().chain(data).chain([later]);
        assert_eq!(found_at(stream), missing(0), "{template}");
    }
}

#[test]
fn a_lost_datagram_shows_beside_templates_too() {
    // One counter: each tenth is a template, and two of the others are lost.
    let one = (0..100u32).map(|n| if n % 10 == 0 { templates(n) } else { v9(n) });
    assert_eq!(found(one.filter(|sequence| ![33, 77].contains(&sequence.number))), missing(2));
    // Two counters, and three are lost.
    let two =
        (0..100u32).map(|n| if n % 10 == 0 { templates(n / 10) } else { v9(5000 + n - n / 10) });
    let lost = [3, 5020, 5021];
    assert_eq!(found(two.filter(|sequence| !lost.contains(&sequence.number))), missing(3));
}

/// How one datagram of the model travels.
#[derive(Clone, Debug)]
struct Step {
    units: u32,
    is_lost: bool,
    delay_ms: i64,
    again_ms: Option<i64>,
    worker: usize,
}

fn step() -> impl Strategy<Value = Step> {
    let again = prop_oneof![9 => Just(None), 1 => (0..80i64).prop_map(Some)];
    let delay = prop_oneof![3 => Just(0), 1 => 0..80i64];
    (1..40u32, prop::bool::weighted(0.2), delay, again, 0..2usize).prop_map(
        |(units, is_lost, delay_ms, again_ms, worker)| Step {
            units,
            is_lost,
            delay_ms,
            again_ms,
            worker,
        },
    )
}

/// From one start of the exporter to the next: its first number, whether it sends its uptime, and
/// its datagrams.
type Life = (u32, Vec<Step>);

fn life(first: std::ops::Range<u32>) -> impl Strategy<Value = Life> {
    (first, prop::collection::vec(step(), 1..300))
}

/// What reaches the ledger, in its order, and what must be found.
fn send(lives: &[Life], counts_records: bool, has_uptime: bool) -> (Vec<(Sequence, i64)>, Found) {
    // (time of arrival, worker, sequence)
    let mut arrivals: Vec<(i64, usize, Sequence)> = Vec::new();
    let mut expected = Found::default();
    let mut lives_seen = 0u64;
    let mut time_ms = 0i64;
    for (first, steps) in lives {
        let mut number = *first;
        let mut lost_since: Option<u64> = None;
        for (step, sent_ms) in steps.iter().zip(0i64..) {
            let units = if counts_records { step.units } else { 1 };
            let uptime = has_uptime.then(|| 3_600_000 - 1000 * time_ms.min(3_600) as u32);
            let sequence = Sequence {
                units: Some(units),
                uptime_ms: uptime.map(|base| base + sent_ms as u32),
                ..v9(number)
            };
            number = number.wrapping_add(units);
            if step.is_lost {
                lost_since = lost_since.map(|lost| lost + u64::from(units));
                continue;
            }
            // What was lost before the first one that came is not known.
            expected.missing += lost_since.replace(0).unwrap_or(0);
            for delay in [Some(step.delay_ms), step.again_ms].into_iter().flatten() {
                arrivals.push((time_ms + sent_ms + delay, step.worker, sequence));
            }
        }
        lives_seen += u64::from(lost_since.is_some());
        time_ms += steps.len() as i64 + if has_uptime { 100 } else { 3_000 };
    }
    expected.restarts = lives_seen.saturating_sub(1);
    arrivals.sort_by_key(|(at, ..)| *at);
    // Each worker hands over what came in 40 milliseconds; the second one's comes behind.
    arrivals.sort_by_key(|(at, worker, _)| (at / 40, *worker));
    (arrivals.into_iter().map(|(at, _, sequence)| (sequence, at * MS)).collect(), expected)
}

/// Slow and plain: sorts the datagrams and looks between them.
fn uncovered(datagrams: &[(u32, Option<u32>)]) -> u64 {
    let sorted: BTreeMap<u32, Option<u32>> = datagrams.iter().copied().collect();
    let behind = sorted.keys().skip(1);
    sorted
        .iter()
        .zip(behind)
        .map(|((number, units), behind)| {
            units.map_or(0, |units| u64::from((number + units).max(*behind) - number - units))
        })
        .sum()
}

proptest! {
    /// An exporter whose datagrams are lost, late, doubled and handed over in another order, and
    /// which starts again: what is missing is what was lost.
    #[test]
    fn what_was_lost_is_found(
        mut lives in prop::collection::vec(life(100_000..3_000_000_000), 1..3),
        counts_records: bool,
        has_uptime: bool,
    ) {
        // After a restart it counts from near 0.
        for (first, _) in lives.iter_mut().skip(1) {
            *first %= 100;
        }
        let (datagrams, expected) = send(&lives, counts_records, has_uptime);
        prop_assert_eq!(found_at(datagrams), expected);
    }

    #[test]
    fn numbers_may_wrap_anywhere(life in life(u32::MAX - 4_000..u32::MAX), counts_records: bool) {
        let (datagrams, expected) = send(&[life], counts_records, true);
        prop_assert_eq!(found_at(datagrams), expected);
    }

    /// Whatever order they come in, known or unknown how long.
    #[test]
    fn what_is_not_covered_is_missing(
        steps in prop::collection::vec((1..9u32, 0..9u32, any::<bool>()), 1..100),
        order in any::<u64>(),
    ) {
        let mut number = 1_000;
        let mut datagrams = Vec::new();
        for (units, gap, is_known) in steps {
            datagrams.push((number, is_known.then_some(units)));
            number += units + gap;
        }
        let expected = uncovered(&datagrams);
        // Any order will do that depends on the number and the seed only.
        datagrams.sort_by_key(|(number, _)| u64::from(*number).wrapping_mul(order | 1) >> 7);
        let stream = datagrams.iter().map(|(number, units)| ipfix(*number, *units));
        prop_assert_eq!(found(stream.collect::<Vec<_>>()), missing(expected));
    }

    /// Numbers without any sense end in restarts and missing ones, not in a panic.
    #[test]
    fn any_numbers_are_taken(
        numbers in prop::collection::vec(any::<(u32, Option<u32>, Option<u32>, bool, i64)>(), 0..600)
    ) {
        found_at(numbers.into_iter().map(|(number, units, uptime_ms, templates_only, at)| {
            (Sequence { units, uptime_ms, templates_only, ..v9(number) }, at)
        }));
    }
}

#[test]
fn a_tracker_goes_on_where_another_one_stood() {
    let numbers = [5, 6, 9, 10, 14, 15, 16];
    for cut in 0..numbers.len() {
        let mut first = Tracker::default();
        let (before, after) = numbers.split_at(cut);
        before.iter().for_each(|number| first.take(&v9(*number), 0));
        let mut second = Tracker::resumed(&first.marks());
        after.iter().for_each(|number| second.take(&v9(*number), SECOND));
        assert_eq!(first.found().and(second.found()), missing(5), "cut at {cut}");
    }
    let mut first = Tracker::default();
    for sequence in [v9(5), templates(100), v9(6), templates(101)] {
        first.take(&sequence, 0);
    }
    let mut second = Tracker::resumed(&first.marks());
    for sequence in [v9(7), templates(103), v9(8)] {
        second.take(&sequence, SECOND);
    }
    assert_eq!(second.found(), missing(1), "templates have a counter of their own");
}
