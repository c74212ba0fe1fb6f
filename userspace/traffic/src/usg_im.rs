//! Instant-messenger logs of a Huawei USG as syslog. **Constructed**: the document (*firewall log
//! im enable*) says that there are such logs and no more; this is the shape of the session logs
//! with names that such a log might have.
//!
//! ```text
//! <190>2026-01-01 00:00:00 USG-000 %%01SECLOG/6/IM_LOGIN(l):IPVer=4,Protocol=tcp,SourceIP=…,
//! DestinationIP=…,SourcePort=…,DestinationPort=…,[SourceNatIP=…,SourceNatPort=…,]BeginTime=…,
//! [EndTime=…,]SourceVpnID=0,DestinationVpnID=0,ApplicationName=QQ,Account=10001.
//! ```

use crate::cgn_cn::header_time;
use crate::config::Format;
use crate::message::{Message, Stamp};
use crate::random::Random;
use crate::record::{Event, EventKind, protocol_name};
use crate::truth::{Im, Moment, Origin, Truth, port, v4};
use crate::writer::{Writer, timestamp};

/// What a message says beside the session.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The messenger.
    pub application: &'static str,
    /// The account's number.
    pub account: u32,
}

impl Message for Style {
    fn draw(random: &mut Random, _: &Event<'_>) -> Self {
        let application = if random.below(2) == 0 { "QQ" } else { "WeChat" };
        Self { application, account: 10_000 + random.below(1_000_000) }
    }

    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>) {
        let record = event.session();
        let is_login = record.event == EventKind::Create;
        out.bytes(b"<190>");
        out.bytes(&timestamp(stamp.seconds().into()));
        out.bytes(b" ");
        out.bytes(stamp.host);
        out.bytes(b" %%01SECLOG/6/");
        out.bytes(if is_login { b"IM_LOGIN" } else { b"IM_LOGOUT" });
        out.bytes(b"(l):IPVer=4,Protocol=");
        out.bytes(protocol_name(record.protocol));
        out.bytes(b",SourceIP=");
        out.ipv4(record.src_v4);
        out.bytes(b",DestinationIP=");
        out.ipv4(record.dst_v4);
        put_number(out, b",SourcePort=", record.src_port.into());
        put_number(out, b",DestinationPort=", record.dst_port.into());
        if record.nat_src_v4 != 0 {
            out.bytes(b",SourceNatIP=");
            out.ipv4(record.nat_src_v4);
            put_number(out, b",SourceNatPort=", record.nat_src_port.into());
        }
        put_number(out, b",BeginTime=", record.start.into());
        if !is_login {
            put_number(out, b",EndTime=", record.end.into());
        }
        put_number(out, b",SourceVpnID=", record.src_vrf.into());
        put_number(out, b",DestinationVpnID=", record.dst_vrf.into());
        out.bytes(b",ApplicationName=");
        out.bytes(self.application.as_bytes());
        put_number(out, b",Account=", self.account.into());
        out.bytes(b".");
    }

    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth {
        let record = event.session();
        let header = Some(header_time(stamp));
        Truth::Im(Im {
            source: origin.source(Format::UsgIm, moment, Some(stamp.host), header),
            online: record.event == EventKind::Create,
            application: self.application.to_owned(),
            account: self.account.to_string(),
            protocol: record.protocol,
            src_addr: v4(record.src_v4),
            src_port: port(record.src_port),
            dst_addr: v4(record.dst_v4),
            dst_port: port(record.dst_port),
            nat_src_addr: v4(record.nat_src_v4),
            nat_src_port: port(record.nat_src_port),
            start: record.start,
            end: (record.end != 0).then_some(record.end),
            extra: vec![
                ("IPVer", "4".to_owned()),
                ("SourceVpnID", record.src_vrf.to_string()),
                ("DestinationVpnID", record.dst_vrf.to_string()),
            ],
        })
    }
}

pub(crate) fn put_number(out: &mut Writer<'_>, key: &[u8], number: u64) {
    out.bytes(key);
    out.decimal(number);
}
