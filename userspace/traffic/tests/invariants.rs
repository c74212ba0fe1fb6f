//! What holds of every model: a public port has one holder, every end had a beginning, shares
//! are kept.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use logweir_traffic::{ConfigError, EventKind, Format, Model, ModelConfig, Session, Truth};
use proptest::prelude::*;

fn run(config: &ModelConfig, records: usize) -> Vec<Session> {
    let mut model = Model::new(config.clone()).expect("the configuration is within the limits");
    let mut buffer = vec![0; config.datagram_bytes_max];
    let (mut truth, mut sessions) = (Vec::new(), Vec::new());
    while sessions.len() < records {
        let info = model.next_datagram(&mut buffer, Some(&mut truth));
        assert_eq!(info.records, truth.len());
        assert!(info.records > 0 && info.len <= config.datagram_bytes_max);
        sessions.extend(truth.drain(..).filter_map(Truth::into_session));
    }
    sessions
}

/// The public side of a session: what it holds while it lives.
fn public_side(session: &Session) -> Option<(IpAddr, IpAddr, u16, u8)> {
    let inbound = session.nat_dst_addr.is_some() && session.nat_src_addr.is_none();
    let (address, port) = if inbound {
        (session.dst_addr, session.dst_port)
    } else {
        (session.nat_src_addr, session.nat_src_port)
    };
    Some((session.exporter, address?, port?, session.protocol?))
}

/// The fields that a session keeps from creation to end.
fn identity(session: &Session) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (session.exporter, session.observation_domain, session.protocol),
        (session.src_addr, session.src_port, session.dst_addr, session.dst_port),
        (session.nat_src_addr, session.nat_src_port, session.nat_dst_addr, session.nat_dst_port),
        (session.tunnel_addr, session.src_vrf, session.dst_vrf, session.initiator),
        (session.src_zone.clone(), session.dst_zone.clone(), session.policy.clone()),
        (session.user.clone(), session.application.clone(), session.start),
    )
}

fn check(truth: &[Session], live_max: usize) {
    let mut live: HashMap<u64, &Session> = HashMap::new();
    let mut held = HashSet::new();
    let mut seen = HashSet::new();
    for session in truth {
        match session.event {
            EventKind::Create => {
                assert!(seen.insert(session.number), "{session:?} is created once");
                live.insert(session.number, session);
                if let Some(side) = public_side(session) {
                    assert!(held.insert(side), "{side:?} has a holder already");
                }
            }
            EventKind::End | EventKind::Flow => {
                let created = live.remove(&session.number).expect("it was created and not ended");
                assert_eq!(identity(created), identity(session));
                assert!(created.at_ns <= session.at_ns);
                assert!(session.end.is_none_or(|end| Some(end) >= session.start));
                if let Some(side) = public_side(session) {
                    assert!(held.remove(&side));
                }
            }
        }
        assert!(live.len() <= live_max);
    }
}

/// The formats of a Huawei USG's sessions: all of them print all that a session has.
const USG: [Format; 3] = [Format::UsgNetflow, Format::UsgSyslogDefault, Format::UsgMtn];

