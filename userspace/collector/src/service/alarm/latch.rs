//! Latched alarms: the first time of each is kept until somebody clears it, whatever has happened
//! since, as the FireBrick keeps the time of the event that made its LED flash.
//!
//! They outlive the collector in a file of the data directory.

use crate::{kept_file::Kept, output::rfc3339};
use logweir_decode::context::UnixNanos;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The name of the file.
pub const FILE_NAME: &str = "alarms.json";

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The rule that raised it.
    pub name: String,
    /// When it was raised, RFC 3339.
    pub first_at: String,
    /// What raised it: a JSON object.
    #[serde(serialize_with = "as_object", deserialize_with = "of_object")]
    pub first: Arc<str>,
    /// When its rule matched last.
    pub last_at: String,
    /// How often its rule matched since it was raised.
    pub count: u64,
}

fn as_object<S: Serializer>(json: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    let object: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    object.serialize(to)
}

fn of_object<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    let object = serde_json::Value::deserialize(from)?;
    Ok(object.to_string().into())
}

/// The alarms that nobody has cleared.
#[derive(Debug, Default)]
pub struct Latches(Mutex<Raised>);

#[derive(Debug, Default)]
struct Raised {
    /// By rule.
    alarms: BTreeMap<String, Alarm>,
    changes: u64,
}

impl Latches {
    /// With those that an earlier collector has left.
    pub fn new(raised: Vec<Alarm>) -> Self {
        let alarms = raised.into_iter().map(|alarm| (alarm.name.clone(), alarm)).collect();
        Self(Mutex::new(Raised { alarms, changes: 0 }))
    }

    /// Raises an alarm, or counts for the one that is raised.
    pub fn raise(&self, name: &str, now: UnixNanos, json: &Arc<str>, count: u64) {
        let at = rfc3339(now, 3);
        let Raised { alarms, changes } = &mut *self.lock();
        *changes += 1;
        if let Some(alarm) = alarms.get_mut(name) {
            alarm.last_at = at;
            alarm.count += count;
            return;
        }
        let name = name.to_owned();
        let first = json.clone();
        let alarm = Alarm { name: name.clone(), first_at: at.clone(), first, last_at: at, count };
        alarms.insert(name, alarm);
    }

    /// All that are raised, by name.
    pub fn read(&self) -> Vec<Alarm> {
        self.lock().alarms.values().cloned().collect()
    }

    /// Clears an alarm.
    ///
    /// # Errors
    /// One sentence: none of this name is raised.
    pub fn clear(&self, name: &str) -> Result<(), String> {
        let Raised { alarms, changes } = &mut *self.lock();
        if alarms.remove(name).is_some() {
            *changes += 1;
            return Ok(());
        }
        let raised: Vec<_> = alarms.keys().map(String::as_str).collect();
        Err(match raised.as_slice() {
            [] => format!("no alarm '{name}' is raised, nor any other"),
            raised => {
                let meant = logweir_decode::nearest::meant(name, raised);
                format!("no alarm '{name}' is raised{meant}")
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Raised> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept for Arc<Latches> {
    const WRITE_EVERY: Option<Duration> = None;

    fn changes(&self) -> u64 {
        self.lock().changes
    }

    fn json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&self.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_stays_until_it_is_cleared() {
        const SECOND: i64 = 1_000_000_000;
        let latches = Latches::default();
        let first: Arc<str> = "{\"a\":1}".into();
        latches.raise("lab", SECOND, &first, 1);
        latches.raise("lab", 5 * SECOND, &"{\"a\":2}".into(), 40);
        let [alarm] = &latches.read()[..] else { panic!("one alarm") };
        assert_eq!(alarm.first_at, "1970-01-01T00:00:01.000Z");
        assert_eq!(alarm.last_at, "1970-01-01T00:00:05.000Z");
        assert_eq!((alarm.count, &alarm.first), (41, &first));
        assert_eq!(serde_json::to_value(alarm).unwrap()["first"]["a"], 1);
        let error = latches.clear("lav").unwrap_err();
        assert_eq!(error, "no alarm 'lav' is raised: did you mean 'lab'?");
        latches.clear("lab").unwrap();
        assert!(latches.clear("lab").unwrap_err().contains("nor any other"));
        latches.raise("lab", 9 * SECOND, &first, 1);
        assert_eq!(latches.read()[0].first_at, "1970-01-01T00:00:09.000Z");
    }

    #[test]
    fn what_was_raised_before_a_restart_is_raised_after_it() {
        let latches = Arc::new(Latches::default());
        assert_eq!(latches.changes(), 0);
        latches.raise("lab", 0, &"{\"a\":1}".into(), 3);
        latches.raise("mine", 0, &"{}".into(), 1);
        latches.clear("mine").unwrap();
        assert_eq!(latches.changes(), 3);
        let kept: Vec<Alarm> = serde_json::from_slice(&latches.json().unwrap()).unwrap();
        let after = Latches::new(kept);
        assert_eq!(after.read(), latches.read());
        after.raise("lab", 1, &"{\"a\":2}".into(), 1);
        assert_eq!((after.read()[0].count, &*after.read()[0].first), (4, "{\"a\":1}"));
    }
}
