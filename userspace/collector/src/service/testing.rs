//! A batch with records of several families.

use logweir_decode::{
    batch::{Batch, Capacity},
    context::{Context, EventTime, Flags, Format},
    extra,
    filter::{Action, Filter},
    reason::Reason,
    session::{Event, SessionRow},
    text::Text,
    unparsed::Unparsed,
};

/// When its records arrived.
pub const RECEIVED_AT: i64 = 1_767_225_600_123_456_789;

/// What its records share.
pub fn context(format: Format) -> Context {
    Context {
        exporter: "192.0.2.1".parse().unwrap(),
        exporter_port: 2055,
        format,
        observation_domain: Some(7),
        sequence: Some(3),
        host: Text::EMPTY,
        received_at: RECEIVED_AT,
        event_time: EventTime::Received,
        flags: Flags::READING_INFERRED,
    }
}

/// So many sessions of one run, the `n`th from 10.0.0.n port 1000 + n; a filter log of each action;
/// and an unparsed line.
pub fn batch(sessions: u16) -> Batch {
    let capacity = Capacity { session_rows: 4_096, unparsed_rows: 16, text_bytes: 1 << 16 };
    let mut batch = Batch::new(capacity);
    let user = batch.text.push("müller".as_bytes());
    let pair = extra::Encoded::new(b"rule", extra::Value::Number(42));
    let extra = batch.text.push_parts(&pair.parts());
    for number in 0..sessions {
        let row = SessionRow {
            event: Some(if number % 2 == 0 { Event::Create } else { Event::Deny } as u8),
            protocol: Some(6),
            src_v4: Some(0x0a00_0000 + u32::from(number)),
            src_port: Some(1_000 + number),
            dst_v6: Some([0x20; 16]),
            start_s: Some(1_767_225_000),
            user,
            extra,
            ..SessionRow::default()
        };
        assert!(batch.session.push(&context(Format::HuaweiUsgNetflow), &row));
    }
    for action in [Action::Drop, Action::Allow, Action::Reject, Action::Bounce] {
        let filter = batch.text.push(b"No telnet").unwrap();
        let row = Filter {
            filter,
            action: Some(action),
            mac: Some([0, 1, 2, 3, 4, 0xaf]),
            src_addr: Some("2001:db8::7".parse().unwrap()),
            ..Filter::default()
        };
        assert!(batch.filter.push(&context(Format::Firebrick), row));
    }
    let raw = batch.text.push(b"what is this").unwrap();
    let row = Unparsed { reason: Reason::UnknownFormat, raw };
    assert!(batch.unparsed.push(&context(Format::Unknown), row));
    batch
}
