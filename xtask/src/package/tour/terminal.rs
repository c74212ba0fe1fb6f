//! A shell in a root, to type into.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::package::root::Root;

/// How long a command may show nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the shell says when a command has ended.
const ENDED: &str = "-- ended --";

/// A shell. Dropping it ends it, and what it has started.
pub struct Terminal {
    shell: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Terminal {
    /// Opens one, given `unshare` on the host that it is to be on.
    pub fn open(mut unshare: Command, root: &Root) -> Result<Self> {
        // What it shows and what it complains of come in the order in which they are said.
        const ENTER: &str = "mount -t proc proc \"$0/proc\" && mount -t sysfs sysfs \"$0/sys\" \
             && exec chroot \"$0\" bash --norc 2>&1";
        unshare.args(["--mount", "sh", "-c", ENTER]).arg(root.path_of("/"));
        unshare.envs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")]);
        unshare.envs([("LC_ALL", "C.UTF-8"), ("TZ", "Europe/Warsaw"), ("COLUMNS", "120")]);
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut shell = unshare.spawn().context("no shell starts")?;
        let input = shell.stdin.take().context("it is piped")?;
        let output = BufReader::new(shell.stdout.take().context("it is piped")?);
        let (to, lines) = mpsc::channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| to.send(line))
        });
        let mut terminal = Self { shell, input, lines };
        terminal.type_in("cd")?;
        Ok(terminal)
    }

    /// Types a command; the lines that come back, and its exit code.
    pub fn type_in(&mut self, command: &str) -> Result<(Vec<String>, i32)> {
        writeln!(self.input, "{command}\necho \"{ENDED}$?\"").context("the shell has ended")?;
        let mut shown = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.with_context(|| format!("{command}: it does not end: {shown:?}"))?;
            match line.split_once(ENDED) {
                Some((rest, code)) => {
                    // The last line may have had no end of its own.
                    shown.extend((!rest.is_empty()).then(|| rest.to_owned()));
                    return Ok((shown, code.parse()?));
                }
                None => shown.push(line.trim_end().to_owned()),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where it does something without end it reads no more.
        let group = i32::try_from(self.shell.id()).ok().and_then(Pid::from_raw);
        let _ = group.map(|group| kill_process_group(group, Signal::TERM));
        let _ = self.shell.wait();
    }
}
