//! Huawei's own templates, as the operator typed them into the box: what the `session-log template`
//! view of a USG prints (`expression message`, or a list of fields), and the `nat position` lines
//! of an NE router. They become patterns.
//!
//! Sources: USG6000E *Appendix: Meanings of Log Fields* and the commands `expression message` and
//! `nat position`. How a USG prints times in a template is not documented: seconds since 1970 and
//! `YYYY-MM-DD hh:mm:ss` are both read. `$endtime` is in the logs of ended sessions only, `$user` in
//! those of a user only: a template stands for the texts without them as well.

use super::{
    compile::Text,
    error::{Checked, Complaint},
    field::{Family, Target, What, When, check_times},
    language::HuaweiField,
    pattern::Piece,
};

/// Characters of an `expression message`.
const EXPRESSION_MAX: usize = 480;

/// Placeholders of expressions, the fields of list mode, and the fields of a record. A time has no
/// form here.
const NAMES: &[(&str, &str, &str)] = &[
    ("systime", "", "header_time"),
    ("hostname", "", "host"),
    ("ipversion", "ip-version", "_"),
    ("protocol", "protocol", "protocol"),
    ("srcip", "source-ip", "src_addr"),
    ("srcport", "source-port", "src_port"),
    ("dstip", "destination-ip", "dst_addr"),
    ("dstport", "destination-port", "dst_port"),
    ("srcnatip", "source-nat-ip", "nat_src_addr"),
    ("srcnatport", "source-nat-port", "nat_src_port"),
    ("dstnatip", "destination-nat-ip", "nat_dst_addr"),
    ("dstnatport", "destination-nat-port", "nat_dst_port"),
    ("begintime", "begin-time", "start_time"),
    ("endtime", "end-time", "end_time"),
    ("sendpackets", "send-packets", "sent_packets"),
    ("sendbytes", "send-bytes", "sent_bytes"),
    ("rcvpackets", "receive-packets", "received_packets"),
    ("rcvbytes", "receive-bytes", "received_bytes"),
    ("srcvpnid", "source-vpn-id", "src_vrf"),
    ("dstvpnid", "destination-vpn-id", "dst_vrf"),
    ("secpolicy", "security-policy", "policy"),
    ("user", "user", "user"),
    ("usergroup", "user-group", "extra.user-group"),
    ("srczone", "source-zone", "src_zone"),
    ("dstzone", "destination-zone", "dst_zone"),
    ("vsys", "vsys", "extra.vsys"),
    ("closereason", "close-reason", "close_reason"),
    ("application", "application", "application"),
    ("httptype", "", "extra.httptype"),
    ("url", "", "url"),
];

/// A piece of a template: literal text, or the name of a field.
enum Part {
    Literal(String),
    Field(&'static str),
}

/// The patterns of an `expression message`.
pub(super) fn expression(text: &str) -> Checked<Vec<Vec<Piece>>> {
    if text.is_empty() || text.chars().count() > EXPRESSION_MAX {
        let rule = format!("an expression message has 1 to {EXPRESSION_MAX} characters");
        return Err(Complaint::new(rule));
    }
    let mut parts = Vec::new();
    for (index, piece) in text.split('$').enumerate() {
        if index == 0 {
            parts.push(Part::Literal(piece.to_owned()));
            continue;
        }
        let lower = piece.to_ascii_lowercase();
        let names = NAMES.iter().filter(|(name, ..)| lower.starts_with(name));
        let Some((name, _, field)) = names.max_by_key(|(name, ..)| name.len()) else {
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(piece.len());
            let names: Vec<&str> = NAMES.iter().map(|(name, ..)| *name).collect();
            let word = piece.get(..end).unwrap_or_default();
            return Err(Complaint::unknown("placeholder", word, &names));
        };
        parts.push(Part::Field(field));
        parts.push(Part::Literal(piece.get(name.len()..).unwrap_or_default().to_owned()));
    }
    patterns(&parts)
}

/// The patterns of list mode.
pub(super) fn fields(fields: &[HuaweiField], separator: &str) -> Checked<Vec<Vec<Piece>>> {
    let mut parts = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let found = NAMES.iter().find(|(_, name, _)| !name.is_empty() && *name == field.field);
        let Some((.., target)) = found else {
            let names: Vec<&str> =
                NAMES.iter().map(|(_, name, _)| *name).filter(|name| !name.is_empty()).collect();
            return Err(Complaint::unknown("field of a template", &field.field, &names));
        };
        let separator = if index == 0 { "" } else { separator };
        parts.push(Part::Literal(format!("{separator}{}", field.prefix)));
        parts.push(Part::Field(target));
    }
    patterns(&parts)
}