fn configurations() -> impl Strategy<Value = ModelConfig> {
    let sizes = (1u32..6, 1u8..4, 40u32..3_000, 40u32..3_000, 1u64..1_000_000);
    let shares = (0.0..0.5f64, 0.0..0.5f64, 0.0..0.5f64, 0.0..0.5f64);
    let rest = (any::<u64>(), 0..3usize, 1usize..30, 1u32..20, 252usize..3_000);
    (sizes, shares, rest).prop_map(|(sizes, shares, rest)| {
        let format = USG[rest.1];
        ModelConfig {
            seed: rest.0,
            format,
            exporters: sizes.0,
            slots: sizes.1,
            subscribers: sizes.2,
            sessions_live_max: sizes.3,
            events_per_second: sizes.4,
            nat64_share: shares.0,
            dslite_share: if format.is_text() { 0.0 } else { shares.1 },
            inbound_share: shares.2,
            untranslated_share: shares.3,
            records_per_flowset: rest.2,
            lines_per_datagram: rest.2,
            template_every: rest.3,
            datagram_bytes_max: rest.4.max(if format.is_text() { 640 } else { 252 }),
            quirk_share: 0.1,
            ..ModelConfig::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_public_port_has_one_holder_and_every_end_a_beginning(config in configurations()) {
        check(&run(&config, 4_000), config.sessions_live_max as usize);
    }
}

/// One address, few free ports: the pool is searched, not only hit.
#[test]
fn a_crowded_pool_keeps_the_invariant() {
    let config = ModelConfig {
        exporters: 384,
        subscribers: 768,
        sessions_live_max: 768 * 60,
        inbound_share: 0.2,
        ..ModelConfig::default()
    };
    check(&run(&config, 200_000), config.sessions_live_max as usize);
}

#[test]
fn shares_are_of_records() {
    let config = ModelConfig {
        nat64_share: 0.2,
        dslite_share: 0.1,
        inbound_share: 0.1,
        untranslated_share: 0.05,
        sessions_live_max: 1_000,
        ..ModelConfig::default()
    };
    let truth = run(&config, 100_000);
    let share = |wanted: &dyn Fn(&Session) -> bool| {
        truth.iter().filter(|session| wanted(session)).count() as f64 / truth.len() as f64
    };
    let near = |found: f64, wanted: f64| (found - wanted).abs() < 0.15 * wanted;
    let nat64 = share(&|session| session.src_addr.is_some_and(|address| address.is_ipv6()));
    let dslite = share(&|session| session.tunnel_addr.is_some());
    let inbound = share(&|session| session.initiator == Some(2));
    let untranslated =
        share(&|session| session.nat_src_addr.is_none() && session.nat_dst_addr.is_none());
    assert!(near(nat64, 0.2), "{nat64}");
    assert!(near(dslite, 0.1), "{dslite}");
    assert!(near(inbound, 0.7 * 0.1), "{inbound}");
    assert!(near(untranslated, 0.7 * 0.05), "{untranslated}");
    assert!(near(share(&|session| session.event == EventKind::End), 0.5));
}

/// Not one record repeated: hot hosts, a mix of protocols, long tails.
#[test]
fn traffic_is_uneven_as_traffic_is() {
    let truth = run(&ModelConfig::default(), 300_000);
    let mut per_host: HashMap<IpAddr, usize> = HashMap::new();
    let mut per_protocol = [0usize; 256];
    let (mut durations, mut volumes) = (Vec::new(), Vec::new());
    for session in &truth {
        per_protocol[usize::from(session.protocol.expect("of NetFlow"))] += 1;
        if session.event == EventKind::Create {
            *per_host.entry(session.src_addr.expect("it has a source")).or_default() += 1;
        } else {
            durations.push(session.end.zip(session.start).map_or(0, |(end, start)| end - start));
            volumes.push(session.received_bytes.expect("an end has counters"));
        }
    }
    durations.sort_unstable();
    volumes.sort_unstable();
    let quantile = |sorted: &[u64], share: f64| sorted[(sorted.len() as f64 * share) as usize];
    let durations: Vec<u64> = durations.into_iter().map(u64::from).collect();
    let mean = truth.len() / 2 / per_host.len();
    assert!(per_host.values().max() > Some(&(mean * 10)), "some hosts are hot");
    assert!(per_host.len() > 5_000, "{} hosts", per_host.len());
    let fractions = [6usize, 17, 1].map(|it| per_protocol[it] as f64 / truth.len() as f64);
    assert!(fractions[0] > 0.4 && fractions[1] > 0.3 && fractions[2] > 0.01, "{fractions:?}");
    assert!(quantile(&durations, 0.99) > 10 * quantile(&durations, 0.5).max(1));
    assert!(quantile(&volumes, 0.99) > 100 * quantile(&volumes, 0.5).max(1));
}

#[test]
fn a_callers_clock_moves_model_time_on_and_never_back() {
    let config = ModelConfig::default();
    let mut model = Model::new(config.clone()).expect("the defaults are within the limits");
    let mut buffer = vec![0; config.datagram_bytes_max];
    let mut truth = Vec::new();
    model.next_datagram(&mut buffer, Some(&mut truth));
    let later = (u64::from(config.start_time) + 100_000) * 1_000_000_000;
    model.advance_to(later);
    model.advance_to(0);
    let info = model.next_datagram(&mut buffer, Some(&mut truth));
    assert!(info.at_ns >= later);
    // All sessions of the first datagram are due by then.
    let sessions: Vec<Session> = truth.drain(..).filter_map(Truth::into_session).collect();
    let ends = sessions.iter().filter(|session| session.event == EventKind::End).count();
    assert!(ends >= 19, "{ends}");
    check(&sessions, 100);
}

#[test]
fn what_the_model_cannot_do_is_refused_by_name() {
    let refused =
        |config: ModelConfig| Model::new(config).err().expect("it is refused").to_string();
    let base = ModelConfig::default;
    assert_eq!(
        refused(ModelConfig { exporters: 385, ..base() }),
        "exporters is 385: it must be from 1 to 384"
    );
    assert_eq!(
        refused(ModelConfig { nat64_share: 1.5, ..base() }),
        "nat64_share is 1.5: a share is from 0 to 1"
    );
    assert_eq!(
        refused(ModelConfig { nat64_share: 0.6, dslite_share: 0.6, ..base() }),
        "nat64_share and dslite_share together are more than 1"
    );
    assert_eq!(
        Model::new(ModelConfig { headers: vec![], ..base() }).err(),
        Some(ConfigError::NoHeader)
    );
    let dslite_text = ModelConfig { dslite_share: 0.1, format: Format::UsgMtn, ..base() };
    let refusal = ConfigError::NotInFormat { name: "dslite_share", format: Format::UsgMtn };
    assert_eq!(Model::new(dslite_text).err(), Some(refusal));
    assert_eq!(
        refused(ModelConfig { nat64_share: 0.1, format: Format::CgnFt, ..base() }),
        "nat64_share is not for cgn-ft, which has no such records"
    );
    assert_eq!("huawei-usg-mtn".parse(), Ok(Format::UsgMtn));
    let unknown = "huawei-usg".parse::<Format>().expect_err("no format").to_string();
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
        assert!(unknown.contains(format.name()), "{unknown}");
    }
}
