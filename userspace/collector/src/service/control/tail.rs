//! The answer to `tail`: what the live log has, and what comes.

use super::server::{say, say_error};
use crate::service::live::{LiveLog, filter::Filter};
use crossbeam_channel::RecvTimeoutError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;
use std::{
    collections::HashSet,
    io::{self, Write},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often it is looked whether somebody still follows.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Answers. A line that has the key `skipped` alone says how many records were not shown.
pub(super) fn answer(
    stream: &mut UnixStream,
    live: &Arc<LiveLog>,
    filter: &[String],
    lines: usize,
    follow: bool,
    stop: &AtomicBool,
) -> io::Result<()> {
    let filter = match Filter::parse(filter) {
        Ok(filter) => filter,
        Err(error) => return say_error(stream, &error),
    };
    let following = if follow {
        let Some(following) = live.follow(filter.clone()) else {
            return say_error(stream, "too many follow the log already: ask again later");
        };
        Some(following)
    } else {
        None
    };
    let last = live.last(&filter, lines);
    for line in &last {
        write_line(stream, &line.json)?;
    }
    let Some(following) = following else {
        return say(stream, &json!({ "skipped": live.skipped() }));
    };
    // What came between the two is in both; it is told by its place, which it keeps.
    let shown: HashSet<_> = last.iter().map(|line| line.json.as_ptr()).collect();
    let mut told = 0;
    while !stop.load(Ordering::Acquire) && !is_gone(stream) {
        match following.lines.recv_timeout(LOOK_EVERY) {
            Ok(line) if shown.contains(&line.as_ptr()) => {}
            Ok(line) => write_line(stream, &line)?,
            Err(RecvTimeoutError::Timeout) => {
                let skipped = following.skipped();
                if skipped > told {
                    say(stream, &json!({ "skipped": skipped - told }))?;
                    told = skipped;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(())
}

fn write_line(stream: &mut UnixStream, json: &str) -> io::Result<()> {
    stream.write_all(format!("{json}\n").as_bytes())
}

/// Whether the other end was closed: it has nothing more to say after its question.
fn is_gone(stream: &UnixStream) -> bool {
    let mut ends = [PollFd::new(stream, PollFlags::RDHUP)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut ends, Some(&at_once)).is_ok_and(|ready| ready > 0)
}
