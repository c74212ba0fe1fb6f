//! Whether the collector is alive, and whether it does its work: a sentence says why not.

use crate::service::status::Status;
use std::time::Duration;

/// The main thread posts every second. It may take as long as this for once.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Whether the main thread does its work.
///
/// # Errors
/// One sentence that says why not.
pub(super) fn alive(age: Option<Duration>) -> Result<(), String> {
    match age {
        None => Err("the collector has not started yet".into()),
        Some(age) if age > SILENCE_MAX => {
            Err(format!("the main thread has said nothing for {} s", age.as_secs()))
        }
        Some(_) => Ok(()),
    }
}

/// Whether datagrams are taken, and records are kept.
///
/// # Errors
/// One sentence that says why not.
pub(super) fn ready(status: &Status, age: Option<Duration>) -> Result<(), String> {
    alive(age)?;
    if status.workers == 0 {
        return Err("no worker runs".into());
    }
    let fault = status.store.as_ref().and_then(|store| store.journal_fault.as_ref());
    fault.map_or(Ok(()), |fault| Err(format!("the journal cannot be written: {fault}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::status::StoreStatus;

    #[test]
    fn each_reason_has_its_sentence() {
        let now = Some(Duration::ZERO);
        let sound = Status { workers: 1, store: Some(StoreStatus::default()), ..Status::default() };
        assert_eq!(ready(&sound, now), Ok(()));
        assert!(ready(&sound, None).unwrap_err().contains("not started"));
        let late = alive(Some(Duration::from_secs(11))).unwrap_err();
        assert_eq!(late, "the main thread has said nothing for 11 s");
        let idle = Status { workers: 0, ..sound.clone() };
        assert_eq!(ready(&idle, now).unwrap_err(), "no worker runs");
        let fault = Some("the disk is full".into());
        let store = Some(StoreStatus { journal_fault: fault, ..StoreStatus::default() });
        let stuck = Status { store, ..sound };
        let sentence = ready(&stuck, now).unwrap_err();
        assert_eq!(sentence, "the journal cannot be written: the disk is full");
    }
}
