//! The thread that mails, so that nobody else waits for the mail server.

use super::{
    host_name,
    mailbox::{Mail, Mailbox},
    outbox::{LAST_PATIENCE, Outbox},
    smtp::{self, Letter},
};
use crate::service::live::LiveLog;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// Where mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
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
                    live.tell("email_sent", &format!("{} entries", mail.entries.len()));
                    is_failing = false;
                }
                Err(error) => {
                    mailbox.failed(now);
                    let text = format!("no mail to {}: {error}", config.host);
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
    let subject = format!("logweir on {host}: {count} entries");
    let mut lines = entries.clone();
    if *beyond > 0 {
        lines.push(format!("and {beyond} more that there was no room for"));
    }
    let date = jiff::Zoned::now().strftime("%a, %d %b %Y %H:%M:%S %z").to_string();
    let letter = Letter {
        from: &config.from,
        to: &config.to,
        subject: &subject,
        date: &date,
        lines: &lines,
    };
    smtp::send((&config.host, config.port), host, &letter)
}
