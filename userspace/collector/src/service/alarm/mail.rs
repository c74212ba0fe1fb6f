//! The thread that mails, so that nobody else waits for the mail server.

use super::{
    host_name,
    mailbox::{Mail, Mailbox},
    outbox::{LAST_PATIENCE, Outbox},
    smtp::{self, Letter, Relay},
};
use crate::service::live::{LiveLog, text};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use jiff::{Timestamp, tz::TimeZone};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// The server.
    pub relay: Relay,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// How long after the first entry a mail is sent.
    pub pre_delay: Duration,
    /// How long after a mail the next one is sent.
    pub post_delay: Duration,
}

/// Entries on their way to the thread.
const ENTRIES_MAX: usize = 1_000;

/// How long the thread sleeps at most.
const TICK: Duration = Duration::from_secs(1);

/// Starts the thread. Whether mail was sent is told in the log, and only there: no rule hears of it,
/// so that mailing never is about mailing. What waits at the end is sent, if the server takes it at
/// once.
///
/// # Errors
/// No thread can be had.
pub fn start(config: MailConfig, live: Arc<LiveLog>) -> io::Result<Outbox<String>> {
    let send = move |entries: &Receiver<String>| run(&config, entries, &live);
    Outbox::start("lw-mail", ENTRIES_MAX, LAST_PATIENCE, send)
}

fn run(config: &MailConfig, entries: &Receiver<String>, live: &LiveLog) {
    let host = host_name();
    let mut mailbox = Mailbox::new(config.pre_delay, config.post_delay);
    let mut is_failing = false;
    loop {
        let until_due = mailbox.next_due().map_or(TICK, |due| due.duration_since(Instant::now()));
        let ended = match entries.recv_timeout(until_due.min(TICK)) {
            Ok(entry) => {
                mailbox.push(entry, Instant::now());
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        let mail = if ended { mailbox.waiting() } else { mailbox.due(Instant::now()) };
        if let Some(mail) = mail {
            let sent = send(config, &mail, &host);
            let now = Instant::now();
            match sent {
                Ok(refused) => {
                    mailbox.sent(&mail, now);
                    for answer in refused {
                        live.tell("email_refused", &format!("no mail to {answer}"));
                    }
                    live.tell("email_sent", &entries_of(mail.entries.len() as u64));
                    is_failing = false;
                }
                Err(error) => {
                    mailbox.failed(now);
                    let text = format!("no mail to {}: {error}", config.relay.host);
                    if !is_failing {
                        crate::tell(&format!("{text}; it is tried again"));
                    }
                    live.tell("email_failed", &text);
                    is_failing = true;
                }
            }
        }
        if ended {
            return;
        }
    }
}

fn send(config: &MailConfig, mail: &Mail, host: &str) -> Result<Vec<String>, String> {
    let Mail { entries, beyond } = mail;
    let count = entries.len() as u64 + beyond;
    let subject = format!("logweir on {host}: {}{}", entries_of(count), named(entries));
    // The entries have local time.
    let mut lines = vec![text::heading(&TimeZone::system(), Timestamp::now()), String::new()];
    lines.extend_from_slice(entries);
    if *beyond > 0 {
        lines.push(format!("and {beyond} more that there was no room for"));
    }
    let date = jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    let letter = Letter {
        from: &config.from,
        to: &config.to,
        id: &format!("{}.{}@{host}", crate::clock::now(), std::process::id()),
        subject: &subject,
        date: &date,
        lines: &lines,
    };
    smtp::send(&config.relay, host, &letter)
}

/// How many there are, in words.
fn entries_of(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}

/// The rules that entries are of, each once, as far as a subject has room for them: in ASCII, or none.
fn named(entries: &[String]) -> String {
    const ROOM: usize = 60;
    let mut names: Vec<&str> = Vec::new();
    for entry in entries {
        let Some((name, _)) = entry.split_once(": ") else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
    let mut shown = String::new();
    for (count, name) in names.iter().enumerate() {
        if shown.len() + name.len() > ROOM || !name.chars().all(is_plain) {
            let more = names.len() - count;
            return if count == 0 { String::new() } else { format!(" ({shown}, and {more} more)") };
        }
        shown += if count == 0 { "" } else { ", " };
        shown += name;
    }
    format!(" ({shown})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_rules_once_and_as_far_as_there_is_room() {
        let of = |names: &[&str]| {
            named(&names.iter().map(|name| format!("{name}: text: more")).collect::<Vec<_>>())
        };
        assert_eq!(of(&["disk low", "silent", "disk low"]), " (disk low, silent)");
        let long = "x".repeat(50);
        assert_eq!(of(&[&long, "a rule of other size", "c"]), format!(" ({long}, and 2 more)"));
        assert_eq!(of(&["żółw"]), "");
        assert_eq!((entries_of(1), entries_of(2)), ("1 entry".into(), "2 entries".into()));
    }
}
