//! How fast the model builds datagrams: `cargo run --release --example rate [RECORDS]`.
//!
//! One thread, no truth. The records that datagrams say they have are counted against the asked
//! number, so a rate is of work that was done.

use std::io::Write;
use std::time::Instant;

use logweir_traffic::frame::{Frame, UdpChecksum};
use logweir_traffic::{Format, Header, Model, ModelConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let records: usize = match std::env::args().nth(1) {
        Some(argument) => argument.parse()?,
        None => 10_000_000,
    };
    let base = ModelConfig::default();
    let cases = [
        ("netflow, one record a flowset", ModelConfig { ..base.clone() }),
        (
            "netflow, 8 exporters, 100000 events/s",
            ModelConfig { exporters: 8, events_per_second: 100_000, ..base.clone() },
        ),
        ("netflow, full flowsets", ModelConfig { records_per_flowset: 64, ..base.clone() }),
        ("netflow, a fifth NAT64", ModelConfig { nat64_share: 0.2, ..base.clone() }),
        (
            "netflow, one record a datagram",
            ModelConfig { records_per_datagram_max: 1, ..base.clone() },
        ),
        ("syslog", ModelConfig { format: Format::UsgSyslogDefault, ..base.clone() }),
        (
            "syslog, the document's keys only",
            ModelConfig { format: Format::UsgSyslogDefault, details: false, ..base.clone() },
        ),
        (
            "mtn, 5 exporters, all headers",
            ModelConfig {
                format: Format::UsgMtn,
                exporters: 5,
                headers: Header::ALL.to_vec(),
                ..base
            },
        ),
    ];
    let mut out = std::io::stdout().lock();
    for (name, config) in cases {
        let line = measure(name, config, records)?;
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn measure(
    name: &str,
    config: ModelConfig,
    records: usize,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut model = Model::new(config)?;
    let frame = Frame {
        src_mac: [2, 0, 0, 0, 0, 1],
        dst_mac: [2, 0, 0, 0, 0, 2],
        vlans: &[],
        source: "198.19.240.1:20000".parse()?,
        destination: "198.19.255.1:9996".parse()?,
    };
    let frame = frame.prepare(UdpChecksum::Computed).ok_or("one family")?;
    let mut buffer = [0u8; 2_048];
    let mut rates = [0.0f64; 2];
    let mut bytes = 0usize;
    let mut datagrams = 0usize;
    for (framed, rate) in rates.iter_mut().enumerate() {
        // The first run without, the second with Ethernet frames round the payloads.
        let payload_at = frame.headers_len();
        let mut done = 0;
        let begin = Instant::now();
        while done < records {
            let datagram = model.next_datagram(&mut buffer[payload_at..], None);
            if framed == 1 {
                frame.complete(datagram.len, &mut buffer).ok_or("the frame fits")?;
            }
            done += datagram.records;
            bytes += datagram.len;
            datagrams += 1;
        }
        *rate = done as f64 / begin.elapsed().as_secs_f64() / 1e6;
        if done < records || done >= records + 64 {
            return Err(format!("{name}: {done} records instead of {records}").into());
        }
    }
    let length = bytes / datagrams;
    let [plain, framed] = rates;
    Ok(format!("{name:40} {plain:6.2} M records/s, in frames {framed:6.2} M, {length} B/datagram"))
}
