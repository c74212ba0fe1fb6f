//! `[[rule]]`, `[syslog]`, `[email]`, `[live_log]` and the capture of unknown datagrams: what is
//! watched for, and where it is told.

mod email;
mod keys;

pub use email::Email;
pub(super) use keys::{EMAIL, LIVE_LOG, RULE, SYSLOG, WEBHOOK};

use super::Settings;
use crate::service::{
    alarm::{
        AlarmConfig,
        event::{EventKind, Unit},
        rule::{self, Actions, Matches},
        syslog::Priority,
        tls::Authorities,
    },
    live::{LiveConfig, filter::Filter},
};
use logweir_decode::{nearest::meant_of, record::Field};
use logweir_store::schema::Family;
use serde::{Deserialize, Deserializer, de::Error};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use ureq::http::Uri;

/// A table `[[rule]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What people call it.
    pub name: String,
    /// Conditions on the fields of a record, or of the event.
    #[serde(default, rename = "match")]
    pub conditions: Vec<String>,
    /// An event of the collector's own, instead of records.
    pub event: Option<String>,
    /// From where on it is one.
    pub threshold: Option<String>,
    /// Whether it is put into the live log.
    #[serde(default)]
    pub log: bool,
    /// Whether an alarm is raised.
    #[serde(default)]
    pub alarm: bool,
    /// Facility, and severity behind a dot, of a syslog message.
    pub syslog: Option<String>,
    /// Whether it is mailed.
    #[serde(default)]
    pub email: bool,
    /// The URL that it is posted to.
    pub webhook: Option<String>,
}

/// The table `[syslog]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// Address and port of the server.
    #[serde(default, deserialize_with = "server")]
    pub server: Option<SocketAddr>,
}

/// The table `[webhook]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The file of the authorities that servers' certificates are signed by.
    pub ca_file: Option<PathBuf>,
}

/// The table `[live_log]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveLog {
    /// Lines of records, and of everything else, that are kept.
    pub lines: Option<usize>,
    /// MiB of these lines, likewise.
    pub mb: Option<usize>,
    /// Records of each family that are written down in a second.
    pub records_per_second: Option<u32>,
}

impl Settings {
    /// What is watched for.
    pub(super) fn alarms(&self) -> Result<AlarmConfig, String> {
        let email = self.mail_server().map(Email::checked).transpose();
        let mut rules: Vec<rule::Rule> = Vec::new();
        for rule in self.rule.iter().flatten() {
            let checked = rule.checked(self);
            let checked = checked.map_err(|error| format!("rule '{}': {error}", rule.name))?;
            if rules.iter().any(|other| other.name == checked.name) {
                return Err(format!("rule '{}': there is another one of this name", rule.name));
            }
            rules.push(checked);
        }
        let webhook = authorities(self.webhook.as_ref().and_then(|table| table.ca_file.as_deref()));
        let webhook = webhook.map_err(|error| format!("webhook: {error}"))?;
        let by_tls = |rule: &&rule::Rule| {
            let url = rule.actions.webhook.as_ref();
            url.and_then(Uri::scheme_str) == Some("https")
        };
        if let Some(rule) = rules.iter().find(by_tls).filter(|_| webhook.is_empty()) {
            return Err(format!("rule '{}': webhook: {NO_AUTHORITIES}", rule.name));
        }
        let mb = self.unknown_capture_mb.unwrap_or(16);
        if !(1..=1_024).contains(&mb) {
            return Err(format!("unknown_capture_mb is {mb}: it must be from 1 to 1024"));
        }
        let unknown = self.unknown_capture.clone().map(|path| (path, mb << 20));
        Ok(AlarmConfig {
            live: self.live_log.as_ref().map_or(Ok(LiveConfig::default()), LiveLog::checked)?,
            rules,
            syslog: self.syslog_server(),
            webhook,
            email: email.map_err(|error| format!("email: {error}"))?,
            unknown,
            kept: self.data.clone(),
        })
    }

    fn syslog_server(&self) -> Option<SocketAddr> {
        self.syslog.as_ref().and_then(|syslog| syslog.server)
    }

    fn mail_server(&self) -> Option<&Email> {
        self.email.as_ref().filter(|email| !email.server.is_empty())
    }
}

