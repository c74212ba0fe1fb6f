use super::*;
use crate::{
    batch::Capacity,
    context::{Context, EventTime, Flags, Format},
    im::ImEvent,
    reason::Reason,
    session::SessionRow,
    text::TextArena,
};
use std::net::IpAddr;

/// A text that is told to be a secret, by its bytes.
fn secret(text: &mut TextArena, value: &str) -> Text {
    text.intern(format!("SECRET{value}").as_bytes()).unwrap()
}

/// A batch of one record of each family, in which each text that has to go begins with `SECRET`.
fn batch() -> Batch {
    let capacity = Capacity { session_rows: 8, unparsed_rows: 8, text_bytes: 4_096 };
    let mut batch = Batch::new(capacity);
    let mut keep = |value: &[u8]| batch.text.intern(value).unwrap();
    let (host, zone, user) = (keep(b"fw-1"), keep(b"trust"), keep(b"alice"));
    let [url, extra, raw] = ["url", "extra", "raw"].map(|value| secret(&mut batch.text, value));
    let context = Context {
        exporter: [192, 0, 2, 1].into(),
        exporter_port: 514,
        format: Format::HuaweiUsgSyslog,
        observation_domain: None,
        sequence: None,
        host,
        received_at: 0,
        event_time: EventTime::Received,
        flags: Flags::NONE,
    };
    let inside: Option<IpAddr> = Some([100, 64, 0, 1].into());
    let destination: Option<IpAddr> = Some([198, 51, 100, 9].into());
    let session = SessionRow {
        src_v4: Some(0x6440_0001),
        dst_v4: Some(0xc633_6409),
        dst_v6: Some([7; 16]),
        dst_port: Some(443),
        nat_src_port: Some(40_001),
        nat_dst_v4: Some(1),
        nat_dst_v6: Some([7; 16]),
        nat_dst_port: Some(443),
        src_zone: Some(zone),
        user: Some(user),
        url: Some(url),
        extra: Some(extra),
        ..SessionRow::default()
    };
    assert!(batch.session.push(&context, &session));
    let scene = zone;
    assert!(batch.port_block.push(&context, PortBlock { scene, extra, ..PortBlock::default() }));
    let im = Im {
        event: ImEvent::Online,
        account: user,
        src_addr: inside,
        dst_addr: destination,
        dst_port: Some(443),
        nat_dst_addr: destination,
        nat_dst_port: Some(443),
        extra,
        ..Im::default()
    };
    assert!(batch.im.push(&context, im));
    let filter = Filter {
        filter: zone,
        src_addr: inside,
        dst_addr: destination,
        dst_port: Some(443),
        extra,
        ..Filter::default()
    };
    assert!(batch.filter.push(&context, filter));
    assert!(batch.unparsed.push(&context, Unparsed { reason: Reason::ALL[0], raw }));
    batch
}

fn has_secrets(batch: &Batch) -> bool {
    batch.text.bytes().windows(6).any(|bytes| bytes == b"SECRET")
}

