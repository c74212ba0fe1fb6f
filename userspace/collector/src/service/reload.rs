//! How others ask the main thread to read the configuration again, and what it answers.

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Reloads that wait for their turn; more are refused.
const WAITING_MAX: usize = 16;

/// How long an answer may take: workers may be busy, and the kernel has an allow-list to take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a reload did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The file.
    pub file: String,
    /// Keys with other values, which are in force now.
    pub changed: Vec<String>,
    /// Keys with values other than at the start, which a restart would bring into force.
    pub restart: Vec<String>,
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reloaded {}: ", self.file)?;
        match self.changed.as_slice() {
            [] => f.write_str("nothing has changed")?,
            changed => write!(f, "{} changed", changed.join(", "))?,
        }
        if !self.restart.is_empty() {
            write!(f, "; what it says of {} needs a restart", self.restart.join(", "))?;
        }
        Ok(())
    }
}

/// What became of it.
pub type Answer = Result<Reloaded, String>;

/// Who may ask.
#[derive(Clone, Debug)]
pub struct Asker(Sender<Sender<Answer>>);

/// Who is asked.
#[derive(Debug)]
pub struct Asked(Receiver<Sender<Answer>>);

/// Who waits for an answer.
#[derive(Debug)]
pub struct Caller(Sender<Answer>);

impl Caller {
    /// Answers.
    pub fn answer(self, answer: Answer) {
        // Who is not there any more has no use for it.
        let _ = self.0.send(answer);
    }
}

/// Both ends.
pub fn connect() -> (Asker, Asked) {
    let (asker, asked) = bounded(WAITING_MAX);
    (Asker(asker), Asked(asked))
}

impl Asker {
    /// Asks for a reload, and waits for it.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn ask(&self) -> Answer {
        let (answer, answered) = bounded(1);
        self.0.try_send(answer).map_err(|_| "too many reloads at once: ask again later")?;
        answered.recv_timeout(PATIENCE).map_err(|_| "the collector does not answer")?
    }
}

impl Asked {
    /// Who waits for an answer. Who asks meanwhile has to wait for the next time.
    pub fn waiting(&self) -> Vec<Caller> {
        self.0.try_iter().take(WAITING_MAX).map(Caller).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_answered() {
        let (asker, asked) = connect();
        let asking = std::thread::spawn(move || [asker.ask(), asker.ask()]);
        let mut answers = [Err("a bad file".to_owned()), Ok(Reloaded::default())].into_iter();
        while !asking.is_finished() {
            for caller in asked.waiting() {
                caller.answer(answers.next().expect("two questions"));
            }
            std::thread::yield_now();
        }
        assert_eq!(asking.join().unwrap(), [Err("a bad file".to_owned()), Ok(Reloaded::default())]);
        let (asker, asked) = connect();
        drop(asked);
        assert!(asker.ask().is_err());
    }

    #[test]
    fn what_it_did_is_one_sentence() {
        let mut reloaded = Reloaded { file: "/e".into(), ..Reloaded::default() };
        assert_eq!(reloaded.to_string(), "reloaded /e: nothing has changed");
        reloaded.changed = vec!["allow".into(), "im".into()];
        reloaded.restart = vec!["listen".into()];
        let words = "reloaded /e: allow, im changed; what it says of listen needs a restart";
        assert_eq!(reloaded.to_string(), words);
    }
}
