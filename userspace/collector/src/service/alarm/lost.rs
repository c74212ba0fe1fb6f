//! What rules wanted done and what could not be, as it is told in the live log: at most once a minute,
//! lest it drive everything else out there.

use crate::service::live::LiveLog;
use std::{
    io,
    time::{Duration, Instant},
};

/// How long it is summed up before it is told again.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What could not be done, and what of it was told.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// Entries that mail and webhooks had no room for.
    pub entries: u64,
    entries_told: u64,
    matches_told: u64,
    told_at: Option<Instant>,
    syslog_failing: bool,
}

impl Lost {
    /// The sentence about what is new, if it is to be told now; `matches` are all that came faster than
    /// they are worked off.
    pub fn news(&mut self, matches: u64, now: Instant) -> Option<String> {
        let behind = matches - self.matches_told;
        let unsent = self.entries - self.entries_told;
        let is_due = self.told_at.is_none_or(|at| now.duration_since(at) >= TOLD_EVERY);
        if behind + unsent == 0 || !is_due {
            return None;
        }
        (self.matches_told, self.entries_told) = (matches, self.entries);
        self.told_at = Some(now);
        Some(format!(
            "{behind} matches came faster than they are worked off, and {unsent} entries faster than \
             mail and webhooks take them"
        ))
    }

    /// Tells the first of the syslog messages in a row that could not be sent.
    pub fn note_syslog(&mut self, sent: io::Result<()>, live: &LiveLog) {
        let was_failing = std::mem::replace(&mut self.syslog_failing, sent.is_err());
        if let Err(error) = sent
            && !was_failing
        {
            let text = format!("no syslog: {error}");
            crate::tell(&text);
            live.tell("syslog_failed", &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_all_the_time_is_told_once_a_minute_with_its_sum() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut lost = Lost::default();
        assert_eq!(lost.news(0, at(0)), None);
        let mut told = Vec::new();
        for second in 1..=130 {
            lost.entries += 2;
            told.extend(lost.news(second, at(second)));
        }
        let begins = ["1 matches came", "60 matches came", "60 matches came"];
        assert_eq!(told.len(), begins.len(), "{told:?}");
        assert!(told.iter().zip(begins).all(|(text, begin)| text.starts_with(begin)), "{told:?}");
        assert!(told[1].contains("and 120 entries faster"), "{told:?}");
    }
}
