//! `cargo xtask bench link`: what the decoders' figures mean for links of 10, 25 and 100 Gbit/s.

use anyhow::Result;

use crate::bench::{
    formats::{self, Format},
    result::{Figure, Results},
    table,
};

/// Datagrams, records and cores of full links
#[derive(clap::Args)]
pub struct Arguments {}

/// Gigabits a second.
const LINKS: [f64; 3] = [10.0, 25.0, 100.0];

/// Bytes round an IP packet on the wire: preamble 8, Ethernet header 14, FCS 4, gap 12.
const ETHERNET_BYTES: f64 = 38.0;
/// Headers of IPv4 and UDP.
const IP_UDP_BYTES: f64 = 28.0;
/// The shortest IP packet that an Ethernet frame holds without filling.
const PACKET_BYTES_MIN: f64 = 46.0;

pub fn run(_: &Arguments) -> Result<()> {
    let decoded = Results::load("decode")?;
    println!(
        "{}",
        decoded.as_ref().map_or_else(
            || "nothing is measured yet: `cargo xtask bench decode` fills in the cores".to_owned(),
            |results| format!("decoding as measured on {} ({})", results.head.cpu, results.head.at),
        )
    );
    let rate = |format: &Format| {
        let figures = decoded.iter().flat_map(|results| &results.figures);
        let what = format.what();
        figures.into_iter().find(|figure| figure.what == what).map(|figure| figure.value)
    };
    let rows: Vec<Row> = formats::ALL
        .iter()
        .flat_map(|format| LINKS.map(|gigabits| Row::new(format, gigabits, rate(format))))
        .collect();
    let mut results = Results::new("arithmetic of full links; decoding as measured");
    results.figures = rows.iter().map(Row::figure).collect();
    results.save("link")?;
    print!("{}", summary(&rows));
    Ok(())
}

/// A format on a link that carries nothing else.
struct Row<'a> {
    format: &'a Format,
    gigabits: f64,
    /// A second.
    datagrams: f64,
    /// A second.
    records: f64,
    /// What one core decodes of it, a second.
    decoded: Option<f64>,
}

impl<'a> Row<'a> {
    fn new(format: &'a Format, gigabits: f64, decoded: Option<f64>) -> Self {
        let datagrams = gigabits * 1e9 / 8.0 / wire_bytes(format.payload_bytes);
        Self { format, gigabits, datagrams, records: datagrams * format.records, decoded }
    }

    /// Cores that decode all of it: what else a worker does is not in it.
    fn cores(&self) -> Option<f64> {
        self.decoded.map(|decoded| self.records / decoded)
    }

    fn figure(&self) -> Figure {
        let name = format!("{} on {} GbE", self.format.title, self.gigabits);
        let measured = match (self.decoded, self.cores()) {
            (Some(decoded), Some(cores)) => {
                format!("a core decodes {}/s: {cores:.2} cores", table::short(decoded))
            }
            _ => "decoding was not measured".to_owned(),
        };
        Figure {
            row: None,
            what: name,
            value: self.records,
            unit: format!("{}/s", self.format.unit),
            against: Vec::new(),
            target: None,
            note: format!(
                "{} B on the wire a datagram, {} datagrams/s; {measured}",
                wire_bytes(self.format.payload_bytes),
                table::short(self.datagrams)
            ),
        }
    }
}

/// Bytes that a datagram takes of a link.
fn wire_bytes(payload_bytes: f64) -> f64 {
    (payload_bytes + IP_UDP_BYTES).max(PACKET_BYTES_MIN) + ETHERNET_BYTES
}

fn summary(rows: &[Row<'_>]) -> String {
    let head = [
        "format",
        "GbE",
        "B on the wire",
        "datagrams/s",
        "records/s",
        "a core decodes",
        "cores",
        "margin",
    ];
    let unknown = || "–".to_owned();
    let row = |row: &Row<'_>| {
        vec![
            row.format.title.to_owned(),
            format!("{}", row.gigabits),
            format!("{}", wire_bytes(row.format.payload_bytes)),
            table::short(row.datagrams),
            table::short(row.records),
            row.decoded.map_or_else(unknown, |decoded| format!("{}/s", table::short(decoded))),
            row.cores().map_or_else(unknown, |cores| format!("{cores:.2}")),
            // What is left of whole cores.
            row.cores().map_or_else(unknown, |cores| {
                format!("{:.0} %", 100.0 * (cores.ceil() / cores - 1.0))
            }),
        ]
    };
    table::text(&head, &rows.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_datagrams_of_24_records_come_at_the_known_rates() {
        let full = formats::ALL.iter().find(|format| format.group == "usg-1315").unwrap();
        let datagrams = LINKS.map(|gigabits| Row::new(full, gigabits, None).datagrams.round());
        assert_eq!(datagrams, [816_993.0, 2_042_484.0, 8_169_935.0]);
        let row = Row::new(full, 100.0, Some(98.0e6));
        assert_eq!((row.records / 1e5).round(), 1961.0);
        assert_eq!(row.cores().map(f64::ceil), Some(3.0));
    }

    #[test]
    fn short_packets_fill_a_frame() {
        assert_eq!(wire_bytes(1.0), 84.0);
        assert_eq!((1e10 / 8.0 / wire_bytes(1.0)).round(), 14_880_952.0);
    }
}
