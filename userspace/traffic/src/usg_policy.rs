//! Policy hits of a Huawei USG as syslog (`POLICYPERMIT`), as published lines have them.
//!
//! ```text
//! <190>Jan  1 2026 00:00:00 USG-000 %%01POLICY/6/POLICYPERMIT(l):vsys=public, protocol=17,
//! source-ip=…, source-port=…, destination-ip=…, destination-port=…, time=2026/1/1 00:00:00,
//! source-zone=trust, destination-zone=untrust, [application-name=QUIC, ]rule-name=Internet Access.
//! ```
//! `time` and the header name no zone; here they are UTC.

use crate::cgn_cn::header_time;
use crate::config::Format;
use crate::message::{Message, Stamp};
use crate::names::decoded;
use crate::random::Random;
use crate::record::{Event, EventKind};
use crate::truth::{Moment, Origin, Session, Truth};
use crate::usg_im::put_number;
use crate::writer::{Writer, month_name, timestamp};

/// How a message is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// `time=Jan 01 2026 00:00:00` and not `time=2026/1/1 00:00:00`.
    pub month_name: bool,
}

impl Style {
    fn put_time(self, out: &mut Writer<'_>, time: &[u8; 19]) {
        if self.month_name {
            put_vrp_time(out, time);
        } else {
            put_slashed(out, time);
        }
    }

    /// `time=`, as it is printed.
    fn time(self, stamp: &Stamp<'_>) -> String {
        let mut buffer = [0; 32];
        let mut out = Writer::new(&mut buffer);
        self.put_time(&mut out, &timestamp(stamp.seconds().into()));
        let len = out.len();
        decoded(&buffer[..len])
    }
}

impl Message for Style {
    fn draw(random: &mut Random, _: &Event<'_>) -> Self {
        Self { month_name: random.below(2) == 0 }
    }

    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>) {
        let record = event.session();
        let time = timestamp(stamp.seconds().into());
        out.bytes(b"<190>");
        put_vrp_time(out, &time);
        out.bytes(b" ");
        out.bytes(stamp.host);
        out.bytes(b" %%01POLICY/6/POLICYPERMIT(l):vsys=public");
        put_number(out, b", protocol=", record.protocol.into());
        out.bytes(b", source-ip=");
        out.ipv4(record.src_v4);
        put_number(out, b", source-port=", record.src_port.into());
        out.bytes(b", destination-ip=");
        out.ipv4(record.dst_v4);
        put_number(out, b", destination-port=", record.dst_port.into());
        out.bytes(b", time=");
        self.put_time(out, &time);
        let names: [(&[u8], Option<&[u8]>); 4] = [
            (b", source-zone=", record.details.src_zone),
            (b", destination-zone=", record.details.dst_zone),
            (b", application-name=", record.details.application),
            (b", rule-name=", record.details.policy),
        ];
        for (key, name) in names {
            if let Some(name) = name {
                out.bytes(key);
                out.bytes(name);
            }
        }
        out.bytes(b".");
    }

    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth {
        let record = event.session();
        let details = &record.details;
        Truth::Session(Session {
            // A policy was hit: that the session begins is not said.
            event: EventKind::Flow,
            nat_src_addr: None,
            nat_src_port: None,
            nat_dst_addr: None,
            nat_dst_port: None,
            src_zone: details.src_zone.map(decoded),
            dst_zone: details.dst_zone.map(decoded),
            application: details.application.map(decoded),
            policy: details.policy.map(decoded),
            host: Some(decoded(stamp.host)),
            header: Some(header_time(stamp)),
            extra: vec![("vsys", "public".to_owned()), ("time", self.time(stamp))],
            ..Session::bare(Format::UsgPolicy, origin, moment, record)
        })
    }
}

/// `Jan 01 2026 00:00:00`.
fn put_vrp_time(out: &mut Writer<'_>, time: &[u8; 19]) {
    out.bytes(&month_name(&time[5..7]).as_bytes()[..3]);
    out.bytes(b" ");
    out.bytes(&time[8..10]);
    out.bytes(b" ");
    out.bytes(&time[..4]);
    out.bytes(&time[10..]);
}

/// `2026/1/1 00:00:00`.
fn put_slashed(out: &mut Writer<'_>, time: &[u8; 19]) {
    out.bytes(&time[..4]);
    for number in [&time[5..7], &time[8..10]] {
        out.bytes(b"/");
        out.bytes(number.strip_prefix(b"0").unwrap_or(number));
    }
    out.bytes(&time[10..]);
}
