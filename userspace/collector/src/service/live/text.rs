//! A line of the log for people: local time, what it is, and its fields.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value as Json};

/// Fields that a line begins with, or that say little to somebody who looks on.
const LEFT_OUT: [&str; 6] =
    ["record", "format", "received_at", "event_time", "time_source", "exporter"];

const PLAIN: &str = "\x1b[0m";

/// The line of a JSON object.
pub fn line(json: &str, zone: &TimeZone, color: bool) -> String {
    let Ok(Json::Object(object)) = serde_json::from_str(json) else { return json.to_owned() };
    object_line(&object, zone, color)
}

/// The same of an object that was read.
pub fn object_line(object: &Map<String, Json>, zone: &TimeZone, color: bool) -> String {
    let text = |name: &str| object.get(name).and_then(Json::as_str).unwrap_or("-");
    let mut line = format!(
        "{} {:<10} {:<15} ",
        local(text("received_at"), zone),
        text("record"),
        text("exporter")
    );
    let fields = object.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    let fields: Vec<_> =
        fields.map(|(name, value)| format!("{name}={}", value_text(value))).collect();
    line += &fields.join(" ");
    match color_of(object).filter(|_| color) {
        Some(begin) => format!("{begin}{line}{PLAIN}"),
        None => line,
    }
}

/// The line above all others: the offset of local time from UTC that holds for them.
pub fn heading(zone: &TimeZone, now: Timestamp) -> String {
    let offset = zone.to_offset(now).seconds();
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.unsigned_abs() / 60;
    format!("local time, UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The headings of lines that follow each other: another one wherever the offset changes, as an hour
/// of local time may be there twice.
#[derive(Debug)]
pub struct Headings<'a> {
    zone: &'a TimeZone,
    told: String,
}

impl<'a> Headings<'a> {
    /// Those below one that holds now.
    pub fn new(zone: &'a TimeZone, now: Timestamp) -> Self {
        Self { zone, told: heading(zone, now) }
    }

    /// The last one.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// The one that a line needs before it.
    pub fn before(&mut self, object: &Map<String, Json>) -> Option<&str> {
        let time = object.get("received_at").and_then(Json::as_str)?.parse().ok()?;
        let needed = heading(self.zone, time);
        (needed != self.told).then(|| {
            self.told = needed;
            self.told()
        })
    }
}

/// A time of RFC 3339 as local time.
pub fn local(time: &str, zone: &TimeZone) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Err(_) => time.to_owned(),
    }
}

/// A value, in one line whatever the exporter has sent.
fn value_text(value: &Json) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control();
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        // A terminal must not obey what stands in a record.
        let escaped = |c: char| match c {
            '\'' => c.to_string(),
            _ => c.escape_debug().to_string(),
        };
        let quoted: String = text.chars().map(escaped).collect();
        format!("\"{quoted}\"")
    }
}

/// What a filter did, at a glance, as the FireBrick colours its live log: allowed green, rejected
/// red, bounced blue. What it has in black, as all other lines, is dropped: red as well here, and not
/// bold, since a terminal's own colour may be anything. A session that was denied is rejected.
fn color_of(object: &Map<String, Json>) -> Option<&'static str> {
    let word = |name: &str| object.get(name).and_then(Json::as_str);
    Some(match (word("action"), word("event")) {
        (Some("drop"), _) => "\x1b[31m",
        (Some("reject"), _) | (None, Some("deny")) => "\x1b[1;31m",
        (Some("allow"), _) => "\x1b[32m",
        (Some("bounce"), _) => "\x1b[34m",
        _ if word("record") == Some("event") => "\x1b[1m",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_local_time_and_the_colour_of_its_action() {
        let zone = TimeZone::get("Europe/Warsaw").unwrap();
        let json = r#"{"record":"filter","format":"firebrick","exporter":"192.0.2.7",
            "received_at":"2026-07-01T10:00:00.123456789Z","filter":"No telnet","action":"drop",
            "protocol":6}"#;
        let expected = "2026-07-01 12:00:00.123 filter     192.0.2.7       \
                        filter=\"No telnet\" action=drop protocol=6";
        assert_eq!(line(json, &zone, false), expected);
        assert_eq!(line(json, &zone, true), format!("\x1b[31m{expected}\x1b[0m"));
        for (action, color) in
            [("allow", "\x1b[32m"), ("reject", "\x1b[1;31m"), ("bounce", "\x1b[34m")]
        {
            let line = line(&json.replace("drop", action), &zone, true);
            assert!(line.starts_with(color), "{line:?}");
        }
    }

    #[test]
    fn a_terminal_does_not_obey_a_record() {
        let json = r#"{"record":"unparsed","raw":"a\u001b[2Jb\nc"}"#;
        let line = line(json, &TimeZone::UTC, false);
        assert!(line.ends_with(r#"raw="a\u{1b}[2Jb\nc""#), "{line}");
    }

    #[test]
    fn the_heading_has_the_offset() {
        let now = "2026-07-01T10:00:00Z".parse().unwrap();
        assert_eq!(heading(&TimeZone::get("Europe/Warsaw").unwrap(), now), "local time, UTC+02:00");
        let zone = TimeZone::get("Europe/Warsaw").unwrap();
        let mut headings = Headings::new(&zone, "2026-10-25T01:30:00Z".parse().unwrap());
        assert_eq!(headings.told(), "local time, UTC+01:00");
        let mut before = |time: &str| {
            let Json::Object(object) = serde_json::json!({ "received_at": time }) else {
                return None;
            };
            headings.before(&object).map(str::to_owned)
        };
        // Half past two comes twice.
        assert_eq!(before("2026-10-25T00:30:00Z").as_deref(), Some("local time, UTC+02:00"));
        assert_eq!(before("2026-10-25T00:45:00Z"), None);
        assert_eq!(before("2026-10-25T01:30:00Z").as_deref(), Some("local time, UTC+01:00"));
        let west = TimeZone::get("America/St_Johns").unwrap();
        assert_eq!(heading(&west, now), "local time, UTC-02:30");
    }
}
