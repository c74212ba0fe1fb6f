//! The thread that posts to webhooks, so that nobody else waits for them.

use crate::service::live::LiveLog;
use crossbeam_channel::{Receiver, Sender, bounded};
use serde_json::json;
use std::{
    collections::HashSet,
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

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

/// The thread that posts.
#[derive(Debug)]
pub struct Webhooks {
    posts: Option<Sender<Post>>,
    thread: Option<JoinHandle<()>>,
}

impl Webhooks {
    /// Starts it.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn start(live: Arc<LiveLog>) -> io::Result<Webhooks> {
        let (sender, posts) = bounded(WAITING_MAX);
        let thread = thread::Builder::new().name("lw-webhook".into());
        let thread = thread.spawn(move || run(&posts, &live))?;
        Ok(Webhooks { posts: Some(sender), thread: Some(thread) })
    }

    /// Hands a post over; `false` where there are too many.
    pub fn push(&self, post: Post) -> bool {
        self.posts.as_ref().is_some_and(|posts| posts.try_send(post).is_ok())
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        self.posts = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
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
                // A server that is away must not hold up what ends, nor fill the log.
                if failing.insert(post.url.clone()) {
                    let text = format!("no post to {}: {error}", post.url);
                    crate::tell(&text);
                    live.tell("webhook_failed", &text);
                }
            }
        }
    }
}
