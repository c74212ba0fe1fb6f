//! Segments of an hour that is over, as a collector would have left them: their parts are merged at
//! once, and nobody has to wait for the hour to end.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use logweir_decode::{
    batch::{Batch, Capacity},
    decoder::{Datagram, Decoder, FormatHint},
    limits::Limits,
    netflow::registry::Registry,
    settings::Settings,
};
use logweir_store::{
    incoming::Incoming,
    journal::{self, Journal, JournalConfig},
};
use logweir_traffic::{Format, Model, ModelConfig};

const AGO: Duration = Duration::from_secs(2 * 3600);
/// More than the fewest parts that are merged.
const SEGMENTS: u64 = 6;
const RECORDS: u64 = 20_000;
const STEP_NANOS: i64 = 10_000;

/// Puts segments into the journal of a data directory, which nobody writes to meanwhile. They are
/// made in an empty directory beside it.
pub fn plant(data: &Path, aside: &Path, seed: u64) -> Result<()> {
    let (incoming, _) = Incoming::open(aside)?;
    let (mut journal, _) = Journal::open(&incoming, JournalConfig::default())?;
    for segment in 0..SEGMENTS {
        append(&mut journal, seed.wrapping_add(segment))?;
        journal.rotate();
    }
    ensure!(journal.sync(Duration::from_secs(60)), "the disk does not answer");
    let directory = data.join(journal::DIRECTORY);
    fs::create_dir_all(&directory)?;
    for segment in journal.take_closed() {
        let name = segment.path.file_name().context("a segment has a name")?;
        fs::copy(&segment.path, directory.join(name))?;
    }
    drop(incoming);
    Ok(fs::remove_dir_all(aside)?)
}

/// Appends the records of one exporter, as they arrived then.
fn append(journal: &mut Journal, seed: u64) -> Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)? - AGO;
    let config = ModelConfig {
        seed,
        format: Format::NetflowV9,
        exporters: 1,
        start_time: u32::try_from(since.as_secs())?,
        ..ModelConfig::default()
    };
    let mut payload = vec![0; config.datagram_bytes_max];
    let mut model = Model::new(config)?;
    let registry = Arc::new(Registry::new(Limits::DEFAULT));
    let mut decoder = Decoder::new(registry, Arc::new(Settings::default()));
    let mut batch = Batch::new(Capacity::DEFAULT);
    let mut now = i64::try_from(since.as_nanos())?;
    let mut records = 0;
    while records < RECORDS {
        let info = model.next_datagram(&mut payload, None);
        let payload = payload.get(..info.len).context("a datagram is in its buffer")?;
        if !batch.has_room_for(payload.len()) {
            journal.append(&batch, now)?;
            batch.clear();
        }
        let datagram = Datagram {
            payload,
            exporter: IpAddr::from(Ipv4Addr::new(198, 51, 100, 1)),
            exporter_port: 1024 + (seed % 60_000) as u16,
            received_at: now,
            format: FormatHint::Auto,
        };
        decoder.decode(&datagram, &mut batch);
        records += info.records as u64;
        now += STEP_NANOS;
    }
    Ok(journal.append(&batch, now)?)
}
