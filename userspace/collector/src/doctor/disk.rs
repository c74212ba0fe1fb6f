//! The data directory's file system: room, kind, speed, and whether it can exchange directories.
//!
//! The last two are tried, in a directory that is made for that and removed.

use super::{
    Plan,
    finding::{Check, Finding, quoted},
    read,
};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with, statvfs},
    io::Errno,
    process::geteuid,
};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process,
    time::{Duration, Instant},
};

/// What there is.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The directory.
    pub data: PathBuf,
    /// Whether it is there.
    pub exists: bool,
    /// The kind of its file system, `ext4`.
    pub kind: Option<String>,
    /// Bytes that may be written, and bytes in all.
    pub room: Option<(u64, u64)>,
    /// What trying came to; why it could not be tried.
    pub trial: Result<Trial, Untried>,
}

/// Why nothing was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untried {
    /// The file system refuses.
    Refused(String),
    /// The directory is another user's, as a collector's is for who asks it as one of its group.
    Forbidden,
}

/// What was tried.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Whether two directories can change places in one step.
    pub exchanges: bool,
    /// Bytes a second, written one after the other and synced.
    pub bytes_per_second: f64,
    /// The longest sync of 4 KiB.
    pub longest_sync: Duration,
}

impl Reading {
    /// Of a data directory.
    pub fn take(data: &Path) -> Self {
        let exists = data.is_dir();
        let whole = fs::canonicalize(data);
        let mounts = read::text("/proc/self/mountinfo").unwrap_or_default();
        let room = statvfs(data).ok().map(|disk| {
            (
                disk.f_bavail.saturating_mul(disk.f_frsize),
                disk.f_blocks.saturating_mul(disk.f_frsize),
            )
        });
        Self {
            data: data.to_owned(),
            exists,
            kind: whole.ok().and_then(|path| kind_of(&mounts, &path)),
            room,
            trial: try_it(data).map_err(|error| match error.kind() {
                ErrorKind::PermissionDenied if is_of_another_user(data) => Untried::Forbidden,
                _ => Untried::Refused(format!("cannot write there: {error}")),
            }),
        }
    }
}

/// The kind of the file system that has a path: of the longest mount point above it.
pub fn kind_of(mountinfo: &str, path: &Path) -> Option<String> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        Some((PathBuf::from(point), after.split(' ').next()?))
    });
    let above = mounts.filter(|(point, _)| path.starts_with(point));
    // Of two at one place the later one is seen.
    let longest = above.max_by_key(|(point, _)| point.components().count())?;
    Some(longest.1.to_owned())
}

/// A directory for the trial, gone with this value.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether it belongs to somebody else than who asks, and not to root, as whom nobody collects who
/// may not write there.
fn is_of_another_user(data: &Path) -> bool {
    let owner = fs::metadata(data).map(|metadata| metadata.uid());
    owner.is_ok_and(|owner| owner != 0 && owner != geteuid().as_raw())
}

fn try_it(data: &Path) -> io::Result<Trial> {
    let place = Place(data.join(format!(".doctor-{}", process::id())));
    fs::create_dir(&place.0)?;
    let (one, other) = (place.0.join("one"), place.0.join("other"));
    for directory in [&one, &other] {
        fs::create_dir(directory)?;
    }
    let exchanges = match renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE) {
        Ok(()) => true,
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => false,
        Err(error) => return Err(error.into()),
    };
    let (bytes_per_second, longest_sync) = write(&one.join("bytes"))?;
    Ok(Trial { exchanges, bytes_per_second, longest_sync })
}

/// Writes 32 MiB at most, for a second at most, then some small pieces, each synced.
fn write(path: &Path) -> io::Result<(f64, Duration)> {
    const PIECE: usize = 4 << 20;
    const PIECES: usize = 8;
    const SMALL: usize = 4 << 10;
    const TIME: Duration = Duration::from_secs(1);
    let mut file = File::create(path)?;
    // Not all the same: some file systems keep no zeros.
    let bytes: Vec<u8> = (0..PIECE).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let begun = Instant::now();
    let mut written = 0;
    for _ in 0..PIECES {
        file.write_all(&bytes)?;
        file.sync_data()?;
        written += PIECE;
        if begun.elapsed() > TIME {
            break;
        }
    }
    let speed = written as f64 / begun.elapsed().as_secs_f64().max(1e-9);
    let mut longest = Duration::ZERO;
    for _ in 0..PIECES {
        let begun = Instant::now();
        file.write_all(&bytes[..SMALL])?;
        file.sync_data()?;
        longest = longest.max(begun.elapsed());
    }
    Ok((speed, longest))
}

