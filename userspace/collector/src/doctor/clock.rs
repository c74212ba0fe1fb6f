//! The clock: whether somebody keeps it, how far it is off, and whether a leap second is near.
//!
//! The kernel's own word (`adjtimex`) is asked for by way of those who keep the clock.

use super::{
    finding::{Check, Finding},
    read::{self, Said},
};
use std::path::Path;

/// What those who keep it say.
#[derive(Clone, Debug)]
pub struct Reading {
    /// `chronyc -c tracking`.
    pub chrony: Said,
    /// `ntpq -c "rv 0 leap,offset"`.
    pub ntp: Said,
    /// `timedatectl show`.
    pub systemd: Said,
    /// Whether systemd-timesyncd has set it since the start.
    pub set_by_timesyncd: bool,
}

impl Reading {
    /// Of this host.
    pub fn take() -> Self {
        Self {
            chrony: read::program("chronyc", &["-c", "tracking"]),
            ntp: read::program("ntpq", &["-c", "rv 0 leap,offset"]),
            systemd: read::program("timedatectl", &["show"]),
            set_by_timesyncd: Path::new("/run/systemd/timesync/synchronized").exists(),
        }
    }
}

/// What is known of the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kept {
    by: &'static str,
    synchronised: bool,
    /// Seconds, of which the sign is not told apart.
    offset: Option<f64>,
    /// Whether a second will be put in or left out.
    leap: Option<bool>,
}

const KEPT: Check = Check {
    name: "kept",
    why: "trace and ledger state when a record arrived by this clock, and devices without a clock of \
          their own have no other",
};
const OFFSET: Check = Check { name: "offset", why: KEPT.why };
const LEAP: Check = Check {
    name: "leap second",
    why: "in the hour with one, a second is there twice or takes longer",
};

/// What is found.
pub fn findings(reading: &Reading) -> Vec<Finding> {
    let Some(kept) = kept(reading) else {
        let keeper = "chrony, ntpd or systemd-timesyncd";
        let finding = KEPT.unknown(format!("none of {keeper} answers"), "somebody who keeps it");
        return vec![finding.changed_by("apt-get install -y chrony")];
    };
    let mut findings = vec![match kept.synchronised {
        true => KEPT.good(format!("by {}", kept.by), "synchronised"),
        false => KEPT.wrong(format!("{} is not synchronised", kept.by), "synchronised"),
    }];
    findings.push(offset(kept));
    findings.push(match kept.leap {
        None => LEAP.unknown(format!("{} does not tell", kept.by), "none"),
        Some(false) => LEAP.good("none announced", "none"),
        Some(true) => LEAP.advice("one is announced", "none"),
    });
    findings
}

fn offset(kept: Kept) -> Finding {
    const GOOD: f64 = 0.05;
    const WRONG: f64 = 1.0;
    const SHOULD: &str = "less than 50 ms";
    let Some(offset) = kept.offset.map(f64::abs) else {
        return OFFSET.unknown(format!("{} does not tell", kept.by), SHOULD);
    };
    let is = format!("{:.3} ms", offset * 1e3);
    if offset < GOOD {
        OFFSET.good(is, SHOULD)
    } else if offset < WRONG {
        OFFSET.advice(is, SHOULD)
    } else {
        OFFSET.wrong(is, SHOULD)
    }
}

fn kept(reading: &Reading) -> Option<Kept> {
    let chrony = reading.chrony.told().and_then(by_chrony);
    let ntp = || reading.ntp.told().and_then(by_ntp);
    let systemd = || reading.systemd.told().and_then(by_systemd);
    let timesyncd = || {
        let by = "systemd-timesyncd";
        reading.set_by_timesyncd.then_some(Kept {
            by,
            synchronised: true,
            offset: None,
            leap: None,
        })
    };
    chrony.or_else(ntp).or_else(systemd).or_else(timesyncd)
}

/// Fields of a line: the fifth is the offset in seconds, the last the leap status.
fn by_chrony(line: &str) -> Option<Kept> {
    let fields: Vec<_> = line.trim().split(',').collect();
    let offset = fields.get(4)?.parse().ok();
    let leap = *fields.last()?;
    Some(Kept {
        by: "chrony",
        synchronised: leap != "Not synchronised",
        offset,
        leap: Some(leap.ends_with(" second")),
    })
}

/// `leap=00, offset=-0.123`, in milliseconds; 11 for a clock that is not synchronised.
fn by_ntp(text: &str) -> Option<Kept> {
    let field = |name: &str| {
        let mut fields = text.split([',', '\n']).map(str::trim);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let leap = field("leap")?;
    Some(Kept {
        by: "ntpd",
        synchronised: leap != "11",
        offset: field("offset").and_then(|ms| ms.parse::<f64>().ok()).map(|ms| ms / 1e3),
        leap: Some(leap == "01" || leap == "10"),
    })
}

/// `NTPSynchronized=yes`, which is the kernel's own word.
fn by_systemd(text: &str) -> Option<Kept> {
    let synchronised = text.lines().find_map(|line| line.strip_prefix("NTPSynchronized="))?;
    let synchronised = synchronised == "yes";
    Some(Kept { by: "the kernel's clock", synchronised, offset: None, leap: None })
}
