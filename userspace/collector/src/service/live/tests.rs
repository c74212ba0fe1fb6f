use super::{filter::Filter, *};
use crate::{output, service::testing::batch};
use logweir_decode::record::{self, Record};

fn filter(conditions: &[&str]) -> Filter {
    Filter::parse(conditions).unwrap()
}

fn all_records(batch: &logweir_decode::batch::Batch) -> Vec<Record<'_>> {
    let sessions = batch.session.runs().flat_map(|run| record::sessions(batch, run));
    sessions.chain(record::filters(batch)).chain(record::unparsed(batch)).collect()
}

/// How many records of the batch meet a condition, by their columns; by their JSON it is the same.
fn matched(condition: &str) -> usize {
    let (batch, filter) = (batch(10), filter(&[condition]));
    let records = all_records(&batch);
    let by_columns: Vec<_> =
        records.iter().map(|it| filter.may_match(it) && filter.matches_rest(it)).collect();
    let object = |record: &Record<'_>| output::json::object(&record.fields());
    let by_json: Vec<_> = records.iter().map(|it| filter.matches_object(&object(it))).collect();
    assert_eq!(by_columns, by_json, "{condition}");
    by_columns.iter().filter(|matches| **matches).count()
}

#[test]
fn conditions_hold_for_columns_as_for_what_is_written_down() {
    let cases = [
        ("record=session", 10),
        ("record!=session", 5),
        ("format=firebrick", 4),
        ("exporter=192.0.2.0/24", 15),
        ("exporter=192.0.3.0/24", 0),
        ("exporter_port=2055", 15),
        ("observation_domain>6", 15),
        ("sequence<3", 0),
        ("event=deny", 5),
        ("event!=deny", 10),
        ("src_addr=10.0.0.4/30", 4),
        ("src_addr=2001:db8::/32", 4),
        ("src_addr>10.0.0.7", 6),
        ("src_port>1007", 2),
        ("src_port<1003", 3),
        ("src_port!=1000", 14),
        ("dst_addr=2020::/16", 10),
        ("protocol=6", 10),
        ("user=müller", 10),
        ("user=Müller", 0),
        ("extra.rule=42", 10),
        ("extra.rule>41", 10),
        ("extra.other=42", 0),
        ("flags=reading_inferred", 15),
        ("flags=extra_truncated", 0),
        ("start_time<2026-01-01T00:00:00Z", 10),
        ("start_time>2026-01-01T00:00:00Z", 0),
        ("received_at>2026-01-01T00:00:00Z", 15),
        ("action=drop", 1),
        ("action!=drop", 14),
        ("filter=No telnet", 4),
        ("mac=00:01:02:03:04:AF", 4),
        ("reason=unknown_format", 1),
        ("raw=what is this", 1),
    ];
    for (condition, expected) in cases {
        assert_eq!(matched(condition), expected, "{condition}");
    }
}

#[test]
fn wrong_conditions_are_told() {
    let error = |condition: &str| Filter::parse(&[condition]).unwrap_err();
    assert_eq!(
        error("src_adress=10.0.0.1"),
        "'src_adress=10.0.0.1': no field 'src_adress': did you mean 'src_addr'?"
    );
    assert!(error("src_addr=10.0.0.300").contains("src_addr: "));
    assert!(error("start_time>yesterday").contains("is a time like"));
    assert!(error("extra=1").contains("extra.KEY=VALUE"));
    assert!(error("action=dorp").contains("action is never 'dorp': did you mean 'drop'?"));
    assert!(error("record!=fliter").contains("did you mean 'filter'?"));
    // The value may have other signs.
    assert!(Filter::parse(&["url=http://example.net/?a<b!=c"]).is_ok());
}

fn config() -> LiveConfig {
    LiveConfig { lines_max: 4, bytes_max: 1 << 20, records_per_second: 2 }
}

fn names(lines: &[Line]) -> Vec<String> {
    let object = |line: &Line| serde_json::from_str::<Json>(&line.json).unwrap();
    lines.iter().map(|line| object(line)["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn records_do_not_drive_events_out() {
    let log = LiveLog::new(config());
    log.tell("exporter_new", "e1");
    let lines = |begin: usize| {
        (begin..begin + 6)
            .map(|number| format!("{{\"record\":\"session\",\"text\":\"{number}\"}}").into())
    };
    log.push_records(lines(0));
    log.tell("disk_low", "e2");
    log.push_records(lines(6));
    assert_eq!(names(&log.last(&Filter::new(), 100)), ["e1", "e2", "8", "9", "10", "11"]);
    assert_eq!(names(&log.last(&Filter::new(), 2)), ["10", "11"]);
    assert_eq!(names(&log.last(&filter(&["record=event"]), 1)), ["e2"]);
    assert_eq!(names(&log.last(&filter(&["event=exporter_new"]), 9)), ["e1"]);
}

#[test]
fn a_follower_is_shown_the_events_that_it_wants_and_gives_its_place_back() {
    let log = Arc::new(LiveLog::new(config()));
    let following = log.follow(filter(&["event=disk_low"])).unwrap();
    log.tell("exporter_new", "a");
    log.tell("disk_low", "b");
    let shown: Vec<_> = following.lines.try_iter().collect();
    assert_eq!(shown.len(), 1);
    assert!(shown[0].contains("\"text\":\"b\""));
    let mut others: Vec<_> = (1..FOLLOWERS_MAX).map(|_| log.follow(Filter::new())).collect();
    assert!(others.iter().all(Option::is_some));
    assert!(log.follow(Filter::new()).is_none());
    others.pop();
    assert!(log.follow(Filter::new()).is_some());
    // A slow one is not waited for.
    for _ in 0..FOLLOWER_LINES_MAX + 3 {
        log.tell("disk_low", "c");
    }
    assert_eq!(following.skipped(), 3);
}
