//! `cargo xtask fuzz`: every decoder on what libFuzzer makes of its corpus, for a while.
//!
//! Builds the targets in `userspace/decode/fuzz`, makes the corpora that they start from, runs as
//! many at once as there are processors, and says how often each was tried and what it found.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::shell;

const CARGO_FUZZ: &str = "cargo-fuzz";
const CARGO_FUZZ_VERSION: &str = "0.13.2";
/// Inputs that take longer are findings: the slowest honest one takes milliseconds.
const INPUT_SECONDS_MAX: u32 = 20;
/// What the targets take at the most.
const INPUT_BYTES_MAX: u32 = 4096;

/// Fuzz the decoders; what is found is kept and makes the task fail.
#[derive(clap::Args)]
pub struct Arguments {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Targets to run; all without it.
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<String>,
    /// Targets at once; as many as there are processors without it.
    #[arg(long)]
    jobs: Option<usize>,
}

/// What a target came to.
struct Tried {
    target: String,
    executions: u64,
    /// Inputs that broke something, or why the target did not run to its end.
    findings: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let fuzz = shell::root().join("userspace/decode/fuzz");
    let targets = chosen(&fuzz, &arguments.targets)?;
    let programs = build(&fuzz, &arguments.targets)?;
    println!("making the corpora to start from");
    let manifest = fuzz.join("seed/Cargo.toml");
    shell::run(
        shell::cargo().args(["run", "--quiet", "--locked", "--manifest-path"]).arg(manifest),
    )?;
    let jobs = match arguments.jobs {
        Some(jobs) => jobs.max(1),
        None => thread::available_parallelism().map_or(1, usize::from),
    };
    println!("{} targets, {} seconds each, {jobs} at once", targets.len(), arguments.seconds);
    let mut failed = Vec::new();
    let mut waiting = targets.iter().rev().collect::<Vec<_>>();
    let mut running: Vec<(&String, Child)> = Vec::new();
    while !(waiting.is_empty() && running.is_empty()) {
        while running.len() < jobs
            && let Some(target) = waiting.pop()
        {
            running.push((target, start(&fuzz, &programs, target, arguments.seconds)?));
        }
        thread::sleep(Duration::from_millis(200));
        for index in (0..running.len()).rev() {
            if let Some(status) = running[index].1.try_wait()? {
                let (target, _) = running.remove(index);
                let tried = Tried::read(&fuzz, target, status.success())?;
                tried.print();
                failed.extend((!tried.findings.is_empty()).then_some(tried.target));
            }
        }
    }
    ensure!(failed.is_empty(), "findings in {}", failed.join(", "));
    println!("no findings");
    Ok(())
}

/// The targets that were asked for, which must be there.
fn chosen(fuzz: &Path, wanted: &[String]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for file in fuzz.join("fuzz_targets").read_dir()? {
        all.extend(file?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    all.sort();
    for target in wanted {
        ensure!(all.contains(target), "no target '{target}': there are {}", all.join(", "));
    }
    Ok(if wanted.is_empty() { all } else { wanted.to_vec() })
}

/// Builds the targets that were asked for, or all; gives the folder that they are in.
fn build(fuzz: &Path, wanted: &[String]) -> Result<PathBuf> {
    let target_dir = shell::target_dir().join("fuzz");
    let triple = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let cargo_fuzz = find_or_install()?;
    println!("building the fuzz targets");
    let build = |target: Option<&String>, sanitizer: &str| {
        let mut command = Command::new(&cargo_fuzz);
        // Stable Rust takes a sanitizer's options with this only.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.args(["build", "--sanitizer", sanitizer, "--target", &triple]);
        command.arg("--fuzz-dir").arg(fuzz).arg("--target-dir").arg(&target_dir).current_dir(fuzz);
        shell::run(command.args(target))
    };
    let all = wanted.is_empty().then_some(None);
    for target in wanted.iter().map(Some).chain(all) {
        if let Err(error) = build(target, "address") {
            println!("{error:#}; without AddressSanitizer then");
            build(target, "none")?;
        }
    }
    Ok(target_dir.join(triple).join("release"))
}

fn start(fuzz: &Path, programs: &Path, target: &str, seconds: u64) -> Result<Child> {
    let artifacts = fuzz.join("artifacts").join(target);
    let corpus = fuzz.join("corpus").join(target);
    for dir in [&artifacts, &corpus] {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let log = File::create(log_of(fuzz, target))?;
    let mut program = Command::new(programs.join(target));
    program
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        // Names of declared formats live as long as the process: no leaks, neither an input's nor,
        // what libFuzzer's option says nothing of, at the end.
        .args(["-detect_leaks=0", "-print_final_stats=1"])
        .env("ASAN_OPTIONS", "detect_leaks=0")
        .arg(corpus)
        .stdout(Stdio::null())
        .stderr(log);
    program.spawn().with_context(|| format!("cannot run the target {target}"))
}

impl Tried {
    fn read(fuzz: &Path, target: &str, success: bool) -> Result<Self> {
        let log = fs::read(log_of(fuzz, target))?;
        let mut tried = Self::of_log(target, &String::from_utf8_lossy(&log));
        if !success && tried.findings.is_empty() {
            tried.findings.push(format!("ended early: see {}", log_of(fuzz, target).display()));
        }
        Ok(tried)
    }

    /// Reads what libFuzzer prints at the end: statistics, and where it wrote what it found.
    fn of_log(target: &str, log: &str) -> Self {
        let executions = log.lines().find_map(|line| {
            line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok()
        });
        let findings = log.lines().filter_map(|line| line.split_once("Test unit written to "));
        Self {
            target: target.to_owned(),
            executions: executions.unwrap_or(0),
            findings: findings.map(|(_, path)| path.trim().to_owned()).collect(),
        }
    }

    fn print(&self) {
        let Self { target, executions, findings } = self;
        println!("{target:20} {executions:>12} executions, {} findings", findings.len());
        for finding in findings {
            println!("  {finding}");
        }
    }
}

fn log_of(fuzz: &Path, target: &str) -> PathBuf {
    fuzz.join("artifacts").join(format!("{target}.log"))
}

fn find_or_install() -> Result<PathBuf> {
    if let Some(found) = shell::find(CARGO_FUZZ) {
        return Ok(found);
    }
    let root = shell::target_dir().join("tools");
    let installed = root.join("bin").join(CARGO_FUZZ);
    if !installed.exists() {
        println!("installing {CARGO_FUZZ} {CARGO_FUZZ_VERSION} into {}", root.display());
        let mut install = shell::cargo();
        install.args([
            "install",
            CARGO_FUZZ,
            "--version",
            CARGO_FUZZ_VERSION,
            "--locked",
            "--root",
        ]);
        shell::run(install.arg(&root))?;
    }
    if !installed.exists() {
        bail!("{CARGO_FUZZ} was installed but is not in {}", root.display());
    }
    Ok(installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_and_findings_are_read_from_the_log() {
        let log = "#9 NEW cov: 1\nartifact_prefix='a/'; Test unit written to a/crash-12\n\
                   stat::number_of_executed_units: 1234\nstat::average_exec_per_sec: 7\n";
        let tried = Tried::of_log("auto", log);
        assert_eq!((tried.executions, tried.findings), (1234, vec!["a/crash-12".to_owned()]));
        assert!(Tried::of_log("auto", "#9 DONE").findings.is_empty());
    }
}
