//! What the decoder should make of what the model sent: every field of every record, and no field
//! that was not sent. The rules are those of the documents, format by format.

use std::collections::BTreeMap;

use logweir::output::rfc3339;
use logweir_traffic::{
    Action, BlockEvent, EventKind, Filter, Format, HeaderTime, Im, ModelConfig, MtnCounters,
    PortBlock, Session, Source, Truth,
};

/// A record's fields, as text.
pub type Record = BTreeMap<&'static str, String>;

/// Pairs as text, in the order of their keys.
pub fn show_pairs(pairs: impl Iterator<Item = (String, String)>) -> String {
    let mut pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.sort_unstable();
    pairs.join(", ")
}

fn seconds(seconds: i64) -> String {
    rfc3339(seconds * 1_000_000_000, 0)
}

fn millis(ms: u64) -> String {
    rfc3339(ms as i64 * 1_000_000, 3)
}

/// As many digits as it needs.
fn shortest(ms: u64) -> String {
    rfc3339(ms as i64 * 1_000_000, if ms.is_multiple_of(1_000) { 0 } else { 3 })
}

/// The record that the decoder should make of what was sent.
pub fn expected(
    config: &ModelConfig,
    sequence: Option<u32>,
    truth: &Truth,
    received_at: i64,
) -> Record {
    let mut e = Expected::default();
    e.put("received_at", Some(rfc3339(received_at, 9)));
    match truth {
        Truth::Session(session) => {
            e.session(session);
            e.put("sequence", sequence.filter(|_| has_sequence(session.format)));
            match session.format {
                Format::UsgMtn => e.mtn(config, session, received_at),
                Format::UsgNetflow | Format::UsgSyslogDefault => e.own_times(session),
                Format::H3cUserlog | Format::HuaweiElog => e.userlog(session),
                Format::Firebrick => e.big_session(session, received_at),
                Format::CgnUnicom => e.unicom(session, received_at),
                Format::Fortinet => {
                    e.flags.push("header_zone_assumed_utc");
                    e.lasted(session, received_at);
                }
                Format::JuniperSrx => {
                    e.extra(&[("text", SD_ID.to_owned())]);
                    e.lasted(session, received_at);
                }
                _ => e.times(session, received_at),
            }
        }
        Truth::PortBlock(block) => e.port_block(block, sequence, received_at),
        Truth::Filter(filter) => e.filter(filter, received_at),
        Truth::Im(im) => e.im(im),
    }
    e.finish()
}

/// What Juniper puts in front of the pairs.
const SD_ID: &str = "junos@2636.1.1.1.2.26";

/// Formats whose header counts.
fn has_sequence(format: Format) -> bool {
    !format.is_text()
}

#[derive(Default)]
struct Expected {
    fields: Record,
    flags: Vec<&'static str>,
    extra: Vec<(String, String)>,
}

