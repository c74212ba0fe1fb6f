//! When mail is sent, as the FireBrick does it: a while after the first entry (pre-delay) all entries
//! up to then go in one mail; after it nothing is sent for a while (post-delay); if it fails, it is
//! tried again from the same point.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Entries that wait for a mail; what comes beyond is counted.
const ENTRIES_MAX: usize = 1_000;

/// Entries to be mailed.
#[derive(Debug)]
pub struct Mailbox {
    pre_delay: Duration,
    post_delay: Duration,
    entries: VecDeque<String>,
    /// Entries that there was no room for.
    beyond: u64,
    /// When mail may be sent next; `None` while there is nothing to send and nothing to wait for.
    due: Option<Instant>,
}

/// A mail to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The entries, oldest first.
    pub entries: Vec<String>,
    /// Entries that there was no room for.
    pub beyond: u64,
}

impl Mailbox {
    /// An empty one with these delays.
    pub const fn new(pre_delay: Duration, post_delay: Duration) -> Self {
        Self { pre_delay, post_delay, entries: VecDeque::new(), beyond: 0, due: None }
    }

    /// Takes an entry.
    pub fn push(&mut self, entry: String, now: Instant) {
        let pre_delay = now + self.pre_delay;
        if self.entries.is_empty() {
            // A post-delay that goes on is waited for as well.
            self.due = Some(self.due.map_or(pre_delay, |due| due.max(pre_delay)));
        }
        if self.entries.len() < ENTRIES_MAX {
            self.entries.push_back(entry);
        } else {
            self.beyond += 1;
        }
    }

    /// All entries up to now, if it is time for a mail. They stay until [`Mailbox::sent`].
    pub fn due(&self, now: Instant) -> Option<Mail> {
        self.due.filter(|due| *due <= now).and_then(|_| self.waiting())
    }

    /// All entries, whether it is time or not.
    pub fn waiting(&self) -> Option<Mail> {
        let entries: Vec<_> = self.entries.iter().cloned().collect();
        (!entries.is_empty()).then_some(Mail { entries, beyond: self.beyond })
    }

    /// When it will be time, if there is anything to send.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.entries.is_empty())
    }

    /// A mail was sent: its entries are done with.
    pub fn sent(&mut self, mail: &Mail, now: Instant) {
        self.entries.drain(..mail.entries.len().min(self.entries.len()));
        self.beyond = self.beyond.saturating_sub(mail.beyond);
        self.due = Some(now + self.post_delay);
    }

    /// A mail could not be sent: its entries stay where they are.
    pub fn failed(&mut self, now: Instant) {
        // Without a delay a server that is away would be asked without end.
        self.due = Some(now + self.post_delay.max(RETRY_MIN));
    }
}

/// How soon a failed mail is tried again at the earliest.
const RETRY_MIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn entries(mail: Option<Mail>) -> Vec<String> {
        mail.map_or_else(Vec::new, |mail| mail.entries)
    }

    #[test]
    fn one_mail_has_all_entries_up_to_its_time_and_the_next_waits() {
        let begin = Instant::now();
        let mut mailbox = Mailbox::new(30 * SECOND, 300 * SECOND);
        assert_eq!(mailbox.next_due(), None);
        mailbox.push("a".into(), begin);
        mailbox.push("b".into(), begin + 29 * SECOND);
        assert_eq!(mailbox.due(begin + 29 * SECOND), None);
        let mail = mailbox.due(begin + 30 * SECOND).unwrap();
        assert_eq!(mail.entries, ["a", "b"]);
        // One that comes while it is being sent is not done with.
        mailbox.push("c".into(), begin + 31 * SECOND);
        mailbox.sent(&mail, begin + 32 * SECOND);
        assert_eq!(mailbox.due(begin + 331 * SECOND), None);
        assert_eq!(entries(mailbox.due(begin + 332 * SECOND)), ["c"]);
        let mail = mailbox.due(begin + 332 * SECOND).unwrap();
        mailbox.sent(&mail, begin + 333 * SECOND);
        assert_eq!(mailbox.next_due(), None);
        // Long after the post-delay the pre-delay holds again.
        mailbox.push("d".into(), begin + 1_000 * SECOND);
        assert_eq!(mailbox.due(begin + 1_029 * SECOND), None);
        assert_eq!(entries(mailbox.due(begin + 1_030 * SECOND)), ["d"]);
    }

    #[test]
    fn what_fails_is_tried_again_from_the_same_point() {
        let begin = Instant::now();
        let mut mailbox = Mailbox::new(Duration::ZERO, 60 * SECOND);
        mailbox.push("a".into(), begin);
        mailbox.failed(begin);
        mailbox.push("b".into(), begin + SECOND);
        assert_eq!(mailbox.due(begin + 59 * SECOND), None);
        assert_eq!(entries(mailbox.due(begin + 60 * SECOND)), ["a", "b"]);
        let mut eager = Mailbox::new(Duration::ZERO, Duration::ZERO);
        eager.push("a".into(), begin);
        eager.failed(begin);
        assert_eq!(eager.next_due(), Some(begin + RETRY_MIN));
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let begin = Instant::now();
        let mut mailbox = Mailbox::new(Duration::ZERO, Duration::ZERO);
        for number in 0..ENTRIES_MAX + 7 {
            mailbox.push(number.to_string(), begin);
        }
        let mail = mailbox.due(begin).unwrap();
        assert_eq!((mail.entries.len(), mail.beyond), (ENTRIES_MAX, 7));
        mailbox.sent(&mail, begin);
        assert_eq!(mailbox.waiting(), None);
        mailbox.push("again".into(), begin);
        assert_eq!(mailbox.waiting().unwrap().beyond, 0);
    }
}
