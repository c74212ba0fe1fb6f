//! `[retention]`: how long records are kept, and how much of them.

use super::keys::{Key, Kind, OnReload, Table};
use logweir_store::{retention::Policy, schema::Family};
use serde::{Deserialize, Deserializer, de::Error};
use std::time::Duration;

/// The keys of the table.
pub(super) const TABLE: Table = Table {
    name: "retention",
    about: "What is deleted, and when. Ages are written 12h, 180d, 26w, 2y; sizes are gigabytes on disk: where there is more, the oldest hours go first, whatever age would keep them.",
    keys: &[
        Key {
            name: "session",
            kind: Kind::Text,
            about: "how long sessions are kept",
            default: "for ever",
            example: "\"180d\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "port_block",
            kind: Kind::Text,
            about: "how long port blocks are kept",
            default: "for ever",
            example: "\"180d\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "im",
            kind: Kind::Text,
            about: "how long users of messengers are kept",
            default: "for ever",
            example: "\"30d\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "filter",
            kind: Kind::Text,
            about: "how long packets of filter rules are kept",
            default: "for ever",
            example: "\"90d\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "unparsed",
            kind: Kind::Text,
            about: "how long what no decoder understood is kept",
            default: "for ever",
            example: "\"2w\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "session_max_gb",
            kind: Kind::Number,
            about: "how much of the sessions is kept",
            default: "all",
            example: "4000",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "port_block_max_gb",
            kind: Kind::Number,
            about: "how much of the port blocks",
            default: "all",
            example: "500",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "im_max_gb",
            kind: Kind::Number,
            about: "how much of the users of messengers",
            default: "all",
            example: "5",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "filter_max_gb",
            kind: Kind::Number,
            about: "how much of the packets of filter rules",
            default: "all",
            example: "100",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "unparsed_max_gb",
            kind: Kind::Number,
            about: "how much of what no decoder understood",
            default: "all",
            example: "20",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "max_gb",
            kind: Kind::Number,
            about: "how much of all families together",
            default: "all",
            example: "4500",
            on_reload: OnReload::Applied,
        },
    ],
};

/// The table: for each family how long it is kept, and how many gigabytes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is named as its family")]
pub struct Retention {
    #[serde(default, deserialize_with = "age")]
    pub session: Option<Duration>,
    #[serde(default, deserialize_with = "age")]
    pub port_block: Option<Duration>,
    #[serde(default, deserialize_with = "age")]
    pub im: Option<Duration>,
    #[serde(default, deserialize_with = "age")]
    pub filter: Option<Duration>,
    #[serde(default, deserialize_with = "age")]
    pub unparsed: Option<Duration>,
    #[serde(default, deserialize_with = "gigabytes")]
    pub session_max_gb: Option<u64>,
    #[serde(default, deserialize_with = "gigabytes")]
    pub port_block_max_gb: Option<u64>,
    #[serde(default, deserialize_with = "gigabytes")]
    pub im_max_gb: Option<u64>,
    #[serde(default, deserialize_with = "gigabytes")]
    pub filter_max_gb: Option<u64>,
    #[serde(default, deserialize_with = "gigabytes")]
    pub unparsed_max_gb: Option<u64>,
    /// Gigabytes of all families together.
    #[serde(default, deserialize_with = "gigabytes")]
    pub max_gb: Option<u64>,
}

impl Retention {
    /// What it says to the store.
    pub fn policy(&self) -> Policy {
        const GB: u64 = 1_000_000_000;
        let bytes = |gb: Option<u64>| gb.map(|gb| gb.saturating_mul(GB));
        Policy {
            age_max: Family::ALL.map(|family| self.of(family).0),
            bytes_max: Family::ALL.map(|family| bytes(self.of(family).1)),
            total_bytes_max: bytes(self.max_gb),
        }
    }

    const fn of(&self, family: Family) -> (Option<Duration>, Option<u64>) {
        match family {
            Family::Session => (self.session, self.session_max_gb),
            Family::PortBlock => (self.port_block, self.port_block_max_gb),
            Family::Im => (self.im, self.im_max_gb),
            Family::Filter => (self.filter, self.filter_max_gb),
            Family::Unparsed => (self.unparsed, self.unparsed_max_gb),
        }
    }
}

/// None at all would be the order to delete everything.
fn gigabytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    match u64::deserialize(from)? {
        0 => Err(D::Error::custom("0 gigabytes would delete all there is: 1 is the least")),
        gigabytes => Ok(Some(gigabytes)),
    }
}

pub(super) fn age<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    parse_age(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

/// An age of hours, days, weeks or years of 365 days: `12h`, `180d`, `26w`, `2y`.
fn parse_age(text: &str) -> Result<Duration, String> {
    const HOUR_S: u64 = 3_600;
    let wrong = || format!("'{text}' is no age like 12h, 180d, 26w or 2y");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit_s = match unit {
        "h" => HOUR_S,
        "d" => 24 * HOUR_S,
        "w" => 7 * 24 * HOUR_S,
        "y" => 365 * 24 * HOUR_S,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| unit_s.checked_mul(number.into()));
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_or_told_in_words() {
        let days = |days: u64| Ok(Duration::from_secs(days * 86_400));
        assert_eq!(parse_age("180d"), days(180));
        assert_eq!(parse_age("48h"), days(2));
        assert_eq!(parse_age("2w"), days(14));
        assert_eq!(parse_age("1y"), days(365));
        for wrong in ["", "d", "180", "180 d", "-1d", "1.5d", "1m", "9999999999d", "1日"] {
            assert!(parse_age(wrong).unwrap_err().contains("180d"), "{wrong}");
        }
    }

    #[test]
    fn each_family_has_its_own() {
        let table: Retention =
            toml::from_str("session = \"180d\"\nim_max_gb = 5\nmax_gb = 500").unwrap();
        let policy = table.policy();
        let day = Duration::from_secs(86_400);
        assert_eq!(policy.age_max, [Some(day * 180), None, None, None, None]);
        assert_eq!(policy.bytes_max, [None, None, Some(5_000_000_000), None, None]);
        assert_eq!(policy.total_bytes_max, Some(500_000_000_000));
        assert_eq!(Retention::default().policy(), Policy::default());
    }
}