impl Expected {
    fn put(&mut self, name: &'static str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.fields.insert(name, value.to_string());
        }
    }

    fn finish(mut self) -> Record {
        // See `decoded`.
        if self.fields.get("format").is_some_and(|format| format == "cgn-unicom") {
            self.flags.clear();
        }
        if !self.flags.is_empty() {
            self.put("flags", Some(self.flags.join(" ")));
        }
        if !self.extra.is_empty() {
            let extra = show_pairs(std::mem::take(&mut self.extra).into_iter());
            self.put("extra", Some(extra));
        }
        self.fields
    }

    fn extra(&mut self, pairs: &[(&'static str, String)]) {
        self.extra.extend(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    }

    fn source(&mut self, source: &Source) {
        self.put("format", Some(source.format));
        self.put("exporter", Some(source.exporter));
        self.put("exporter_port", Some(source.exporter_port));
        self.put("observation_domain", source.observation_domain);
        self.put("host", source.host.as_ref());
    }

    /// What a session carries, but for its times.
    fn session(&mut self, session: &Session) {
        self.put("record", Some("session"));
        self.put("format", Some(session.format));
        self.put("exporter", Some(session.exporter));
        self.put("exporter_port", Some(session.exporter_port));
        self.put("observation_domain", session.observation_domain);
        self.put("host", session.host.as_ref());
        self.put("event", Some(event_name(session.event)));
        self.put("protocol", session.protocol);
        self.put("src_addr", session.src_addr);
        self.put("src_port", session.src_port);
        self.put("dst_addr", session.dst_addr);
        self.put("dst_port", session.dst_port);
        self.put("nat_src_addr", session.nat_src_addr);
        self.put("nat_src_port", session.nat_src_port);
        self.put("nat_dst_addr", session.nat_dst_addr);
        self.put("nat_dst_port", session.nat_dst_port);
        self.put("tunnel_addr", session.tunnel_addr);
        self.put("src_vrf", session.src_vrf);
        self.put("dst_vrf", session.dst_vrf);
        self.put("src_zone", session.src_zone.as_ref());
        self.put("dst_zone", session.dst_zone.as_ref());
        self.put("direction", session.direction);
        self.put("initiator", session.initiator);
        self.put("sent_packets", session.sent_packets);
        self.put("sent_bytes", session.sent_bytes);
        self.put("received_packets", session.received_packets);
        self.put("received_bytes", session.received_bytes);
        self.put("policy", session.policy.as_ref());
        self.put("user", session.user.as_ref());
        self.put("application", session.application.as_ref());
        self.put("close_reason", session.close_reason.as_ref());
        self.extra(&session.extra);
    }

    /// Huawei USG: begin and end in the record, and the event's time from them.
    fn own_times(&mut self, session: &Session) {
        let (start, end) = (session.start.map(i64::from), session.end.map(i64::from));
        let event = if session.event == EventKind::Create { start } else { end };
        self.put("event_time", event.map(seconds));
        self.put("time_source", Some("record"));
        self.put("start_time", start.map(seconds));
        self.put("end_time", end.map(seconds));
        self.put("duration_ms", end.zip(start).map(|(end, start)| (end - start) * 1000));
    }

    /// The operator's code is the event and, of an end, its reason. Huawei's codes are not public.
    fn userlog(&mut self, session: &Session) {
        self.own_times(session);
        if session.format == Format::HuaweiElog {
            self.flags.push("reading_inferred");
        }
        let operator = self.extra.pop().expect("the operator").1;
        let reasons = [("1", "ended normally"), ("2", "aged"), ("3", "cleared")];
        let reason = reasons.into_iter().find(|(code, _)| *code == operator);
        self.put("close_reason", reason.map(|(_, reason)| reason));
    }

    /// A session that ended and says how long it lasted: it ended when the event was.
    fn lasted(&mut self, session: &Session, received_at: i64) {
        self.times(session, received_at);
        let end_ms = session.event_ms.or(session.header.map(|header| header.unix_ms));
        if let Some((duration_ms, end_ms)) = session.duration_ms.zip(end_ms) {
            self.put("start_time", Some(shortest(end_ms - duration_ms)));
            self.put("end_time", Some(shortest(end_ms)));
            self.flags.push("time_from_duration");
        }
    }

    /// China Unicom's seven fields have one time: that of the event.
    fn unicom(&mut self, session: &Session, received_at: i64) {
        self.times(session, received_at);
        if let Some(ms) = session.event_ms {
            let created = session.event == EventKind::Create;
            self.put(if created { "start_time" } else { "end_time" }, Some(shortest(ms)));
        }
    }

    /// FireBrick: the end is the header's time, or the arrival; bytes are modulo 2³².
    fn big_session(&mut self, session: &Session, received_at: i64) {
        self.event_time(None, session.header, received_at);
        let header = session.header.map(|header| (header.unix_ms / 1_000) as i64);
        self.put("end_time", Some(seconds(header.unwrap_or(received_at / 1_000_000_000))));
        self.flags.push("counter_wrapped_possible");
    }

    /// What an `mtn` line leaves out and the decoder works out: the time of the event, from the
    /// header or the arrival, and from it begin and end.
    fn mtn(&mut self, config: &ModelConfig, session: &Session, received_at: i64) {
        let header = header_as_printed(session);
        let event_s = header.unwrap_or(received_at / 1_000_000_000);
        self.put("event_time", Some(header.map_or(rfc3339(received_at, 9), seconds)));
        self.put("time_source", Some(if header.is_some() { "header" } else { "received" }));
        // The counters come out right whichever way round they were printed; that they were
        // exchanged is said wherever there is anything to exchange.
        let counted = [session.sent_packets, session.received_packets].into_iter().flatten();
        if config.mtn_counters == MtnCounters::Swapped && counted.sum::<u64>() > 0 {
            self.flags.push("mtn_counters_swapped");
        }
        if header.is_some() {
            self.flags.push("header_zone_assumed_utc");
        }
        if session.event == EventKind::End {
            let duration = i64::from(session.duration_seconds.expect("of an end"));
            self.put("start_time", Some(seconds(event_s - duration)));
            self.put("end_time", Some(seconds(event_s)));
            self.put("duration_ms", Some(duration * 1000));
            self.flags.push("time_from_duration");
        } else {
            self.put("start_time", Some(seconds(event_s)));
        }
    }

    /// The other formats' sessions: the record's own time of the event, else begin or end as the
    /// event is, else the header's time, else the arrival.
    fn times(&mut self, session: &Session, received_at: i64) {
        let created = session.event == EventKind::Create;
        let start = session.start.map(|s| seconds(s.into())).or(session.start_ms.map(millis));
        let end = session.end.map(|s| seconds(s.into())).or(session.end_ms.map(millis));
        let own = session
            .event_ms
            .map(|ms| if session.format.is_text() { shortest(ms) } else { millis(ms) });
        let own = own.or(if created { start.clone() } else { end.clone() });
        self.event_time(own, session.header, received_at);
        let lasted = session.duration_ms.or(session
            .start_ms
            .or(session.start.map(|s| u64::from(s) * 1_000))
            .zip(session.end_ms.or(session.end.map(|s| u64::from(s) * 1_000)))
            .map(|(start, end)| end - start));
        self.put("start_time", start);
        self.put("end_time", end);
        self.put("duration_ms", lasted);
    }

    fn event_time(&mut self, own: Option<String>, header: Option<HeaderTime>, received_at: i64) {
        let header_time = header.map(|header| shortest(header.unix_ms));
        let (time, source) = match (own, header_time) {
            (Some(own), _) => (own, "record"),
            (None, Some(header)) => (header, "header"),
            (None, None) => (rfc3339(received_at, 9), "received"),
        };
        if source == "header" && header.is_some_and(|header| !header.has_zone) {
            self.flags.push("header_zone_assumed_utc");
        }
        self.put("event_time", Some(time));
        self.put("time_source", Some(source));
    }

    fn port_block(&mut self, block: &PortBlock, sequence: Option<u32>, received_at: i64) {
        self.put("record", Some("port_block"));
        self.source(&block.source);
        let header_sequence = sequence.filter(|_| has_sequence(block.source.format));
        self.put("sequence", block.sequence.or(header_sequence.map(u64::from)));
        self.event_time(block.event_ms.map(shortest), block.source.header, received_at);
        self.put(
            "event",
            Some(match block.event {
                BlockEvent::Allocate => "allocate",
                BlockEvent::Release => "release",
                BlockEvent::Keepalive => "keepalive",
            }),
        );
        self.put("private_addr", Some(block.private_addr));
        self.put("public_addr", Some(block.public_addr));
        self.put("port_first", Some(block.port_first));
        self.put("port_last", Some(block.port_last));
        // RFC 8158: 0 means all protocols.
        self.put("protocol", block.protocol.filter(|protocol| *protocol != 0));
        self.put("src_vrf", block.src_vrf);
        self.put("session_id", block.session_id);
        self.put("scene", block.scene.as_ref());
        let is_documented = block.event == BlockEvent::Allocate;
        match block.source.format {
            // The words are in no record when they are the documented ones.
            Format::CgnFt if is_documented => {}
            Format::CgnFt => {
                self.flags.push("reading_inferred");
                self.extra(&block.extra);
            }
            Format::JuniperSrx => {
                self.extra(&block.extra);
                self.extra(&[("text", SD_ID.to_owned())]);
            }
            _ => self.extra(&block.extra),
        }
    }

    fn filter(&mut self, filter: &Filter, received_at: i64) {
        self.put("record", Some("filter"));
        self.source(&filter.source);
        self.event_time(None, filter.source.header, received_at);
        self.put("filter", Some(&filter.filter));
        self.put(
            "action",
            Some(match filter.action {
                Action::Drop => "drop",
                Action::Allow => "allow",
                Action::Reject => "reject",
                Action::Bounce => "bounce",
            }),
        );
        self.put("protocol", Some(filter.protocol));
        self.put("protocol_name", Some(&filter.protocol_name));
        self.put("mac", filter.mac.map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":")));
        self.put("src_interface", Some(&filter.src_interface));
        self.put("src_addr", Some(filter.src_addr));
        self.put("src_port", filter.src_port);
        self.put("dst_interface", Some(&filter.dst_interface));
        self.put("dst_addr", Some(filter.dst_addr));
        self.put("dst_port", filter.dst_port);
        self.put("tcp_flags", filter.tcp_flags.as_ref());
        if let Some((kind, code, name)) = &filter.icmp {
            self.put("icmp_type", Some(kind));
            self.put("icmp_code", Some(code));
            self.put("icmp_type_name", Some(name));
        }
        self.put("icmp_id", filter.icmp_id);
        self.put("fragment_id", filter.fragment.map(|(id, _)| id));
        self.put("fragment_offset", filter.fragment.map(|(_, offset)| offset));
    }

    /// The account as sent: the test's settings ask for that.
    fn im(&mut self, im: &Im) {
        self.put("record", Some("im"));
        self.source(&im.source);
        let event_s = im.end.unwrap_or(im.start);
        self.put("event_time", Some(seconds(event_s.into())));
        self.put("time_source", Some("record"));
        self.put("event", Some(if im.online { "online" } else { "offline" }));
        self.put("application", Some(&im.application));
        self.put("account", Some(&im.account));
        self.put("protocol", Some(im.protocol));
        self.put("src_addr", im.src_addr);
        self.put("src_port", im.src_port);
        self.put("dst_addr", im.dst_addr);
        self.put("dst_port", im.dst_port);
        self.put("nat_src_addr", im.nat_src_addr);
        self.put("nat_src_port", im.nat_src_port);
        self.put("start_time", Some(seconds(im.start.into())));
        self.put("end_time", im.end.map(|end| seconds(end.into())));
        self.flags.push("reading_inferred");
        self.extra(&im.extra);
    }
}

fn event_name(event: EventKind) -> &'static str {
    match event {
        EventKind::Create => "create",
        EventKind::End => "end",
        EventKind::Flow => "flow",
    }
}

/// The header's time as a reader without the device's zone takes it: as UTC.
fn header_as_printed(session: &Session) -> Option<i64> {
    let offset = session.header_utc_offset_seconds?;
    Some(i64::from(session.header_time?) + i64::from(offset))
}
