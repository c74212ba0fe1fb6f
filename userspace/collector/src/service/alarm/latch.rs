//! Latched alarms: the first time of each is kept until somebody clears it, whatever has happened
//! since, as the FireBrick keeps the time of the event that made its LED flash.

use crate::output::rfc3339;
use logweir_decode::context::UnixNanos;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// The rule that raised it.
    pub name: String,
    /// When it was raised, RFC 3339.
    pub first_at: String,
    /// What raised it: a JSON object.
    #[serde(serialize_with = "as_object")]
    pub first: Arc<str>,
    /// When its rule matched last.
    pub last_at: String,
    /// How often its rule matched since it was raised.
    pub count: u64,
}

fn as_object<S: serde::Serializer>(json: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    let object: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    object.serialize(to)
}

/// The alarms that nobody has cleared, by rule.
#[derive(Debug, Default)]
pub struct Latches(Mutex<BTreeMap<String, Alarm>>);

impl Latches {
    /// Raises an alarm, or counts for the one that is raised.
    pub fn raise(&self, name: &str, now: UnixNanos, json: &Arc<str>, count: u64) {
        let at = rfc3339(now, 3);
        let mut alarms = self.lock();
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
        self.lock().values().cloned().collect()
    }

    /// Clears an alarm.
    ///
    /// # Errors
    /// One sentence: none of this name is raised.
    pub fn clear(&self, name: &str) -> Result<(), String> {
        let mut alarms = self.lock();
        if alarms.remove(name).is_some() {
            return Ok(());
        }
        let raised: Vec<_> = alarms.keys().map(String::as_str).collect();
        Err(match raised.as_slice() {
            [] => format!("no alarm '{name}' is raised, nor any other"),
            raised => {
                let nearest = logweir_decode::nearest::nearest(name, raised);
                format!("no alarm '{name}' is raised: did you mean '{nearest}'?")
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Alarm>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
