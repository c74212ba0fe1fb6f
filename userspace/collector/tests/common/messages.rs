//! A program that is to end with one sentence, and what makes one.

use std::{
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

/// Runs a command that must end by itself, soon.
pub fn run(command: &mut Command) -> Output {
    const PAUSE: Duration = Duration::from_millis(10);
    const PAUSES: u32 = 3_000;
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    for _ in 0..PAUSES {
        if child.try_wait().expect("a child").is_some() {
            return child.wait_with_output().expect("a child");
        }
        thread::sleep(PAUSE);
    }
    child.kill().ok();
    let output = child.wait_with_output().expect("a child");
    panic!("{command:?} goes on: {}", String::from_utf8_lossy(&output.stdout));
}

/// A program as a user without rights but these (`+net_raw,+bpf`), who may lock little memory; what
/// runs it is a `prlimit` that may be in a namespace.
pub fn confined(mut prlimit: Command, rights: &str, program: &str) -> Command {
    let only = if rights.is_empty() { "-all".to_owned() } else { format!("-all,{rights}") };
    prlimit.args(["--memlock=65536:65536", "setpriv", "--reuid=65534", "--regid=65534"]);
    prlimit.args(["--clear-groups", &format!("--inh-caps={only}")]);
    if !rights.is_empty() {
        prlimit.arg(format!("--ambient-caps={rights}"));
    }
    prlimit.args([&format!("--bounding-set={only}"), program]);
    prlimit
}

/// Longest sentence: one that lists all formats.
const LENGTH_MAX: usize = 700;

/// What only a programmer reads.
const DEBUG: [&str; 12] = [
    "Os {",
    "Error(",
    "Error {",
    "kind:",
    "code:",
    "Some(",
    "None",
    "Ok(",
    "Err(",
    "panicked",
    "RUST_BACKTRACE",
    "unwrap",
];

/// Lines that a collector says on its way to what it ends with: what it does without.
const NOTES: [&str; 2] = ["not as confined as it could be: ", "templates.json: "];

/// What is wrong with how a program ended, if it was not with this code and one sentence that names
/// the thing.
pub fn fault(what: &str, output: &Output, code: i32, named: &str) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let is_note = |line: &&str| NOTES.iter().any(|note| line.contains(note));
    let said: String = said.split_inclusive('\n').filter(|line| !is_note(line)).collect();
    let printed = String::from_utf8_lossy(&output.stdout);
    let sentence = said.strip_prefix("logweir: ").and_then(|rest| rest.strip_suffix('\n'));
    let sentence = sentence.unwrap_or_default();
    let words = sentence.split_whitespace().count();
    let faults = [
        (output.status.code() != Some(code), "another exit code"),
        (sentence.is_empty(), "not from logweir"),
        (sentence.contains('\n'), "more than a line"),
        (!sentence.contains(named), "the thing is not named"),
        (DEBUG.iter().any(|word| sentence.contains(word)), "for programmers"),
        (words < 3 || sentence.len() > LENGTH_MAX, "no sentence"),
        (sentence.contains("  ") || sentence.ends_with([':', '.', ' ']), "no sentence"),
        (!printed.is_empty(), "something was done"),
    ];
    let (_, fault) = faults.into_iter().find(|(is_so, _)| *is_so)?;
    Some(format!("{what}: {fault} (wanted {code}, '{named}'): {}: {said}{printed}", output.status))
}

/// That there is none.
#[track_caller]
pub fn assert_none(faults: impl IntoIterator<Item = Option<String>>) {
    let faults: Vec<_> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
