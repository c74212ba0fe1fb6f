//! Posts that wait, by URL: one that cannot be delivered is tried again, ever later, and those behind
//! it keep their order.

use super::Post;
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};
use ureq::http::Uri;

/// Posts that wait for one URL; those beyond are lost.
const WAITING_MAX: usize = 64;
/// How long after the first failure it is tried again; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest of these pauses.
pub const LAST_PAUSE: Duration = Duration::from_secs(60);
/// How old a post may become: who reads it later has learned of it otherwise.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// The posts for all URLs.
#[derive(Debug, Default)]
pub struct Backlog {
    lines: HashMap<Uri, Line>,
}

/// The posts for one.
#[derive(Debug)]
struct Line {
    /// With the times when they came.
    posts: VecDeque<(Instant, Post)>,
    /// When the first of them is tried.
    due: Instant,
    /// How long the next failure makes it wait.
    pause: Duration,
    is_failing: bool,
    /// Posts that were given up since none waited.
    lost: u64,
}

/// What is told of a URL.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// A post failed, for the first time in a row.
    Failing,
    /// The first was given up: it is too old, or there is no room.
    Losing,
    /// All that waited were taken, after some had failed or were given up.
    Taken {
        /// Posts that were given up before.
        lost: u64,
    },
}

impl Backlog {
    /// Takes a post.
    pub fn push(&mut self, post: Post, now: Instant) -> Option<News> {
        let line = self.lines.entry(post.url.clone()).or_insert_with(|| Line::new(now));
        if line.posts.len() == WAITING_MAX {
            return line.lose(1);
        }
        if line.posts.is_empty() {
            line.due = line.due.max(now);
        }
        line.posts.push_back((now, post));
        None
    }

    /// The post that is to be tried now.
    pub fn due(&self, now: Instant) -> Option<&Post> {
        let line = self.first().filter(|line| line.due <= now)?;
        line.posts.front().map(|(_, post)| post)
    }

    /// When there will be one.
    pub fn next_due(&self) -> Option<Instant> {
        self.first().map(|line| line.due)
    }

    /// The first post for a URL was taken. Once none waits, what went wrong before is over.
    pub fn taken(&mut self, url: &Uri) -> Option<News> {
        let line = self.lines.get_mut(url)?;
        line.posts.pop_front();
        line.pause = FIRST_PAUSE;
        if !line.posts.is_empty() {
            return None;
        }
        let Line { is_failing, lost, .. } = self.lines.remove(url)?;
        (is_failing || lost > 0).then_some(News::Taken { lost })
    }

    /// The first post for a URL failed, and waits for its next turn unless it has grown too old.
    pub fn failed(&mut self, url: &Uri, now: Instant) -> Option<News> {
        let line = self.lines.get_mut(url)?;
        line.due = now + line.pause;
        line.pause = (line.pause * 2).min(LAST_PAUSE);
        let is_first = !std::mem::replace(&mut line.is_failing, true);
        let is_old = |(came, _): &(Instant, Post)| now.duration_since(*came) > AGE_MAX;
        let old = line.posts.iter().take_while(|post| is_old(post)).count();
        line.posts.drain(..old);
        let losing = line.lose(old as u64);
        if is_first { Some(News::Failing) } else { losing }
    }

    /// The first post for a URL was refused, and would be again.
    pub fn refused(&mut self, url: &Uri) -> Option<News> {
        let line = self.lines.get_mut(url)?;
        line.posts.pop_front();
        line.lost += 1;
        (!std::mem::replace(&mut line.is_failing, true)).then_some(News::Failing)
    }

    /// Gives all posts for a URL up: how many.
    pub fn abandon(&mut self, url: &Uri) -> u64 {
        self.lines.remove(url).map_or(0, |line| line.posts.len() as u64)
    }

    /// The line that is due first.
    fn first(&self) -> Option<&Line> {
        let waiting = self.lines.values().filter(|line| !line.posts.is_empty());
        waiting.min_by_key(|line| line.due)
    }
}

impl Line {
    const fn new(due: Instant) -> Self {
        Self { posts: VecDeque::new(), due, pause: FIRST_PAUSE, is_failing: false, lost: 0 }
    }

