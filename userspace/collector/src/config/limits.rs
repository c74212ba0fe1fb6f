//! `[limits]`: where everything stops that a sender can make grow.

use super::keys::{Key, Kind, OnReload, Table};
use logweir_decode::limits;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The table, of which the keys are those of `TABLE`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Limits(BTreeMap<String, u64>);

/// What a number may be, and where it goes.
struct Limit {
    name: &'static str,
    most: u64,
    set: fn(&mut limits::Limits, u64),
}

impl Limits {
    /// What it says to the decoders.
    ///
    /// # Errors
    /// One sentence that names the limit.
    pub(super) fn limits(&self) -> Result<limits::Limits, String> {
        let mut limits = limits::Limits::DEFAULT;
        for Limit { name, most, set } in LIMITS {
            let Some(&number) = self.0.get(*name) else { continue };
            if !(1..=*most).contains(&number) {
                return Err(format!("limits: {name} is {number}: it must be from 1 to {most}"));
            }
            set(&mut limits, number);
        }
        Ok(limits)
    }
}

const fn count(number: u64) -> usize {
    number as usize
}

const fn mib(number: u64) -> usize {
    count(number << 20)
}

const fn seconds_ns(number: u64) -> i64 {
    number.cast_signed() * 1_000_000_000
}

const MILLION: u64 = 1_000_000;
/// A TiB in MiB: more than a collector has, and no sum overflows.
const TIB_MB: u64 = 1 << 20;
const YEAR_S: u64 = 365 * 86_400;

const LIMITS: &[Limit] = &[
    Limit { name: "exporters", most: MILLION, set: |to, n| to.exporters = count(n) },
    Limit {
        name: "domains_per_exporter",
        most: MILLION,
        set: |to, n| to.domains_per_exporter = count(n),
    },
    Limit {
        name: "templates_per_domain",
        most: 65_536,
        set: |to, n| to.templates_per_domain = count(n),
    },
    Limit { name: "template_mb", most: TIB_MB, set: |to, n| to.template_bytes = mib(n) },
    Limit {
        name: "template_mb_per_exporter",
        most: TIB_MB,
        set: |to, n| to.template_bytes_per_exporter = mib(n),
    },
    Limit {
        name: "template_silence_seconds",
        most: YEAR_S,
        set: |to, n| to.template_silence_ns = seconds_ns(n),
    },
    Limit {
        name: "fields_per_template",
        most: 65_535,
        set: |to, n| to.fields_per_template = count(n),
    },
    Limit {
        name: "options_per_domain",
        most: MILLION,
        set: |to, n| to.options_per_domain = count(n),
    },
    Limit { name: "options_mb", most: TIB_MB, set: |to, n| to.options_bytes = mib(n) },
    Limit {
        name: "options_mb_per_exporter",
        most: TIB_MB,
        set: |to, n| to.options_bytes_per_exporter = mib(n),
    },
    Limit {
        name: "waiting_datagrams",
        most: MILLION,
        set: |to, n| to.waiting_datagrams = count(n),
    },
    Limit {
        name: "waiting_datagrams_per_exporter",
        most: MILLION,
        set: |to, n| to.waiting_datagrams_per_exporter = count(n),
    },
    Limit { name: "waiting_mb", most: TIB_MB, set: |to, n| to.waiting_bytes = mib(n) },
    Limit {
        name: "waiting_mb_per_exporter",
        most: TIB_MB,
        set: |to, n| to.waiting_bytes_per_exporter = mib(n),
    },
    Limit { name: "waiting_seconds", most: YEAR_S, set: |to, n| to.waiting_age_ns = seconds_ns(n) },
    Limit {
        name: "messages_per_datagram",
        most: 65_535,
        set: |to, n| to.messages_per_datagram = count(n),
    },
];

/// A key of the table, whose default is its example too.
const fn limit(
    name: &'static str,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key { name, kind: Kind::Number, about, default, example, on_reload: OnReload::Applied }
}

/// The keys of the table.
pub(super) const TABLE: Table = Table {
    name: "limits",
    about: "Where everything stops that a sender can make grow. What happens there is counted.",
    keys: &[
        limit("exporters", "16,384", "16384", "exporters with templates, and in the ledger"),
        limit("domains_per_exporter", "256", "256", "observation domains, an exporter"),
        limit("templates_per_domain", "256", "256", "templates, an observation domain"),
        limit("template_mb", "128", "128", "MiB that the templates of all exporters may take"),
        limit("template_mb_per_exporter", "4", "4", "MiB that those of one exporter may take"),
        limit(
            "template_silence_seconds",
            "5,400",
            "5400",
            "seconds after which an exporter that has sent no template makes room where there is none",
        ),
        limit("fields_per_template", "512", "512", "fields, a template"),
        limit("options_per_domain", "4,096", "4096", "facts from options data, a domain"),
        limit("options_mb", "64", "64", "MiB that such facts of all exporters may take"),
        limit("options_mb_per_exporter", "2", "2", "MiB that those of one exporter may take"),
        limit(
            "waiting_datagrams",
            "8,192",
            "8192",
            "datagrams that wait for their template, a worker",
        ),
        limit("waiting_datagrams_per_exporter", "1,024", "1024", "of them, of one exporter"),
        limit("waiting_mb", "16", "16", "MiB that waiting datagrams may take, a worker"),
        limit("waiting_mb_per_exporter", "2", "2", "of them, those of one exporter"),
        limit("waiting_seconds", "1,800", "1800", "seconds that a datagram waits for its template"),
        limit(
            "messages_per_datagram",
            "64",
            "64",
            "messages that a syslog datagram is split into; what follows is `unparsed`",
        ),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<limits::Limits, String> {
        toml::from_str::<Limits>(text).unwrap().limits()
    }

    #[test]
    fn each_key_sets_a_limit_of_its_own() {
        let names = |list: &mut dyn Iterator<Item = &'static str>| list.collect::<Vec<_>>();
        let set = names(&mut LIMITS.iter().map(|limit| limit.name));
        assert_eq!(set, names(&mut TABLE.keys.iter().map(|key| key.name)));
        let changed: Vec<_> =
            set.iter().map(|name| format!("{:?}", read(&format!("{name} = 1")).unwrap())).collect();
        for (place, limits) in changed.iter().enumerate() {
            assert!(!changed[..place].contains(limits), "{limits}");
            assert_ne!(*limits, format!("{:?}", limits::Limits::DEFAULT));
        }
    }

    #[test]
    fn the_examples_are_the_defaults() {
        let text: String =
            TABLE.keys.iter().map(|key| format!("{} = {}\n", key.name, key.example)).collect();
        assert_eq!(format!("{:?}", read(&text).unwrap()), format!("{:?}", limits::Limits::DEFAULT));
        for Key { default, example, .. } in TABLE.keys {
            assert_eq!(default.replace(',', ""), *example);
        }
    }

    #[test]
    fn a_limit_out_of_range_is_named() {
        for wrong in ["waiting_mb = 0", "waiting_mb = 18446744073709551615"] {
            let error = read(wrong).unwrap_err();
            assert!(error.starts_with("limits: waiting_mb is "), "{error}");
        }
    }
}
