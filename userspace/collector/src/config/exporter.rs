//! `[[exporter]]`: what holds for one exporter, whatever its listener says.

use super::keys::{Key, Kind, NEEDED, OnReload, Table};
use crate::listener::parse_format;
use jiff::tz::TimeZone;
use logweir_decode::{
    declared::Formats,
    nearest::meant,
    settings::{ExporterSettings, MtnCounters, NatEvents, Zone},
};
use serde::{Deserialize, Deserializer, de::Error};
use std::net::IpAddr;
use toml::Spanned;

/// The keys of the table.
pub(super) const TABLE: Table = Table {
    name: "exporter",
    about: "An exporter of which something is known that its datagrams do not tell; a table for each.",
    keys: &[
        Key {
            name: "address",
            kind: Kind::Text,
            about: "its address",
            default: NEEDED,
            example: "\"198.51.100.7\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "format",
            kind: Kind::Text,
            about: "its format, whatever its listener says",
            default: "its listener's",
            example: "\"huawei-usg-syslog\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "zone",
            kind: Kind::Text,
            about: "the zone of times that name none: `UTC`, `+HH:MM`, `-HH:MM`, or a name of the tz database, which knows summer time",
            default: "learned, or UTC",
            example: "\"Europe/Warsaw\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "mtn_counters",
            kind: Kind::Text,
            about: "how `mtn` lines print bytes and packets: `swapped` as all known examples do, `as-printed`, or `auto`: swapped where packets would otherwise be shorter than an IP header",
            default: "`auto`",
            example: "\"auto\"",
            on_reload: OnReload::Applied,
        },
        Key {
            name: "nat_events",
            kind: Kind::Text,
            about: "how natEvent codes are numbered: `iana`, `draft02` (Juniper MX), `huawei`, `nel` (Cisco, ipt_NETFLOW)",
            default: "told by the data",
            example: "\"iana\"",
            on_reload: OnReload::Applied,
        },
    ],
};

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exporter {
    /// Whose datagrams it is about.
    pub address: Spanned<IpAddr>,
    /// Their format; it may be one that is declared in a file that has not been read yet.
    pub format: Option<String>,
    /// The zone of times that name none.
    #[serde(default, deserialize_with = "zone")]
    pub zone: Option<Zone>,
    /// How `mtn` lines print bytes and packets.
    #[serde(default, deserialize_with = "mtn_counters")]
    pub mtn_counters: Option<MtnCounters>,
    /// How natEvent codes are numbered.
    #[serde(default, deserialize_with = "nat_events")]
    pub nat_events: Option<NatEvents>,
    /// Where the table stands in the file.
    #[serde(skip)]
    pub line: Line,
}

/// A line of the file, which is nothing by which tables differ.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line(pub usize);

impl PartialEq for Line {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Line {}

impl Exporter {
    /// What it says to the decoders.
    pub(super) fn settings(&self, formats: &Formats) -> Result<ExporterSettings, String> {
        let format = self.format.as_deref().map(|name| parse_format(name, formats)).transpose();
        Ok(ExporterSettings {
            format: format.map_err(|error| self.complaint(&error))?,
            zone: self.zone.clone(),
            mtn_counters: self.mtn_counters.unwrap_or_default(),
            nat_events: self.nat_events,
        })
    }

    /// Names the exporter and its line.
    pub(super) fn complaint(&self, what: &str) -> String {
        format!("line {}: exporter {}: {what}", self.line.0, self.address.as_ref())
    }
}

/// A zone by its name: `UTC`, `+HH:MM` or `-HH:MM`, or a name of the tz database.
///
/// # Errors
/// One sentence with the nearest right name.
pub fn parse_zone(name: &str) -> Result<Zone, String> {
    if name.starts_with(['+', '-']) {
        return offset_s(name).map(Zone::Fixed).ok_or_else(|| {
            format!("'{name}' is no distance from UTC: it is written +HH:MM or -HH:MM, to 14 hours")
        });
    }
    if name == "UTC" {
        return Ok(Zone::Fixed(0));
    }
    TimeZone::get(name).map(Zone::Named).map_err(|_| {
        let known: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let known: Vec<_> = known.iter().map(String::as_str).chain(["UTC"]).collect();
        format!("unknown zone '{name}'{} (or +HH:MM, -HH:MM, UTC)", meant(name, &known))
    })
}

/// Seconds east of UTC.
fn offset_s(text: &str) -> Option<i32> {
    const EAST_MAX_S: i32 = 14 * 3600;
    let (sign, text) = match text.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        (_, rest) => (1, rest),
    };
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |text: &str| {
        let is_one = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_one.then(|| text.parse::<i32>().ok()).flatten()
    };
    let minutes = two_digits(minutes).filter(|minutes| *minutes < 60)?;
    let seconds = two_digits(hours)? * 3600 + minutes * 60;
    (seconds <= EAST_MAX_S).then_some(sign * seconds)
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Zone>, D::Error> {
    parse_zone(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

fn mtn_counters<'de, D: Deserializer<'de>>(from: D) -> Result<Option<MtnCounters>, D::Error> {
    const WORDS: &[(&str, MtnCounters)] = &[
        ("auto", MtnCounters::Auto),
        ("swapped", MtnCounters::Swapped),
        ("as-printed", MtnCounters::AsPrinted),
    ];
    super::word(from, WORDS).map(Some)
}

fn nat_events<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NatEvents>, D::Error> {
    const WORDS: &[(&str, NatEvents)] = &[
        ("iana", NatEvents::Iana),
        ("draft02", NatEvents::Draft02),
        ("huawei", NatEvents::Huawei),
        ("nel", NatEvents::Nel),
    ];
    super::word(from, WORDS).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_distances_or_names() {
        assert_eq!(parse_zone("+08:00"), Ok(Zone::Fixed(28_800)));
        assert_eq!(parse_zone("-03:30"), Ok(Zone::Fixed(-12_600)));
        assert_eq!(parse_zone("UTC"), Ok(Zone::Fixed(0)));
        assert!(matches!(parse_zone("Europe/Warsaw"), Ok(Zone::Named(_))));
        for wrong in ["+8", "+08:60", "+15:00", "+0800", "-1:00", "+", "+٠٨:00", "++8:00"] {
            assert!(parse_zone(wrong).unwrap_err().contains("+HH:MM"), "{wrong}");
        }
        let error = parse_zone("Europe/Warsav").unwrap_err();
        assert!(error.starts_with("unknown zone 'Europe/Warsav': did you mean 'Europe/Warsaw'?"));
        assert!(parse_zone("utc+8").unwrap_err().starts_with("unknown zone 'utc+8'"));
    }
}
