//! The thread that posts to webhooks, so that nobody else waits for them.

use super::{
    outbox::{LAST_PATIENCE, Outbox},
    tls::{self, Authorities},
};
use crate::service::live::LiveLog;
use crossbeam_channel::Receiver;
use serde_json::json;
use std::{collections::HashSet, io, sync::Arc, time::Duration};
use ureq::{Agent, http::Uri};

/// Posts that wait; those beyond are lost and counted.
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
    let mut failing = HashSet::new();
    for post in posts {
        match send(agent, &post) {
            Ok(()) => {
                if failing.remove(&post.url) {
                    live.tell("webhook_sent", &format!("{} takes posts again", place(&post.url)));
                }
            }
            Err(error) => {
                // A server that is away must not fill the log.
                if failing.insert(post.url.clone()) {
                    let text = format!("no post to {}: {error}", place(&post.url));
                    crate::tell(&text);
                    live.tell("webhook_failed", &text);
                }
            }
        }
    }
}

fn send(agent: &Agent, post: &Post) -> Result<(), String> {
    let record: serde_json::Value = serde_json::from_str(&post.json).unwrap_or_default();
    // Chats show what is called so.
    let text = super::entry(&post.rule, &post.json);
    let body = json!({ "rule": post.rule, "count": post.records, "text": text, "record": record });
    let request = agent.post(&post.url).header("content-type", "application/json");
    match request.send(body.to_string()) {
        Ok(answer) if answer.status().is_redirection() => {
            Err(format!("it is somewhere else now, by its answer {}", answer.status()))
        }
        Ok(_) => Ok(()),
        Err(ureq::Error::Io(error)) => Err(tls::sentence(&error)),
        Err(ureq::Error::StatusCode(status)) => Err(format!("its answer is {status}")),
        Err(ureq::Error::Timeout(_)) => {
            Err(format!("it has not answered within {} s", PATIENCE.as_secs()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// What of a URL may be told: whoever has the rest of it may be let post.
fn place(url: &Uri) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{}{port}", url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default())
}
