//! The same configuration gives the same bytes, today and on every machine.

use logweir_traffic::{Charset, Format, Header, Model, ModelConfig};

/// FNV-1a, 64 bits, of `datagrams` datagrams and of who sent each.
fn hash(config: &ModelConfig, datagrams: usize, with_truth: bool) -> u64 {
    let mut model = Model::new(config.clone()).expect("the configuration is within the limits");
    let mut buffer = vec![0; config.datagram_bytes_max];
    let mut truth = Vec::new();
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for _ in 0..datagrams {
        let info = model.next_datagram(&mut buffer, with_truth.then_some(&mut truth));
        let sender = info.exporter.to_string();
        for byte in sender.bytes().chain(buffer[..info.len].iter().copied()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

fn rich(format: Format) -> ModelConfig {
    ModelConfig {
        format,
        seed: 42,
        exporters: 5,
        slots: 2,
        sessions_live_max: 2_000,
        nat64_share: if format.has_nat64() { 0.2 } else { 0.0 },
        vrfs: 4,
        headers: Header::ALL.to_vec(),
        lines_per_datagram: 2,
        quirk_share: 0.1,
        charset: Charset::Gbk,
        ..ModelConfig::default()
    }
}

#[test]
fn bytes_are_those_of_the_golden_run() {
    // A change of these is a change of every seed that anyone has written down: say so in the
    // commit that makes it.
    let golden = [
        (Format::UsgNetflow, GOLDEN_NETFLOW),
        (Format::UsgSyslogDefault, GOLDEN_SYSLOG),
        (Format::UsgMtn, GOLDEN_MTN),
    ];
    for (format, expected) in golden {
        let found = hash(&rich(format), 2_000, false);
        assert_eq!(found, expected, "{format}: {found:#018x}");
    }
}

const GOLDEN_NETFLOW: u64 = 0x2080_7650_476f_21af;
const GOLDEN_SYSLOG: u64 = 0x13f6_0329_40e0_448a;
const GOLDEN_MTN: u64 = 0xf400_a201_f39c_7357;

#[test]
fn truth_does_not_change_the_bytes_and_the_seed_does() {
    for format in Format::ALL {
        let config = rich(format);
        assert_eq!(hash(&config, 300, true), hash(&config, 300, false));
        let other = ModelConfig { seed: 43, ..config.clone() };
        assert_ne!(hash(&config, 300, false), hash(&other, 300, false));
    }
}
