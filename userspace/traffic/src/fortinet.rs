//! Fortinet hyperscale (NP7) syslog: sessions as `key=value`, from the vendor's guide.
//!
//! ```text
//! Jan  1 00:00:00 FGT-000 date=2026-01-01 time=00:00:00 sn=F2K0000000000001 vd=cgn-hw1 pid=805306369
//! type=sess act=end tran=snat proto=6 ipold=v4 ipnew=v4 sip=… dip=… sport=… dport=… nsip=… ndip=…
//! nsport=… ndport=… [dur=2936] sentp=6 sentb=398 rcvdp=4 rcvdb=1307
//! ```
//! `dur` is in milliseconds. `date` and `time` name no zone; here they are UTC.

use crate::cgn_cn::header_time;
use crate::config::Format;
use crate::message::{Message, Stamp};
use crate::random::Random;
use crate::record::{Event, EventKind, Record};
use crate::truth::{Moment, Origin, Session, Truth};
use crate::userlog::Translated;
use crate::writer::{Writer, month_name, timestamp};

/// How a message is printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// A relay's priority in front.
    pub priority: bool,
}

impl Message for Style {
    fn draw(random: &mut Random, _: &Event<'_>) -> Self {
        Self { priority: random.below(2) == 0 }
    }

    fn put(&self, out: &mut Writer<'_>, stamp: &Stamp<'_>, event: &Event<'_>) {
        let record = event.session();
        let time = timestamp(stamp.seconds().into());
        out.bytes(if self.priority { b"<190>" } else { b"" });
        put_rfc3164(out, &time, stamp.host);
        out.bytes(b"date=");
        out.bytes(&time[..10]);
        out.bytes(b" time=");
        out.bytes(&time[11..]);
        out.bytes(b" sn=F2K0000000000001 vd=cgn-hw1 pid=805306369 type=sess act=");
        out.bytes(if record.event == EventKind::Create { b"start" } else { b"end" });
        out.bytes(b" tran=");
        out.bytes(translation(record));
        out.bytes(b" proto=");
        out.decimal(record.protocol.into());
        put_ends(out, record);
        if record.event != EventKind::Create {
            out.bytes(b" dur=");
            out.decimal(duration_ms(record, stamp));
        }
        let counters: [(&[u8], u64); 4] = [
            (b" sentp=", record.sent_packets),
            (b" sentb=", record.sent_bytes),
            (b" rcvdp=", record.received_packets),
            (b" rcvdb=", record.received_bytes),
        ];
        for (key, counter) in counters {
            out.bytes(key);
            out.decimal(counter);
        }
    }

    fn truth(&self, origin: Origin, moment: Moment, stamp: &Stamp<'_>, event: &Event<'_>) -> Truth {
        let record = event.session();
        let ended = record.event != EventKind::Create;
        let bare = Session::bare(Format::Fortinet, origin, moment, record);
        Truth::Session(Translated::of(record).truth(Session {
            host: Some(String::from_utf8_lossy(stamp.host).into_owned()),
            header: Some(header_time(stamp)),
            event_ms: Some(u64::from(stamp.seconds()) * 1_000),
            duration_ms: ended.then(|| duration_ms(record, stamp)),
            sent_packets: Some(record.sent_packets),
            sent_bytes: Some(record.sent_bytes),
            received_packets: Some(record.received_packets),
            received_bytes: Some(record.received_bytes),
            extra: vec![
                ("type", "sess".to_owned()),
                ("sn", "F2K0000000000001".to_owned()),
                ("vd", "cgn-hw1".to_owned()),
                ("pid", "805306369".to_owned()),
                ("tran", String::from_utf8_lossy(translation(record)).into_owned()),
                ("ipold", "v4".to_owned()),
                ("ipnew", "v4".to_owned()),
            ],
            ..bare
        }))
    }
}

fn put_ends(out: &mut Writer<'_>, record: &Record<'_>) {
    let nat = Translated::of(record);
    let addresses: [(&[u8], u32); 2] = [(b" sip=", record.src_v4), (b" dip=", record.dst_v4)];
    let nat_addresses: [(&[u8], u32); 2] = [(b" nsip=", nat.src), (b" ndip=", nat.dst)];
    let ports: [(&[u8], u16); 2] = [(b" sport=", record.src_port), (b" dport=", record.dst_port)];
    let nat_ports: [(&[u8], u16); 2] = [(b" nsport=", nat.src_port), (b" ndport=", nat.dst_port)];
    out.bytes(b" ipold=v4 ipnew=v4");
    for (addresses, ports) in [(addresses, ports), (nat_addresses, nat_ports)] {
        for (key, address) in addresses {
            out.bytes(key);
            out.ipv4(address);
        }
        for (key, port) in ports {
            out.bytes(key);
            out.decimal(port.into());
        }
    }
}

/// Which ends are translated.
fn translation(record: &Record<'_>) -> &'static [u8] {
    match (record.nat_src_v4, record.nat_dst_v4) {
        (0, 0) => b"none",
        (0, _) => b"dnat",
        _ => b"snat",
    }
}

/// To the millisecond of the event.
fn duration_ms(record: &Record<'_>, stamp: &Stamp<'_>) -> u64 {
    stamp.unix_ms - u64::from(record.start) * 1_000
}

/// `Mmm dd hh:mm:ss HOST `, the day filled up with a space.
pub(crate) fn put_rfc3164(out: &mut Writer<'_>, time: &[u8; 19], host: &[u8]) {
    out.bytes(&month_name(&time[5..7]).as_bytes()[..3]);
    out.bytes(b" ");
    out.bytes(if time[8] == b'0' { b" " } else { &time[8..9] });
    out.bytes(&time[9..10]);
    out.bytes(b" ");
    out.bytes(&time[11..]);
    out.bytes(b" ");
    out.bytes(host);
    out.bytes(b" ");
}
