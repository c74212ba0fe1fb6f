//! `logweir doctor` on an interface of a network namespace: what it finds there, and the script
//! that it prints.

#[expect(dead_code, reason = "other tests need the rest of it")]
mod common {
    pub mod collector;
    pub mod command;
    pub mod root;
    pub mod veth;
}

use std::process::{Command, Output};

use common::{collector::Collector, command::LOGWEIR, root, veth::Veth};
use serde_json::Value;

fn doctor(mut command: Command, arguments: &[&str]) -> Output {
    command.arg("doctor").args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Its findings, by `group, check`.
fn findings(output: &Output) -> Vec<(String, Value)> {
    let named = |line: &str| {
        let finding: Value = serde_json::from_str(line).expect("JSON");
        let word = |key: &str| finding[key].as_str().expect("text").to_owned();
        (format!("{}, {}", word("group"), word("check")), finding)
    };
    text(&output.stdout).lines().map(named).collect()
}

fn severity(findings: &[(String, Value)], name: &str) -> String {
    let found = findings.iter().find(|(named, _)| named == name);
    let (_, finding) = found.unwrap_or_else(|| panic!("no {name}: {findings:?}"));
    finding["severity"].as_str().expect("a word").to_owned()
}

#[test]
fn an_interface_is_examined_and_left_as_it_was() {
    if !root::is_root("an_interface_is_examined_and_left_as_it_was") {
        return;
    }
    let veth = Veth::new();
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().to_str().expect("UTF-8");
    let json = ["--interface", "rx0", "--data", data, "--output", "json"];
    let output = doctor(veth.receiving(), &json);
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    let found = findings(&output);
    for name in ["interface rx0, link", "interface rx0, XDP programs", "kernel, version"] {
        assert_eq!(severity(&found, name), "good", "{name}");
    }
    // Every finding says what should be, and why.
    for (name, finding) in &found {
        for key in ["is", "should", "why"] {
            assert!(finding[key].as_str().is_some_and(|text| !text.is_empty()), "{name}: {key}");
        }
    }
    let wrong = found.iter().any(|(_, finding)| finding["severity"] == "wrong");
    assert_eq!(output.status.code(), Some(i32::from(wrong)));
    let left = std::fs::read_dir(directory.path()).expect("a directory").count();
    assert_eq!(left, 0, "the trial of the disk leaves nothing");
}

#[test]
fn a_collectors_own_program_is_told_from_others() {
    if !root::is_root("a_collectors_own_program_is_told_from_others") {
        return;
    }
    let veth = Veth::new();
    let directory = tempfile::tempdir().expect("a directory");
    let mut run = veth.receiving();
    run.args(["run", "--source", "xdp", "--interface", "rx0", "--listen", "2055"]);
    let collector = Collector::start(&mut run, directory.path());
    let output = doctor(veth.receiving(), &["--interface", "rx0", "--output", "json"]);
    let found = findings(&output);
    let (_, programs) =
        found.iter().find(|(name, _)| name.ends_with("XDP programs")).expect("looked at");
    assert_eq!(programs["severity"], "good", "{programs}");
    assert!(programs["is"].as_str().is_some_and(|is| is.contains("native mode")), "{programs}");
    collector.stop();
}

/// The script is one that a shell reads, and what it sets is set when it has run.
#[test]
fn the_script_is_read_and_run() {
    if !root::is_root("the_script_is_read_and_run") {
        return;
    }
    let veth = Veth::new();
    let directory = tempfile::tempdir().expect("a directory");
    let down = "link set dev rx0 down";
    let mut ip = veth.command("rx", "ip");
    assert!(ip.args(down.split(' ')).status().expect("ip").success());
    let output = doctor(veth.receiving(), &["--interface", "rx0", "--fix-script"]);
    assert_eq!(output.status.code(), Some(1), "a link that is down is wrong");
    let script = text(&output.stdout);
    let up = "ip link set dev rx0 up || failed=1";
    assert!(script.lines().any(|line| line == up), "{script}");
    let file = directory.path().join("fix.sh");
    // Only the part about the link: the rest would change this host.
    let part: Vec<_> =
        script.lines().filter(|line| *line == up || !line.contains("failed=1")).collect();
    std::fs::write(&file, part.join("\n")).expect("a file");
    let whole = directory.path().join("whole.sh");
    std::fs::write(&whole, &script).expect("a file");
    assert!(Command::new("sh").arg("-n").arg(&whole).status().expect("sh").success(), "{script}");
    if let Ok(output) = Command::new("shellcheck").arg(&whole).output() {
        assert!(output.status.success(), "{}", text(&output.stdout));
    }
    assert!(veth.command("rx", "sh").arg(&file).status().expect("sh").success());
    let output = doctor(veth.receiving(), &["--interface", "rx0", "--output", "json"]);
    assert_eq!(severity(&findings(&output), "interface rx0, link"), "good");
}

#[test]
fn a_wrong_question_is_one_sentence() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("logweir.toml");
    std::fs::write(&file, "interfaec = \"eth0\"\n").expect("a file");
    let config = file.to_str().expect("UTF-8");
    for (arguments, words) in [
        (["--interface", "no-such-if0"], "no interface 'no-such-if0'"),
        (["--config", config], "line 1: unknown key 'interfaec': did you mean 'interface'?"),
        (["--config", "/no/such/file"], "/no/such/file"),
    ] {
        let output = doctor(Command::new(LOGWEIR), &arguments);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains(words) && output.stdout.is_empty(), "{said}");
    }
}
