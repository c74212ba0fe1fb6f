//! docs/operating.md says what is so: its commands run as they stand there, and its tables have
//! every line of the balance, every reason and every limit. docs/watching.md has every alert, and
//! docs/alarms.md every event.

#[expect(dead_code, reason = "other tests need the rest of it")]
mod common {
    pub mod command;
}

use std::{env, path::Path, process::Command};

use common::command::LOGWEIR;
use logweir::balance::{Balance, RecordBalance, RingBalance, SocketBalance, XdpBalance};
use logweir::{config, nic::NicCounters, service::alarm::event::EventKind};
use logweir_abi::{Counter, Fate};
use logweir_decode::reason::Reason;

const PAGE: &str = include_str!("../../../docs/operating.md");

/// The commands of the blocks that are to be run.
fn commands() -> String {
    let mut script = String::new();
    let mut within = false;
    for line in PAGE.lines() {
        match line {
            "```sh run" => within = true,
            "```" => within = false,
            line if within => script.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    script
}

#[test]
fn the_first_hour_is_as_it_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = Path::new(LOGWEIR).parent().expect("a directory");
    let path = format!("{}:{}", program.display(), env::var("PATH").unwrap_or_default());
    let script = format!("trap 'kill $collector 2>/dev/null || :' EXIT\n{}", commands());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &script]).env("PATH", path).current_dir(directory.path());
    let output = shell.output().expect("a shell");
    let [said, complaints] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}: {said}{complaints}", output.status);
    for word in ["is good", "unaccounted 0", "0 findings", "good, "] {
        let found = said.contains(word) || complaints.contains(word);
        assert!(found, "no '{word}' in {said}{complaints}");
    }
    // The question of step 5 is answered with a session.
    assert!(said.contains(" as ") && said.contains(" user "), "{said}");
}

/// A row of a table that begins with this.
fn has_row(begin: &str) -> bool {
    PAGE.lines().any(|line| line.starts_with(&format!("| {begin}")))
}

#[test]
fn each_line_of_the_balance_is_explained() {
    let mut balance = Balance {
        nic: Some(NicCounters::default()),
        xdp: Some(XdpBalance::default()),
        ring: Some(RingBalance::default()),
        socket: Some(SocketBalance::default()),
        records: RecordBalance {
            sealed: Some(0),
            recovered: 1,
            discarded: 1,
            ..RecordBalance::default()
        },
        ..Balance::default()
    };
    balance.datagrams.rejected.insert("empty".into(), 1);
    let xdp = balance.xdp.as_mut().expect("there is one");
    xdp.passed.insert("fragment".into(), 1);
    xdp.dropped.insert("not_allowed".into(), 1);
    let printed = balance.to_string();
    for line in printed.lines().filter(|line| line.starts_with("  ")) {
        let words: Vec<_> = line.split_whitespace().collect();
        let name = words.split_last().expect("a count").1.join(" ");
        // By reason: the table has the line without.
        let reasons = ["xdp passed up", "xdp dropped", "decode rejected"];
        let name = reasons.into_iter().find(|begin| name.starts_with(begin)).unwrap_or(&name);
        assert!(has_row(&format!("`{name}`")), "docs/operating.md does not explain: {name}");
    }
}

#[test]
fn each_reason_is_explained() {
    let passed = Counter::ALL.iter().filter(|counter| counter.fate() == Fate::Pass);
    let passed = passed.map(|counter| counter.name());
    for name in Reason::ALL.iter().map(|reason| reason.name()).chain(passed) {
        let told =
            PAGE.lines().any(|line| line.starts_with("| `") && line.contains(&format!("`{name}`")));
        assert!(told, "docs/operating.md does not explain: {name}");
    }
}

#[test]
fn each_alert_and_each_event_is_explained() {
    let alerts = include_str!("../../../scripts/alerts.yml");
    let alerts = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let of_alerts = alerts.map(|name| (include_str!("../../../docs/watching.md"), name));
    let of_events = EventKind::ALL.iter().map(|kind| kind.name());
    let of_events = of_events.map(|name| (include_str!("../../../docs/alarms.md"), name));
    for (page, name) in of_alerts.chain(of_events) {
        let mut rows = page.lines().filter(|line| line.starts_with("| `"));
        let told = rows.any(|row| {
            let heading = row.split('|').nth(1).unwrap_or_default();
            heading.contains(&format!("`{name}`"))
        });
        assert!(told, "no page explains {name}");
    }
}

#[test]
fn each_limit_has_its_default() {
    let page = config::reference_page();
    let (_, limits) = page.split_once("## `[limits]`").expect("a chapter");
    let (limits, _) = limits.split_once("\n## ").expect("another one");
    let rows: Vec<_> = limits.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let (name, value) = (cells[1].trim_matches('`'), cells[3]);
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{name}`")));
        let row = row.unwrap_or_else(|| panic!("docs/operating.md has no row for {name}"));
        let told = row.split('|').nth(2).unwrap_or_default().trim();
        assert_eq!(told, value, "{name}");
    }
}