/// The patterns of a template: with the values that may be missing and without them, and with times
/// in one piece and in two.
fn patterns(parts: &[Part]) -> Checked<Vec<Vec<Piece>>> {
    let mut patterns: Vec<Vec<Piece>> = Vec::new();
    let missing: [&[&str]; 4] = [&[], &["end_time"], &["user"], &["end_time", "user"]];
    for missing in missing {
        for in_two in [false, true] {
            let pieces = pieces(parts, missing, in_two)?;
            if !patterns.contains(&pieces) {
                patterns.push(pieces);
            }
        }
    }
    // What a template without a value comes to need not make sense; the template itself must.
    let whole = patterns.len().min(1);
    let rest = patterns.split_off(whole);
    let makes_sense = |pieces: &Vec<Piece>| super::pattern::compile(pieces).is_ok();
    patterns.extend(rest.into_iter().filter(makes_sense));
    Ok(patterns)
}

fn pieces(parts: &[Part], missing: &[&str], in_two: bool) -> Checked<Vec<Piece>> {
    let mut pieces = Pieces::default();
    for part in parts {
        match part {
            Part::Literal(text) => pieces.literal(text),
            Part::Field(field) if missing.contains(field) => {}
            Part::Field(field) if !field.ends_with("_time") => {
                pieces.target(Target::read(field, Family::Session)?);
            }
            Part::Field(field) if in_two => {
                pieces.target(Target::read(&format!("{field}:date"), Family::Session)?);
                pieces.literal(" ");
                pieces.target(Target::read(&format!("{field}:clock"), Family::Session)?);
            }
            Part::Field(field) => {
                pieces.target(Target::read(&format!("{field}:any"), Family::Session)?);
            }
        }
    }
    Ok(pieces.0)
}

/// Pieces of a pattern, with neighbouring literals in one.
#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn literal(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Literal(last)) => last.push_str(text),
            _ => self.0.push(Piece::Literal(text.to_owned())),
        }
    }

    fn target(&mut self, target: Target) {
        self.0.push(Piece::Placeholder { target, optional: false });
    }
}

/// Fields of `nat position`, and those of sessions and of port blocks; what is not here goes to
/// `extra` under its own name.
const POSITIONS: &[(&str, &str, &str)] = &[
    ("timestamp-year", "event_time:year", "event_time:year"),
    ("timestamp-month", "event_time:month", "event_time:month"),
    ("timestamp-month-en", "event_time:month", "event_time:month"),
    ("timestamp-month-abbreviation", "event_time:month", "event_time:month"),
    ("timestamp-date", "event_time:day", "event_time:day"),
    ("timestamp-hour", "event_time:hour", "event_time:hour"),
    ("timestamp-minute", "event_time:minute", "event_time:minute"),
    ("timestamp-second", "event_time:second", "event_time:second"),
    ("timestamp-second-dec", "event_time:epoch", "event_time:epoch"),
    ("timestamp-second-hex", "event_time:epoch_hex", "event_time:epoch_hex"),
    ("starttime-year", "start_time:year", ""),
    ("starttime-month", "start_time:month", ""),
    ("starttime-month-en", "start_time:month", ""),
    ("starttime-month-abbreviation", "start_time:month", ""),
    ("starttime-date", "start_time:day", ""),
    ("starttime-hour", "start_time:hour", ""),
    ("starttime-minute", "start_time:minute", ""),
    ("starttime-second", "start_time:second", ""),
    ("starttime-second-dec", "start_time:epoch", ""),
    ("starttime-second-hex", "start_time:epoch_hex", ""),
    ("endtime-second-dec", "end_time:epoch", ""),
    ("endtime-second-hex", "end_time:epoch_hex", ""),
    ("host-ip", "", ""),
    ("app-name", "", ""),
    ("scene", "", "scene"),
    ("source-ip", "src_addr", "private_addr"),
    ("destination-ip", "dst_addr", ""),
    ("vpn-id", "src_vrf", "src_vrf"),
    ("session-id", "", "session_id"),
    ("protocol", "protocol", "protocol"),
    ("nat-source-ip", "nat_src_addr", "public_addr"),
    ("source-port", "src_port", ""),
    ("nat-source-port", "nat_src_port", ""),
    ("destination-port", "dst_port", ""),
    ("start-port", "", "port_first"),
    ("end-port", "", "port_last"),
    ("instance-id", "", ""),
    ("pool-id", "", ""),
    ("slot-id", "", ""),
    ("cpu-id", "", ""),
    ("sequence-hex", "", ""),
    ("sequence-dec", "", "sequence"),
    ("cgn-ip", "", ""),
    ("log-type-description", "", ""),
    ("extend-first", "", ""),
    ("extend-second", "", ""),
    ("extend-third", "", ""),
    ("extend-fourth", "", ""),
    ("extend-fifth", "", ""),
    ("extend-sixth", "", ""),
    ("extend-seventh", "", ""),
    ("extend-eighth", "", ""),
    ("fixed-string", "", ""),
];

