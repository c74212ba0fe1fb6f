use super::*;
use crate::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint, Outcome},
    limits::Limits,
};
use logweir_traffic::{Model, ModelConfig};

const NOW: UnixNanos = 1_772_373_600_000_000_000;

/// Exporters that send their templates once, and of which so many datagrams are gone already.
fn exporters(gone: usize) -> Model {
    let config = ModelConfig { exporters: 3, template_every: 100_000, ..ModelConfig::default() };
    let mut model = Model::new(config).unwrap();
    for _ in 0..gone {
        model.next_datagram(&mut [0; 1500], None);
    }
    model
}

fn registry() -> Arc<Registry> {
    Arc::new(Registry::new(Limits::DEFAULT))
}

/// Decodes datagrams of the traffic model's exporters, and tells what became of each.
fn decode(registry: &Arc<Registry>, model: &mut Model, datagrams: usize) -> Vec<Outcome> {
    let settings = Arc::new(Settings::default());
    let mut decoder = Decoder::new(registry.clone(), settings);
    let mut batch = Batch::new(Capacity { session_rows: 65_536, ..Capacity::DEFAULT });
    let mut buffer = [0; 1500];
    let outcomes = (0..datagrams).map(|_| {
        let info = model.next_datagram(&mut buffer, None);
        let datagram = Datagram {
            payload: &buffer[..info.len],
            exporter: info.exporter,
            exporter_port: info.exporter_port,
            received_at: NOW,
            format: FormatHint::Auto,
        };
        decoder.decode(&datagram, &mut batch)
    });
    outcomes.collect()
}

#[test]
fn data_is_decoded_by_a_template_of_before_a_restart() {
    let before = registry();
    decode(&before, &mut exporters(0), 200);
    let kept = before.kept();
    assert!(!kept.is_empty());
    let json = serde_json::to_string(&kept).unwrap();
    let read: Vec<KeptTemplate> = serde_json::from_str(&json).unwrap();
    assert_eq!(read, kept);

    assert_eq!(decode(&registry(), &mut exporters(200), 20), [Outcome::Waiting; 20]);
    let after = registry();
    assert_eq!(after.restore(&read, &Settings::default(), NOW), kept.len());
    assert_eq!(after.kept(), kept);
    assert_eq!(decode(&after, &mut exporters(200), 20), [Outcome::Decoded; 20]);
}

#[test]
fn what_is_too_old_or_no_template_is_left_out() {
    let before = registry();
    decode(&before, &mut exporters(0), 200);
    let kept = before.kept();
    let settings = Settings::default();
    let late = NOW + Limits::DEFAULT.template_silence_ns + 1;
    assert_eq!(registry().restore(&kept, &settings, late), 0);
    let spoilt = |spoil: fn(&mut KeptTemplate)| {
        let mut kept = kept.clone();
        spoil(&mut kept[0]);
        registry().restore(&kept, &settings, NOW)
    };
    assert_eq!(spoilt(|kept| kept.version = 7), kept.len() - 1);
    assert_eq!(spoilt(|kept| kept.definition = [1, 0].into()), kept.len() - 1);
    let longer = |kept: &mut KeptTemplate| {
        kept.definition = [&*kept.definition, &[0]].concat().into();
    };
    assert_eq!(spoilt(longer), kept.len() - 1);
    assert!(serde_json::from_str::<Vec<KeptTemplate>>("[{}]").is_err());
}
