//! The NetFlow records in what `tshark -T pdml` prints: XML, an element a line.

use jiff::{Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};
use std::collections::{BTreeMap, BTreeSet};

/// A record's fields, but those that say [`NOTHING`]. Of a field that comes twice the last is kept;
/// `reverse ` stands before the name of one of the way back (RFC 5103).
pub type Record = BTreeMap<String, String>;

/// Values that a record may as well leave out.
pub const NOTHING: &[&str] = &["", "0", "0.0.0.0", "::", "00:00:00:00:00:00"];

/// Records by the time of arrival of their datagram, in nanoseconds since 1970 UTC.
pub type Datagrams = BTreeMap<i128, Vec<Record>>;

/// Reads all records but those of options data.
pub fn read(pdml: &str) -> Datagrams {
    let mut reader = Reader::default();
    for line in pdml.lines() {
        reader.line(line.trim_start());
    }
    reader.datagrams
}

#[derive(Default)]
struct Reader {
    datagrams: Datagrams,
    /// Time of arrival, nanoseconds.
    time: i128,
    /// Clocks of the header: milliseconds since 1970 UTC, and since the exporter's start.
    unix_ms: i64,
    uptime_ms: Option<i64>,
    exporter: String,
    domain: String,
    /// The set that is being read.
    set: String,
    /// The options templates so far: exporter, domain, template.
    options: BTreeSet<[String; 3]>,
    /// The record that is being read, and how many elements of it are open.
    record: Option<(Record, usize)>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let opens = line.starts_with('<') && !line.starts_with("</") && !line.ends_with("/>");
        let name = attribute(line, "name").unwrap_or_default();
        let show = attribute(line, "show").unwrap_or_default();
        if let Some((record, depth)) = &mut self.record {
            if let Some(name) = name.strip_prefix("cflow.") {
                let reverse = line.contains("(Reverse Type ");
                let name = if reverse { format!("reverse {name}") } else { name.to_owned() };
                let value = value(&name, &show, self.unix_ms, self.uptime_ms);
                let value = value.filter(|value| !NOTHING.contains(&value.as_str()));
                record.extend(value.map(|value| (name, value)));
            }
            *depth += usize::from(opens);
            *depth -= usize::from(line.starts_with("</"));
            if *depth == 0 {
                self.end_record();
            }
        } else if opens && (show.starts_with("Flow ") || show.starts_with("pdu ")) {
            self.record = Some((Record::new(), 1));
        } else {
            self.header(&name, &show);
        }
    }

    fn header(&mut self, name: &str, show: &str) {
        let milliseconds = || (show.parse::<f64>().expect("seconds") * 1000.0).round() as i64;
        match name {
            "frame.time_epoch" => self.time = nanoseconds(show),
            "cflow.version" => (self.unix_ms, self.uptime_ms, self.set) = (0, None, String::new()),
            "cflow.sysuptime" => self.uptime_ms = Some(milliseconds()),
            "cflow.unix_secs" => self.unix_ms = milliseconds(),
            "cflow.unix_nsecs" => {
                self.unix_ms += show.parse::<i64>().expect("a number") / 1_000_000;
            }
            "ip.src" => self.exporter = show.to_owned(),
            "cflow.source_id" | "cflow.od_id" => self.domain = show.to_owned(),
            "cflow.flowset_id" => self.set = show.to_owned(),
            "cflow.template_id" => {
                let template = [self.exporter.clone(), self.domain.clone(), show.to_owned()];
                match self.set.as_str() {
                    "1" | "3" => _ = self.options.insert(template),
                    _ => _ = self.options.remove(&template),
                }
            }
            _ => {}
        }
    }

    fn end_record(&mut self) {
        let Some((record, _)) = self.record.take() else { return };
        let template = [self.exporter.clone(), self.domain.clone(), self.set.clone()];
        if !self.options.contains(&template) {
            self.datagrams.entry(self.time).or_default().push(record);
        }
    }
}

/// A value in the form of ours: times as nanoseconds since 1970 UTC, numbers in decimal. `None`
/// for an uptime where the header has none. No uptime is taken to have wrapped.
fn value(name: &str, show: &str, unix_ms: i64, uptime_ms: Option<i64>) -> Option<String> {
    if let "timestart" | "timeend" = name {
        let at_ms = (show.parse::<f64>().expect("seconds") * 1000.0).round() as i64;
        let time_ms = i128::from(unix_ms - uptime_ms? + at_ms);
        return Some((time_ms * 1_000_000).to_string());
    }
    if let Some(hexadecimal) = show.strip_prefix("0x") {
        return Some(u64::from_str_radix(hexadecimal, 16).expect("a number").to_string());
    }
    Some(date(show).map_or_else(|| show.to_owned(), |time| time.as_nanosecond().to_string()))
}

/// `Oct  9, 2015 09:47:49.599000000 UTC`.
fn date(show: &str) -> Option<Timestamp> {
    let date = show.strip_suffix(" UTC")?.split_whitespace().collect::<Vec<_>>().join(" ");
    let date: DateTime = strtime::parse("%b %d, %Y %H:%M:%S%.f", date).ok()?.to_datetime().ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Seconds with nine digits behind the point.
fn nanoseconds(seconds: &str) -> i128 {
    seconds.replace('.', "").parse().expect("seconds")
}

/// The value of an attribute of the element on a line.
fn attribute(line: &str, name: &str) -> Option<String> {
    let start = line.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = &line[start..];
    let value = &value[..value.find('"')?];
    let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some(plain.replace("&apos;", "'").replace("&amp;", "&"))
}