/// A line `nat position N field ["separator"] [create|free]`.
struct Position<'a> {
    number: u8,
    field: &'static str,
    separator: &'a str,
    /// The event that it is for; `None` for both.
    event: Option<&'a str>,
}

/// The texts of a router's `nat position` lines: one where creations and releases look the same,
/// else one for each.
pub(super) fn positions(lines: &str, family: Family, by_word: bool) -> Checked<Vec<Text>> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut positions = lines.map(Position::read).collect::<Checked<Vec<_>>>()?;
    positions.sort_by_key(|position| position.number);
    let of = |event| {
        let wanted = |position: &&Position<'_>| position.event.is_none_or(|of| of == event);
        position_pieces(positions.iter().filter(wanted), family, by_word)
    };
    let (create, free) = (of("create")?, of("free")?);
    let [created, freed] = match family {
        Family::Session => ["create", "end"],
        Family::PortBlock => ["allocate", "release"],
    };
    if create == free {
        return Ok(vec![Text { event: None, patterns: vec![create] }]);
    }
    let mut texts = vec![
        Text { event: Some(created), patterns: vec![create] },
        Text { event: Some(freed), patterns: vec![free] },
    ];
    // The longer one first: behind the shorter one its own end would be left over.
    texts.sort_by_key(|text| std::cmp::Reverse(text.patterns.first().map_or(0, Vec::len)));
    Ok(texts)
}

impl<'a> Position<'a> {
    fn read(line: &'a str) -> Checked<Position<'a>> {
        let wrong = || {
            Complaint::new(format!(
                "\"{line}\" is not \"nat position NUMBER FIELD [\"SEPARATOR\"] [create|free]\""
            ))
        };
        let rest = line.strip_prefix("nat position ").ok_or_else(wrong)?;
        let (number, rest) = rest.trim_start().split_once(' ').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|number| *number < 64).ok_or_else(wrong)?;
        let rest = rest.trim_start();
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let Some((field, ..)) = POSITIONS.iter().find(|(name, ..)| *name == word) else {
            let names: Vec<&str> = POSITIONS.iter().map(|(name, ..)| *name).collect();
            return Err(Complaint::unknown("field of nat position", word, &names));
        };
        let rest = rest.trim_start();
        let (separator, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(wrong)?,
            None => ("", rest),
        };
        let event = match rest.trim() {
            "" => None,
            event @ ("create" | "free") => Some(event),
            _ => return Err(wrong()),
        };
        Ok(Position { number, field, separator, event })
    }
}

fn position_pieces<'p>(
    positions: impl Iterator<Item = &'p Position<'p>> + Clone,
    family: Family,
    by_word: bool,
) -> Checked<Vec<Piece>> {
    let has_timestamp = positions.clone().any(|position| position.field.starts_with("timestamp-"));
    let target = |field: &str| {
        if by_word && field == "log-type-description" {
            return Target::read("event", family);
        }
        let known = POSITIONS.iter().find(|(name, ..)| *name == field);
        let (session, port_block) = known.map_or(("", ""), |(_, s, p)| (*s, *p));
        let begin = session.strip_prefix("start_time");
        match family {
            Family::Session if !session.is_empty() => Target::read(session, family),
            Family::PortBlock if !port_block.is_empty() => Target::read(port_block, family),
            // The time of a port block is that of its event.
            Family::PortBlock if !has_timestamp && begin.is_some() => {
                Target::read(&format!("event_time{}", begin.unwrap_or_default()), family)
            }
            _ => Ok(Target::extra(field)),
        }
    };
    let fields = positions.clone().filter(|position| position.field != "fixed-string");
    let named = fields.map(|position| Ok((position.field, target(position.field)?)));
    let mut named = named.collect::<Checked<Vec<_>>>()?;
    // Parts that make no time, such as an hour alone, are kept as they are.
    for (when, _) in When::ALL {
        let is_of = |target: &Target| matches!(target.what, What::Time(of, _) if of == *when);
        if check_times(&named.iter().map(|(_, target)| target).filter(|t| is_of(t))).is_err() {
            for (field, target) in named.iter_mut().filter(|(_, target)| is_of(target)) {
                *target = Target::extra(field);
            }
        }
    }
    let mut named = named.into_iter();
    let mut pieces = Pieces::default();
    for position in positions {
        if position.field != "fixed-string"
            && let Some((_, target)) = named.next()
        {
            pieces.target(target);
        }
        pieces.literal(position.separator);
    }
    Ok(pieces.0)
}