    fn lose(&mut self, posts: u64) -> Option<News> {
        let is_first = self.lost == 0 && posts > 0;
        self.lost += posts;
        is_first.then_some(News::Losing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn post(host: &str, rule: &str) -> Post {
        let url = format!("http://{host}/").parse().unwrap();
        Post { url, rule: rule.into(), json: "{}".into(), records: 1 }
    }

    fn due(backlog: &Backlog, now: Instant) -> Option<&str> {
        backlog.due(now).map(|post| post.rule.as_str())
    }

    #[test]
    fn what_fails_is_tried_again_ever_later_and_nothing_overtakes_it() {
        let begin = Instant::now();
        let mut backlog = Backlog::default();
        assert_eq!(backlog.next_due(), None);
        let url = post("a", "").url;
        for rule in ["1", "2"] {
            assert_eq!(backlog.push(post("a", rule), begin), None);
        }
        let mut now = begin;
        let mut pauses = Vec::new();
        for turn in 0..9 {
            assert_eq!(due(&backlog, now), Some("1"));
            let news = backlog.failed(&url, now);
            assert_eq!(news, (turn == 0).then_some(News::Failing));
            let next = backlog.next_due().unwrap();
            assert_eq!(due(&backlog, next - SECOND / 2), None);
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backlog.taken(&url), None);
        assert_eq!(due(&backlog, now), Some("2"));
        assert_eq!(backlog.failed(&url, now), None);
        assert_eq!(backlog.next_due(), Some(now + SECOND));
        assert_eq!(backlog.taken(&url), Some(News::Taken { lost: 0 }));
        assert_eq!(backlog.next_due(), None);
    }

    #[test]
    fn one_server_that_is_away_holds_up_no_other() {
        let begin = Instant::now();
        let mut backlog = Backlog::default();
        backlog.push(post("a", "1"), begin);
        backlog.failed(&post("a", "").url, begin);
        // A new post does not hurry it.
        backlog.push(post("a", "2"), begin);
        backlog.push(post("b", "3"), begin);
        assert_eq!(due(&backlog, begin), Some("3"));
        assert_eq!(backlog.taken(&post("b", "").url), None);
        assert_eq!(due(&backlog, begin), None);
        assert_eq!(due(&backlog, begin + SECOND), Some("1"));
    }

    #[test]
    fn what_is_lost_is_told_once_and_counted() {
        let begin = Instant::now();
        let mut backlog = Backlog::default();
        let url = post("a", "").url;
        backlog.push(post("a", "old"), begin);
        for _ in 1..WAITING_MAX {
            assert_eq!(backlog.push(post("a", "young"), begin + SECOND), None);
        }
        assert_eq!(backlog.failed(&url, begin + SECOND), Some(News::Failing));
        assert_eq!(backlog.push(post("a", "beyond"), begin + SECOND), Some(News::Losing));
        assert_eq!(backlog.push(post("a", "beyond"), begin + SECOND), None);
        assert_eq!(backlog.failed(&url, begin + AGE_MAX + SECOND / 2), None);
        assert_eq!(due(&backlog, begin + AGE_MAX + LAST_PAUSE), Some("young"));
        for _ in 2..WAITING_MAX {
            assert_eq!(backlog.taken(&url), None);
        }
        assert_eq!(backlog.taken(&url), Some(News::Taken { lost: 3 }));
        for _ in 0..3 {
            backlog.push(post("a", "at the end"), begin);
        }
        assert_eq!((backlog.abandon(&url), backlog.next_due()), (3, None));
    }

    #[test]
    fn what_is_refused_is_not_tried_again() {
        let begin = Instant::now();
        let mut backlog = Backlog::default();
        let url = post("a", "").url;
        for rule in ["1", "2", "3"] {
            backlog.push(post("a", rule), begin);
        }
        assert_eq!(backlog.refused(&url), Some(News::Failing));
        assert_eq!(backlog.refused(&url), None);
        assert_eq!(due(&backlog, begin), Some("3"));
        assert_eq!(backlog.taken(&url), Some(News::Taken { lost: 2 }));
    }
}
