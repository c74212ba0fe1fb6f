//! What the ledger says, in JSON and in words.

use super::{Account, Domain, GivenUp};
use crate::{balance::Named, output::rfc3339};
use logweir_decode::sequence::Found;
use logweir_store::ledger::follow::counts_records;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// Lines that are printed, at most; the JSON balance has all.
const LINES_MAX: usize = 100;

/// What is known of an exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExporterReport {
    /// Its address; `unnamed` for files that name none, `others` for those beyond the limit.
    pub exporter: String,
    /// Datagrams that it sent and the decoders took.
    pub datagrams: u64,
    /// Datagrams beside these that were dropped because no empty batch was left.
    pub dropped_no_batch: u64,
    /// All of it decoded.
    pub decoded: u64,
    /// Something of it rejected, by reason.
    pub rejected: Named,
    /// Waiting for a template.
    pub waiting: u64,
    /// Records of all families but `unparsed`.
    pub records: u64,
    /// Records of the family `unparsed`.
    pub unparsed: u64,
    /// When its first datagram arrived.
    pub first_arrival: String,
    /// When its last one did.
    pub last_arrival: String,
    /// What its numbers tell, by version and observation domain.
    pub domains: Vec<DomainReport>,
    /// What the numbers of domains told that are not followed any longer, because there are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUpReport>,
    /// Datagrams with a number that is not followed: of an exporter beyond the limit, or with nothing
    /// in them, of a domain that sent nothing else.
    pub untracked: u64,
}

/// What the numbers of domains told that are not followed any longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUpReport {
    /// How many domains.
    pub domains: u64,
    /// Datagrams that did not come: version 9 and binary logs.
    pub missing_datagrams: u64,
    /// Records that did not come: versions 5 and 10.
    pub missing_records: u64,
    /// How often they began to count anew.
    pub restarts: u64,
}

/// What the numbers of an observation domain tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainReport {
    /// NetFlow 5 or 9, or 10 for IPFIX; of binary logs 256 times the type, and the version.
    pub version: u16,
    /// Source ID, Observation Domain ID, engine type and ID, or chassis, slot and CPU.
    pub domain: u32,
    /// Datagrams that did not come: version 9 and binary logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_datagrams: Option<u64>,
    /// Records that did not come: versions 5 and 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_records: Option<u64>,
    /// How often it began to count anew.
    pub restarts: u64,
}

impl Account {
    /// What is known; `None` for the exporters beyond the limit.
    pub(super) fn report(&self, address: Option<IpAddr>) -> ExporterReport {
        let exporter = match address {
            Some(address) if address.is_unspecified() => "unnamed".into(),
            Some(address) => address.to_string(),
            None => "others".into(),
        };
        let rejected = self.rejected.iter().filter(|(_, count)| **count > 0);
        let mut domains: Vec<_> = self.domains.iter().collect();
        domains.sort_by_key(|(domain, _)| **domain);
        let (first, last) = self.arrivals.unwrap_or_default();
        ExporterReport {
            exporter,
            datagrams: self.datagrams,
            dropped_no_batch: self.dropped,
            decoded: self.decoded,
            rejected: rejected.map(|(reason, count)| (reason.name().into(), *count)).collect(),
            waiting: self.waiting,
            records: self.records,
            unparsed: self.unparsed,
            first_arrival: rfc3339(first, 3),
            last_arrival: rfc3339(last, 3),
            domains: domains
                .into_iter()
                .map(|(domain, found)| DomainReport::new(*domain, *found))
                .collect(),
            given_up: GivenUpReport::new(&self.given_up),
            untracked: self.untracked,
        }
    }
}

impl GivenUpReport {
    fn new(GivenUp { domains, datagrams, records }: &GivenUp) -> Option<Self> {
        let report = Self {
            domains: *domains,
            missing_datagrams: datagrams.missing,
            missing_records: records.missing,
            restarts: datagrams.restarts.saturating_add(records.restarts),
        };
        (*domains > 0).then_some(report)
    }
}

