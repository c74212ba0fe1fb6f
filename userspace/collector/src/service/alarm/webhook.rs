//! The thread that posts to webhooks, so that nobody else waits for them.

use crate::service::live::LiveLog;
use crossbeam_channel::{Receiver, Sender, bounded};
use serde_json::json;
use std::{
    collections::HashSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Webhooks {
    /// Starts it.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn start(live: Arc<LiveLog>) -> io::Result<Webhooks> {
        let (sender, posts) = bounded(WAITING_MAX);
        let ending = Arc::new(AtomicBool::new(false));
        let is_ending = ending.clone();
        let thread = thread::Builder::new().name("lw-webhook".into());
        let thread = thread.spawn(move || run(&posts, &live, &is_ending))?;
        Ok(Webhooks { posts: Some(sender), ending, thread: Some(thread) })
    }

    /// Hands a post over; `false` where there are too many.
    pub fn push(&self, post: Post) -> bool {
        self.posts.as_ref().is_some_and(|posts| posts.try_send(post).is_ok())
    }
}

impl Drop for Webhooks {
    /// What waits is posted, until a server does not take it.
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        self.posts = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(posts: &Receiver<Post>, live: &LiveLog, is_ending: &AtomicBool) {
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
                // A server that is away must not fill the log, nor hold up what ends.
                if failing.insert(post.url.clone()) {
                    let text = format!("no post to {}: {error}", post.url);
                    crate::tell(&text);
                    live.tell("webhook_failed", &text);
                }
                if is_ending.load(Ordering::Acquire) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::live::LiveConfig;
    use std::net::TcpListener;

    #[test]
    fn a_server_that_never_answers_does_not_hold_up_the_end() {
        // Connections are made by the kernel, and nobody accepts them.
        let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", deaf.local_addr().unwrap());
        let live = Arc::new(LiveLog::new(LiveConfig::default()));
        let webhooks = Webhooks::start(live).unwrap();
        for _ in 0..WAITING_MAX {
            let (url, rule) = (url.clone(), String::new());
            assert!(webhooks.push(Post { url, rule, json: "{}".into(), records: 1 }));
        }
        drop(webhooks);
        // The one that was under way when it ended, and perhaps one more.
        deaf.set_nonblocking(true).unwrap();
        let posts = std::iter::from_fn(|| deaf.accept().ok()).count();
        assert!((1..=2).contains(&posts), "{posts} were tried");
    }
}