#[test]
fn destinations_go_and_leave_no_trace() {
    let mut batch = batch();
    batch.leave_out(&Privacy::default());
    assert!(has_secrets(&batch));
    batch.leave_out(&Privacy { omit_destinations: true, user_key: None });
    assert!(!has_secrets(&batch));
    let (context, session) = batch.session.iter().next().unwrap();
    assert_eq!(batch.text(context.host), b"fw-1");
    let expected = SessionRow {
        src_v4: Some(0x6440_0001),
        nat_src_port: Some(40_001),
        src_zone: session.src_zone,
        user: session.user,
        ..SessionRow::default()
    };
    assert_eq!(session, expected);
    assert_eq!(session.src_zone.map(|zone| batch.text(zone)), Some(&b"trust"[..]));
    assert_eq!(session.user.map(|user| batch.text(user)), Some(&b"alice"[..]));
    let (_, port_block) = batch.port_block.iter().next().unwrap();
    assert_eq!((batch.text(port_block.scene), port_block.extra), (&b"trust"[..], Text::EMPTY));
    let (_, im) = batch.im.iter().next().unwrap();
    assert_eq!((batch.text(im.account), im.extra), (&b"alice"[..], Text::EMPTY));
    assert_eq!((im.src_addr, im.dst_addr), (Some([100, 64, 0, 1].into()), None));
    assert_eq!((im.dst_port, im.nat_dst_addr, im.nat_dst_port), (None, None, None));
    let (_, filter) = batch.filter.iter().next().unwrap();
    assert_eq!((batch.text(filter.filter), filter.extra), (&b"trust"[..], Text::EMPTY));
    assert_eq!((filter.dst_addr, filter.dst_port), (None, None));
    assert!(filter.src_addr.is_some());
    let (_, unparsed) = batch.unparsed.iter().next().unwrap();
    assert_eq!((unparsed.reason, unparsed.raw), (Reason::ALL[0], Text::EMPTY));
}

#[test]
fn no_column_that_names_a_destination_is_kept() {
    for column in Column::ALL {
        let name = format!("{column:?}");
        let tells = name.contains("Dst") && !["DstZone", "DstVrf"].contains(&name.as_str());
        let tells = tells || name == "Url";
        assert_eq!(DESTINATIONS.has(*column), tells, "{name}");
    }
}

#[test]
fn users_become_pseudonyms_and_leave_no_trace() {
    let mut batch = batch();
    // The account of a messenger has the same text, and stays as it is.
    let users = ["SECRET-a", "SECRET-b", "SECRET-a"].map(|name| batch.text.push(name.as_bytes()));
    let (context, _) = batch.session.iter().next().unwrap();
    for user in users {
        assert!(batch.session.push(&context, &SessionRow { user, ..SessionRow::default() }));
    }
    let fill = vec![b'x'; batch.text.room()];
    batch.text.push(&fill).unwrap();
    let key = Key::new("k1", [7; 32]);
    let user_key = Arc::new(CurrentKey::new(key.clone()));
    let privacy = Privacy { omit_destinations: false, user_key: Some(user_key.clone()) };
    batch.leave_out(&privacy);
    let forgotten = |bytes: &[u8]| !batch.text.bytes().windows(7).any(|window| window == bytes);
    assert!(forgotten(b"SECRET-") && forgotten(b"xxxxxxx"));
    let users: Vec<_> = batch.session.iter().filter_map(|(_, row)| row.user).collect();
    let expected = ["alice", "SECRET-a", "SECRET-b", "SECRET-a"];
    assert_eq!(users.len(), expected.len());
    for (user, name) in users.iter().zip(expected) {
        assert_eq!(batch.text(*user), key.pseudonym(name.as_bytes()).as_bytes());
    }
    assert_eq!(users[1], users[3]);
    let (_, session) = batch.session.iter().next().unwrap();
    assert_eq!((session.dst_port, session.extra), (Some(443), None));
    let (_, im) = batch.im.iter().next().unwrap();
    assert_eq!(batch.text(im.account), b"alice");
    user_key.set(Key::new("k2", [8; 32]));
    assert!(user_key.get().pseudonym(b"alice").starts_with("k2:"));
}

#[test]
fn a_pseudonym_is_a_keyed_hash_with_its_keys_name() {
    let key = Key::new("k1", [7; 32]);
    let hash = blake3::keyed_hash(&[7; 32], b"alice").to_hex();
    assert_eq!(key.pseudonym(b"alice"), format!("k1:{}", &hash[..32]));
    assert_eq!(format!("{key:?}"), "Key(k1)");
    let long = Key::new("a-name-that-is-much-too-long", [7; 32]);
    assert_eq!(long.pseudonym(b"alice").len(), Key::PSEUDONYM_BYTES_MAX);
}
