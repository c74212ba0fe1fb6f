//! The formats that decoding is measured with, as `benches/src/formats.rs` has them, and what is
//! asked of each.

/// A format.
pub struct Format {
    /// Its criterion group.
    pub group: &'static str,
    /// What it is, in words.
    pub title: &'static str,
    /// "records", "lines".
    pub unit: &'static str,
    /// Bytes of payload of a datagram, in the mean.
    pub payload_bytes: f64,
    /// Records of a datagram, in the mean.
    pub records: f64,
    /// The row of the table of targets (benches/README.md), and what it asks.
    pub target: Option<(u8, Asked)>,
}

/// What a target asks.
#[derive(Clone, Copy)]
pub enum Asked {
    /// So many records a second, so many times faster than each of these.
    Rate(f64, &'static [(&'static str, f64)]),
    /// So many bytes a second, as a share of those of another group.
    BytesOf(&'static str, f64),
}

use Asked::{BytesOf, Rate};

impl Format {
    /// What its figure is called.
    pub fn what(&self) -> String {
        format!("{} → columns", self.title)
    }
}

const fn records(
    group: &'static str,
    title: &'static str,
    (payload_bytes, records): (f64, f64),
    target: Option<(u8, Asked)>,
) -> Format {
    Format { group, title, unit: "records", payload_bytes, records, target }
}

const fn lines(
    group: &'static str,
    title: &'static str,
    payload_bytes: f64,
    target: Option<(u8, Asked)>,
) -> Format {
    Format { group, title, unit: "lines", payload_bytes, records: 1.0, target }
}

const TEMPLATE: Option<(u8, Asked)> = Some((3, BytesOf("usg-1315", 0.5)));
const LINES: Option<(u8, Asked)> = Some((5, Rate(20e6, &[])));

/// All of them, in the order of the table.
pub const ALL: &[Format] = &[
    records(
        "usg-1315",
        "USG NetFlow 1315, 24 a flowset",
        (1464.0, 24.0),
        Some((1, Rate(196e6, &[("netflow_parser", 80.0), ("memcpy", 0.5)]))),
    ),
    records("usg-1315-single", "USG NetFlow 1315, 1 a flowset", (1324.0, 19.0), None),
    records(
        "usg-1316",
        "USG NetFlow 1316, 11 a flowset",
        (1388.0, 11.0),
        Some((2, Rate(95e6, &[]))),
    ),
    records("usg-1316-single", "USG NetFlow 1316, 1 a flowset", (1276.0, 9.0), None),
    records("template-v9-1", "v9, random template 1", (1452.0, 17.0), TEMPLATE),
    records("template-v9-2", "v9, random template 2", (1468.0, 19.0), TEMPLATE),
    records("template-v9-3", "v9, random template 3", (1401.0, 17.0), TEMPLATE),
    records("template-ipfix-4", "IPFIX, random template 4", (1434.0, 14.0), TEMPLATE),
    records("template-ipfix-5", "IPFIX, random template 5", (1428.0, 16.0), TEMPLATE),
    records("template-ipfix-6", "IPFIX, random template 6", (1415.0, 15.0), TEMPLATE),
    lines(
        "default-teardown",
        "USG Default TEARDOWN",
        338.0,
        Some((4, Rate(20e6, &[("syslog_loose", 20.0)]))),
    ),
    lines("default-built", "USG Default BUILT", 267.0, LINES),
    lines("default-teardown-detailed", "USG Default TEARDOWN, all keys", 434.0, None),
    lines("mtn", "USG mtn", 179.0, LINES),
    lines("cn", "CGN, China Telecom's form", 110.0, LINES),
    lines("firebrick", "FireBrick", 106.0, LINES),
    lines("cn-mixed", "CGN, China Telecom's form, all spellings", 111.0, None),
    lines("firebrick-mixed", "FireBrick, all spellings", 101.0, None),
];
