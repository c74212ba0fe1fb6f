//! A directory for files and, where mounts are made, a mount namespace: both go with the run,
//! however it ends.

use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::shell;

/// Where runs have their directories, each by the id of its process.
pub fn place() -> PathBuf {
    shell::target_dir().join("chaos")
}

/// Runs this program again with more arguments, in a process group and, if it is to mount, in a
/// mount namespace of its own. All of the group is killed and the directory removed when that is
/// over, or when this process is asked to end.
pub fn run(directory: &Path, mounts: bool, arguments: &[String]) -> Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&asked))?;
    }
    clear_leftovers();
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let result = run_in(directory, mounts, arguments, &asked);
    // Mounts went with the namespace, and the namespace with its last process.
    let removed = fs::remove_dir_all(directory);
    result?;
    removed.with_context(|| format!("cannot remove {}", directory.display()))
}

fn run_in(directory: &Path, mounts: bool, arguments: &[String], asked: &AtomicBool) -> Result<()> {
    let program = env::current_exe()?;
    let mut command = if mounts { Command::new("unshare") } else { Command::new(&program) };
    if mounts {
        command.args(["--mount", "--"]).arg(&program);
    }
    command.args(arguments).arg("--within").arg(directory);
    let mut child = command.process_group(0).spawn().context("cannot run the rounds")?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if asked.load(Ordering::Relaxed) {
            break None;
        }
        thread::sleep(Duration::from_millis(50));
    };
    if let Some(group) = group {
        // A group without a process gets no signal.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let Some(status) = status else {
        child.wait()?;
        bail!("asked to end");
    };
    ensure!(status.success(), "the rounds failed");
    Ok(())
}

/// Removes what runs left that were killed.
fn clear_leftovers() {
    for entry in fs::read_dir(place()).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().parse::<u32>();
        if pid.is_ok_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The directory of this run.
pub fn directory() -> PathBuf {
    place().join(process::id().to_string())
}