impl DomainReport {
    fn new(of: Domain, Found { missing, restarts }: Found) -> Self {
        let Domain { version, domain } = of;
        let counts_records = counts_records(version);
        Self {
            version,
            domain,
            missing_datagrams: (!counts_records).then_some(missing),
            missing_records: counts_records.then_some(missing),
            restarts,
        }
    }

    fn is_missing_something(&self) -> bool {
        self.missing_datagrams.or(self.missing_records) > Some(0)
    }
}

impl ExporterReport {
    /// Datagrams that did not come, of all domains.
    pub fn missing_datagrams(&self) -> u64 {
        let given_up = self.given_up.as_ref().map_or(0, |given_up| given_up.missing_datagrams);
        let followed = self.domains.iter().filter_map(|domain| domain.missing_datagrams);
        followed.sum::<u64>().saturating_add(given_up)
    }

    /// Records that did not come, of all domains.
    pub fn missing_records(&self) -> u64 {
        let given_up = self.given_up.as_ref().map_or(0, |given_up| given_up.missing_records);
        let followed = self.domains.iter().filter_map(|domain| domain.missing_records);
        followed.sum::<u64>().saturating_add(given_up)
    }

    /// Whether anything was dropped or rejected or is missing, or may be, because it was not followed.
    pub fn has_losses(&self) -> bool {
        self.dropped_no_batch > 0
            || !self.rejected.is_empty()
            || self.domains.iter().any(DomainReport::is_missing_something)
            || self.given_up.is_some()
            || self.untracked > 0
    }
}

impl fmt::Display for ExporterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exporter, datagrams, decoded, rejected, .. } = self;
        write!(f, "{exporter}: {datagrams} datagrams, {decoded} decoded")?;
        if self.dropped_no_batch > 0 {
            write!(f, ", {} more dropped for want of batches", self.dropped_no_batch)?;
        }
        if !rejected.is_empty() {
            write!(f, ", {} rejected", rejected.values().sum::<u64>())?;
            let reasons = rejected.iter().map(|(reason, count)| format!("{reason} {count}"));
            write!(f, " ({})", reasons.collect::<Vec<_>>().join(", "))?;
        }
        for domain in self.domains.iter().filter(|domain| domain.is_missing_something()) {
            write!(f, "; {domain}")?;
        }
        if let Some(given_up) = &self.given_up {
            write!(f, "; {given_up}")?;
        }
        if self.untracked > 0 {
            write!(f, "; the numbers of {} datagrams were not followed", self.untracked)?;
        }
        Ok(())
    }
}

impl fmt::Display for GivenUpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domains, missing_datagrams, missing_records, .. } = self;
        write!(
            f,
            "{missing_datagrams} datagrams and {missing_records} records missing in {domains} domains \
             that were given up, being too many"
        )
    }
}

impl fmt::Display for DomainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(missing) = self.missing_datagrams {
            write!(f, "{missing} datagrams missing")?;
        } else if let Some(missing) = self.missing_records {
            write!(f, "{missing} records missing")?;
        }
        write!(f, " in domain {:#x} of ", self.domain)?;
        match self.version {
            5 | 9 => write!(f, "NetFlow v{}", self.version)?,
            10 => write!(f, "IPFIX")?,
            binary => write!(f, "binary version {}, type {}", binary & 0xff, binary >> 8)?,
        }
        match self.restarts {
            0 => Ok(()),
            1 => write!(f, ", restarted once"),
            times => write!(f, ", restarted {times} times"),
        }
    }
}

/// A line for each exporter of which something was rejected or is missing, or may be.
pub fn lines(exporters: &[ExporterReport]) -> Vec<String> {
    let mut with_losses = exporters.iter().filter(|exporter| exporter.has_losses());
    let mut lines: Vec<_> =
        with_losses.by_ref().take(LINES_MAX).map(ExporterReport::to_string).collect();
    let more = with_losses.count();
    if more > 0 {
        lines.push(format!("and {more} exporters more"));
    }
    lines
}
