//! The thread that posts to webhooks, so that nobody else waits for them.

mod backlog;

use super::{
    outbox::{LAST_PATIENCE, Outbox},
    tls::{self, Authorities},
};
use crate::{counted, service::live::LiveLog};
use backlog::{Backlog, LAST_PAUSE, News};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use serde_json::json;
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};
use ureq::{Agent, http::Uri};

/// Posts that wait until the thread has time for them; those beyond are lost and counted.
const WAITING_MAX: usize = 64;

/// How long a server may take to answer, with TLS and all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something to be posted.
#[derive(Debug)]
pub struct Post {
    /// Where to.
    pub url: Uri,
    /// The rule's name.
    pub rule: String,
    /// Record or event.
    pub json: Arc<str>,
    /// Matches that this stands for.
    pub records: u64,
}

/// Starts the thread; it believes servers whose certificates these have signed.
///
/// # Errors
/// No thread can be had.
pub fn start(authorities: &Authorities, live: Arc<LiveLog>) -> io::Result<Outbox<Post>> {
    // What is posted would not go with a redirection.
    let config = Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None);
    let config = config.max_redirects(0).tls_config(authorities.for_http()).build();
    let send = move |posts: &Receiver<Post>| run(&config.new_agent(), posts, &live);
    Outbox::start("lw-webhook", WAITING_MAX, LAST_PATIENCE, send)
}

fn run(agent: &Agent, posts: &Receiver<Post>, live: &LiveLog) {
    let mut backlog = Backlog::default();
    loop {
        let now = Instant::now();
        let until = backlog.next_due().map(|due| due.saturating_duration_since(now));
        let came = match posts.recv_timeout(until.unwrap_or(Duration::MAX)) {
            Err(RecvTimeoutError::Disconnected) => break,
            came => came.ok(),
        };
        // A server that is slow must leave those who hand over their room.
        for post in came.into_iter().chain(posts.try_iter()) {
            let url = post.url.clone();
            if let Some(news) = backlog.push(post, Instant::now()) {
                tell(live, &url, &news, "");
            }
        }
        if let Some(post) = backlog.due(Instant::now()) {
            let url = post.url.clone();
            let sent = send(agent, post);
            let news = match &sent {
                Ok(()) => backlog.taken(&url),
                Err(Failure::Away(_)) => backlog.failed(&url, Instant::now()),
                Err(Failure::Refused(_)) => backlog.refused(&url),
            };
            if let Some(news) = news {
                tell(live, &url, &news, &sent.err().map_or_else(String::new, Failure::sentence));
            }
        }
    }
    send_last(agent, backlog);
}

/// Sends what waits at the end, as far as the servers take it at once.
fn send_last(agent: &Agent, mut backlog: Backlog) {
    while let Some(post) = backlog.due(Instant::now() + LAST_PAUSE) {
        let url = post.url.clone();
        let (lost, why) = match send(agent, post) {
            Ok(()) => {
                backlog.taken(&url);
                continue;
            }
            Err(Failure::Away(why)) => (backlog.abandon(&url), why),
            Err(Failure::Refused(why)) => {
                backlog.refused(&url);
                (1, why)
            }
        };
        let lost = counted(lost, "post");
        crate::tell(&format!("lost at the end: {lost} to {}: {why}", place(&url)));
    }
}

/// Tells what is new of a server. One that is away must not fill the log.
fn tell(live: &LiveLog, url: &Uri, news: &News, why: &str) {
    let place = place(url);
    match news {
        News::Failing => fail(live, &format!("no post to {place}: {why}")),
        News::Losing => {
            fail(live, &format!("posts to {place} are lost: too many wait, or for too long"));
        }
        News::Taken { lost: 0 } => {
            live.tell("webhook_sent", &format!("{place} takes posts again"));
        }
        News::Taken { lost } => {
            let text = format!("{place} takes posts again; {lost} before were lost");
            live.tell("webhook_sent", &text);
        }
    }
}

fn fail(live: &LiveLog, text: &str) {
    crate::tell(text);
    live.tell("webhook_failed", text);
}

/// Why a post was not taken.
enum Failure {
    /// Later it may be.
    Away(String),
    /// It would be refused again.
    Refused(String),
}

impl Failure {
    fn sentence(self) -> String {
        match self {
            Self::Away(why) => format!("{why}; it is tried again for an hour"),
            Self::Refused(why) => format!("{why}; it is lost"),
        }
    }
}

fn send(agent: &Agent, post: &Post) -> Result<(), Failure> {
    let record: serde_json::Value = serde_json::from_str(&post.json).unwrap_or_default();
    // Chats show what is called so.
    let text = super::entry(&post.rule, &post.json);
    let body = json!({ "rule": post.rule, "count": post.records, "text": text, "record": record });
    let request = agent.post(&post.url).header("content-type", "application/json");
    let error = match request.send(body.to_string()) {
        Ok(answer) if answer.status().is_redirection() => {
            let text = format!("it is somewhere else now, by its answer {}", answer.status());
            return Err(Failure::Refused(text));
        }
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    Err(match error {
        ureq::Error::Io(error) => Failure::Away(tls::sentence(&error)),
        ureq::Error::StatusCode(status) => {
            let text = format!("its answer is {status}");
            if may_pass(status) { Failure::Away(text) } else { Failure::Refused(text) }
        }
        ureq::Error::Timeout(_) => {
            Failure::Away(format!("it has not answered within {} s", PATIENCE.as_secs()))
        }
        error => Failure::Away(error.to_string()),
    })
}

/// Whether another answer may come later: the server's fault, too many requests, or too slow a one
/// (RFC 9110 section 15, RFC 6585 section 4).
const fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..)
}

/// What of a URL may be told: whoever has the rest of it may be let post.
fn place(url: &Uri) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}", url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default())
}
