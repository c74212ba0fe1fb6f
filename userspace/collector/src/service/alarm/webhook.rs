//! The thread that posts to webhooks, so that nobody else waits for them.

use super::outbox::{LAST_PATIENCE, Outbox};
use crate::service::live::LiveLog;
use crossbeam_channel::Receiver;
use serde_json::json;
use std::{collections::HashSet, io, sync::Arc, time::Duration};

/// Posts that wait; those beyond are lost and counted.
const WAITING_MAX: usize = 64;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something to be posted.
#[derive(Debug)]
pub struct Post {
    /// Where to.
    pub url: String,
    /// The rule's name.
    pub rule: String,
    /// Record or event.
    pub json: Arc<str>,
    /// Matches that this stands for.
    pub records: u64,
}

/// Starts the thread.
///
/// # Errors
/// No thread can be had.
pub fn start(live: Arc<LiveLog>) -> io::Result<Outbox<Post>> {
    let send = move |posts: &Receiver<Post>| run(posts, &live);
    Outbox::start("lw-webhook", WAITING_MAX, LAST_PATIENCE, send)
}

fn run(posts: &Receiver<Post>, live: &LiveLog) {
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None);
    let agent = config.build().new_agent();
    let mut failing = HashSet::new();
    for post in posts {
        let record: serde_json::Value = serde_json::from_str(&post.json).unwrap_or_default();
        let body = json!({ "rule": post.rule, "count": post.records, "record": record });
        let request = agent.post(&post.url).header("content-type", "application/json");
        match request.send(body.to_string()) {
            Ok(_) => {
                if failing.remove(&post.url) {
                    live.tell("webhook_sent", &format!("{} takes posts again", post.url));
                }
            }
            Err(error) => {
                // A server that is away must not fill the log.
                if failing.insert(post.url.clone()) {
                    let text = format!("no post to {}: {error}", post.url);
                    crate::tell(&text);
                    live.tell("webhook_failed", &text);
                }
            }
        }
    }
}