impl Rule {
    fn checked(&self, settings: &Settings) -> Result<rule::Rule, String> {
        if self.name.trim().is_empty() {
            return Err("it needs a name".into());
        }
        let filter = Filter::parse(&self.conditions).map_err(|error| format!("match: {error}"))?;
        let matches = match &self.event {
            Some(event) => self.events(event, filter)?,
            None if self.conditions.is_empty() => {
                return Err("say what it waits for: match = [\"FIELD=VALUE\", …], or event".into());
            }
            None => {
                if self.threshold.is_some() {
                    return Err("threshold is only for events".into());
                }
                if Family::ALL.iter().all(|family| filter.excludes_family(family.name())) {
                    let instead = "what waits for an event names it: event = \"exporter_silent\"";
                    return Err(format!("match: no record is of that kind; {instead}"));
                }
                Matches::Records(filter)
            }
        };
        let syslog = self.syslog.as_deref().map(Priority::parse).transpose();
        let webhook = self.webhook.as_deref().map(parse_url).transpose();
        let actions = Actions {
            log: self.log,
            alarm: self.alarm,
            syslog: syslog.map_err(|error| format!("syslog: {error}"))?,
            email: self.email,
            webhook: webhook.map_err(|error| format!("webhook {error}"))?,
        };
        if actions == Actions::default() {
            return Err("say what it does: log, alarm, syslog, email or webhook".into());
        }
        if actions.syslog.is_some() && settings.syslog_server().is_none() {
            return Err("syslog needs a server: add [syslog] with server = \"ADDRESS:PORT\"".into());
        }
        if actions.email && settings.mail_server().is_none() {
            return Err("email needs a server: add [email] with server, from and to".into());
        }
        Ok(rule::Rule { name: self.name.clone(), matches, actions })
    }

    fn events(&self, event: &str, filter: Filter) -> Result<Matches, String> {
        let kind = EventKind::from_name(event).ok_or_else(|| {
            let known: Vec<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
            format!("no event '{event}'{}", meant_of(event, &known))
        })?;
        // What no event has would never be equal to anything.
        let has = |field| field == Field::Exporter && kind.is_of_exporter();
        if let Some(field) = filter.fields().find(|field| !has(*field)) {
            let what = if kind.is_of_exporter() { "only its exporter" } else { "nothing" };
            let name = field.name();
            return Err(format!("match: {event} has no {name}: {what} can be asked of it"));
        }
        let default = kind.default_threshold();
        let own = match (&self.threshold, default) {
            (None, _) => None,
            (Some(text), Some((_, Unit::Seconds))) => match parse_duration(text)?.as_secs() {
                0 => return Err(format!("threshold '{text}': 1s is the least")),
                seconds => Some(seconds),
            },
            (Some(text), Some((_, Unit::Percent))) => Some(parse_percent(text)?),
            (Some(_), None) => return Err(format!("{event} has no threshold")),
        };
        Ok(Matches::Events { kind, threshold: own.or(default.map(|(at, _)| at)), filter })
    }
}

impl LiveLog {
    fn checked(&self) -> Result<LiveConfig, String> {
        let default = LiveConfig::default();
        let lines_max = self.lines.unwrap_or(default.lines_max);
        if lines_max > 1_000_000 {
            return Err(format!("live_log: lines is {lines_max}: it must be at most 1000000"));
        }
        let bytes_max = match self.mb {
            None => default.bytes_max,
            Some(mb) if mb <= 1_024 => mb << 20,
            Some(mb) => return Err(format!("live_log: mb is {mb}: it must be at most 1024")),
        };
        let records_per_second = self.records_per_second.unwrap_or(default.records_per_second);
        if records_per_second > 10_000 {
            return Err(format!(
                "live_log: records_per_second is {records_per_second}: it must be at most 10000"
            ));
        }
        Ok(LiveConfig { lines_max, bytes_max, records_per_second })
    }
}

/// What is told where the system has no authorities.
const NO_AUTHORITIES: &str = "this host trusts no authority of certificates: \
    install its package ca-certificates, or name a ca_file";

/// Those whose certificates are believed: the file's, or the system's.
fn authorities(ca_file: Option<&Path>) -> Result<Authorities, String> {
    let Some(path) = ca_file else { return Ok(Authorities::of_system()) };
    Authorities::of_file(path).map_err(|error| format!("ca_file {}: {error}", path.display()))
}

fn parse_url(text: &str) -> Result<Uri, String> {
    let is_http = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    let url: Uri = match text.parse() {
        _ if !is_http => return Err(format!("'{text}': it must begin with https:// or http://")),
        Ok(url) => url,
        Err(error) => return Err(format!("'{text}' is no URL: {error}")),
    };
    match url.host() {
        None | Some("") => Err(format!("'{text}' names no host")),
        Some(_) => Ok(url),
    }
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    parse_duration(&text).map(Some).map_err(D::Error::custom)
}

fn server<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    let parsed = text.parse().ok().filter(|server: &SocketAddr| server.port() != 0);
    parsed.map(Some).ok_or_else(|| {
        D::Error::custom(format!(
            "server {text:?}: it must be an address and a port, as 192.0.2.9:514"
        ))
    })
}

/// Hundredths: `10%`.
fn parse_percent(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
    let number = number.filter(|number| (1..=99).contains(number));
    number.ok_or_else(|| format!("threshold '{text}' must be from 1% to 99%"))
}

/// Seconds, minutes, hours or days: `30s`, `5m`, `12h`, `2d`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no time like 30s, 5m, 12h or 2d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u32>().ok().map(|number| u64::from(number) * unit_s);
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