const DIRECTORY: Check =
    Check { name: "directory", why: "journal, parts, index and manifest are kept there" };
const KIND: Check = Check {
    name: "file system",
    why: "what is synced must be there after a loss of power, and renaming must be one step",
};
const ROOM: Check = Check {
    name: "room",
    why: "when the disk is full, records are dropped and counted until there is room",
};
const EXCHANGE: Check = Check {
    name: "exchange",
    why: "small parts are merged by letting two directories change places",
};
const SPEED: Check = Check {
    name: "speed",
    why: "the journal is written as records come, and sealing writes them a second time",
};
const SYNC: Check =
    Check { name: "sync", why: "a record is safe after the next sync, which comes every second" };

/// What is found.
pub fn findings(reading: &Reading, plan: &Plan) -> Vec<Finding> {
    if !reading.exists {
        let make = format!("mkdir -p {}", quoted(&reading.data.display().to_string()));
        let finding =
            DIRECTORY.unknown("not there yet", "a directory that the collector may write");
        return vec![finding.changed_by(make)];
    }
    let mut findings = vec![kind(reading.kind.as_deref()), room(reading.room, plan)];
    match &reading.trial {
        Ok(trial) => findings.extend(tried(trial)),
        Err(Untried::Refused(reason)) => {
            findings.push(DIRECTORY.wrong(reason, "a directory that the collector may write"));
        }
        Err(Untried::Forbidden) => findings.push(DIRECTORY.unknown(
            "another user's, where this one may not write",
            "a directory that the collector may write: ask as the user that it runs as",
        )),
    }
    findings
}

fn kind(kind: Option<&str>) -> Finding {
    const GOOD: [&str; 5] = ["ext4", "xfs", "btrfs", "f2fs", "zfs"];
    const SHOULD: &str = "ext4, XFS or Btrfs on a disk of this host";
    match kind {
        None => KIND.unknown("/proc/self/mountinfo does not tell", SHOULD),
        Some(kind) if GOOD.contains(&kind) => KIND.good(kind, SHOULD),
        Some("tmpfs" | "ramfs") => KIND.advice("in memory, and gone with the host", SHOULD),
        Some(kind) => KIND.advice(kind, SHOULD),
    }
}

fn room(room: Option<(u64, u64)>, plan: &Plan) -> Finding {
    // The journal, the parts that become of it, and what is merged.
    let wanted = 3 * plan.journal_bytes_max;
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    let should = format!("{} free, and retention for what stays", gigabytes(wanted));
    let Some((free, all)) = room else { return ROOM.unknown("statvfs does not tell", should) };
    let is = format!("{} free of {}", gigabytes(free), gigabytes(all));
    if free >= wanted {
        ROOM.good(is, should)
    } else if free >= plan.journal_bytes_max {
        ROOM.advice(is, should)
    } else {
        ROOM.wrong(is, should)
    }
}

fn tried(trial: &Trial) -> [Finding; 3] {
    let Trial { exchanges, bytes_per_second, longest_sync } = *trial;
    const ENOUGH: f64 = 100e6;
    const SHOULD: &str = "100 MB/s or more: about a million records a second";
    let speed = format!("{:.0} MB/s", bytes_per_second / 1e6);
    let milliseconds = longest_sync.as_secs_f64() * 1e3;
    let sync = format!("{milliseconds:.1} ms at the longest");
    [
        match exchanges {
            true => EXCHANGE.good("can be done", "renameat2 with RENAME_EXCHANGE"),
            false => EXCHANGE.wrong("cannot be done", "renameat2 with RENAME_EXCHANGE"),
        },
        match bytes_per_second >= ENOUGH {
            true => SPEED.good(speed, SHOULD),
            false => SPEED.advice(speed, SHOULD),
        },
        match milliseconds < 100.0 {
            true => SYNC.good(sync, "less than 100 ms"),
            false => SYNC.advice(sync, "less than 100 ms"),
        },
    ]
}
