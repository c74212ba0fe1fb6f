//! The formats of the table of targets (`benches/README.md`), by the names that reports use.

use crate::{
    pattern::{self, Matcher, Pattern},
    templates,
    workload::Workload,
};
use logweir_traffic::{CountField, Format, ModelConfig};

/// A format and how its traffic looks.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name: a criterion group, a row of a report.
    pub name: &'static str,
    traffic: Traffic,
}

#[derive(Clone, Copy, Debug)]
enum Traffic {
    /// Huawei USG NetFlow with so many records a flowset.
    Usg { is_ipv6: bool, shape: Shape },
    /// Records of a random template, by its seed.
    Template { seed: u64, is_ipfix: bool },
    /// Lines that a device prints, all of one kind that a pattern matches. `details` are the keys
    /// of newer devices, of *Default* content.
    Lines { format: Format, pattern: Pattern, holds: &'static str, details: bool },
    /// Lines of many devices, in all forms and spellings that the model knows.
    AllLines(Format),
}

/// How records lie in datagrams.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// One flowset of so many, the template only now and then.
    Full(usize),
    /// Each in a flowset of its own behind a template, as in the document's examples.
    OneAFlowset,
}

const fn usg(name: &'static str, is_ipv6: bool, shape: Shape) -> Case {
    Case { name, traffic: Traffic::Usg { is_ipv6, shape } }
}

const fn template(name: &'static str, seed: u64, is_ipfix: bool) -> Case {
    Case { name, traffic: Traffic::Template { seed, is_ipfix } }
}

const fn lines(name: &'static str, format: Format, pattern: Pattern, holds: &'static str) -> Case {
    Case { name, traffic: Traffic::Lines { format, pattern, holds, details: false } }
}

const fn detailed(name: &'static str, holds: &'static str) -> Case {
    let (format, pattern) = (Format::UsgSyslogDefault, pattern::USG_DEFAULT);
    Case { name, traffic: Traffic::Lines { format, pattern, holds, details: true } }
}

/// NetFlow and IPFIX.
pub const NETFLOW: &[Case] = &[
    usg("usg-1315", false, Shape::Full(24)),
    usg("usg-1315-single", false, Shape::OneAFlowset),
    usg("usg-1316", true, Shape::Full(11)),
    usg("usg-1316-single", true, Shape::OneAFlowset),
    template("template-v9-1", 1, false),
    template("template-v9-2", 2, false),
    template("template-v9-3", 3, false),
    template("template-ipfix-4", 4, true),
    template("template-ipfix-5", 5, true),
    template("template-ipfix-6", 6, true),
];

/// Text.
pub const TEXT: &[Case] = &[
    lines("default-teardown", Format::UsgSyslogDefault, pattern::USG_DEFAULT, "_TEARDOWN("),
    lines("default-built", Format::UsgSyslogDefault, pattern::USG_DEFAULT, "_BUILT("),
    detailed("default-teardown-detailed", "_TEARDOWN("),
    lines("mtn", Format::UsgMtn, pattern::USG_MTN, ""),
    lines("cn", Format::CgnCn, pattern::CGN_CN, ""),
    lines("firebrick", Format::Firebrick, pattern::FIREBRICK, ""),
    Case { name: "cn-mixed", traffic: Traffic::AllLines(Format::CgnCn) },
    Case { name: "firebrick-mixed", traffic: Traffic::AllLines(Format::Firebrick) },
];

impl Case {
    /// So many datagrams of it, the same in every run.
    ///
    /// # Panics
    /// If the model refuses a configuration of this module.
    pub fn workload(&self, datagrams: usize) -> Workload {
        let (config, pattern, holds) = match self.traffic {
            Traffic::Template { seed, is_ipfix } => {
                return templates::workload(seed, is_ipfix, datagrams);
            }
            Traffic::Usg { is_ipv6, shape } => (netflow(is_ipv6, shape), None, ""),
            Traffic::Lines { format, pattern, holds, details } => {
                (ModelConfig { details, ..text(format) }, Some(pattern), holds)
            }
            Traffic::AllLines(format) => (text(format), None, ""),
        };
        let matcher = pattern.map(Matcher::new);
        let wanted = |payload: &[u8]| {
            matcher.as_ref().is_none_or(|matcher| matcher.is_match(payload))
                && (holds.is_empty()
                    || payload.windows(holds.len()).any(|window| window == holds.as_bytes()))
        };
        Workload::of_model(config, datagrams, wanted).expect("the model takes this configuration")
    }

    /// The pattern that matches its lines.
    pub fn pattern(&self) -> Option<Pattern> {
        match self.traffic {
            Traffic::Lines { pattern, .. } => Some(pattern),
            _ => None,
        }
    }

    /// Whether its lines are `key=value` pairs behind a syslog header.
    pub fn is_key_value(&self) -> bool {
        matches!(self.traffic, Traffic::Lines { format: Format::UsgSyslogDefault, .. })
    }
}

/// What all models have in common.
fn base() -> ModelConfig {
    ModelConfig { exporters: 8, ..ModelConfig::default() }
}

fn netflow(is_ipv6: bool, shape: Shape) -> ModelConfig {
    let (nat64_share, dslite_share) = if is_ipv6 { (0.7, 0.3) } else { (0.0, 0.0) };
    let families = ModelConfig {
        nat64_share,
        dslite_share,
        // As RFC 3954 has it.
        count: CountField::Records,
        ..base()
    };
    match shape {
        Shape::OneAFlowset => families,
        Shape::Full(records) => ModelConfig {
            records_per_flowset: records,
            records_per_datagram_max: records,
            // With IPv4 and UDP an Ethernet frame's 1500.
            datagram_bytes_max: 1472,
            template_every: 1024,
            ..families
        },
    }
}

fn text(format: Format) -> ModelConfig {
    ModelConfig { format, ..base() }
}
