//! Templates that outlive a process: with what an exporter announced before a restart its data is
//! decoded after it, and need not wait until the exporter repeats itself, which may take half an
//! hour (RFC 3954 §9, RFC 7011 §8.4).
//!
//! What options data told about a domain is not kept: it is told again.

use super::{
    Version,
    plan::{Plan, Reading},
    profile::Profile,
    registry::{Registry, Scope, Template},
    template::{Announcement, TemplateRecord},
};
use crate::{context::UnixNanos, reason::Reason, settings::Settings};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, sync::Arc};

/// A template, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptTemplate {
    /// The exporter's address.
    pub exporter: IpAddr,
    /// NetFlow 9, or 10 for IPFIX.
    pub version: u16,
    /// Source ID or Observation Domain ID, as far as templates are concerned.
    pub domain: u32,
    /// When a template of the domain was last sent.
    pub sent_at: UnixNanos,
    /// Whether its records describe the exporter.
    options: bool,
    /// The record as it was sent, in hexadecimal digits.
    #[serde(with = "hex")]
    definition: Box<[u8]>,
    /// Whose meanings its elements have.
    profile: Profile,
    /// Whose they would have without a configuration.
    recognised: Profile,
}

impl KeptTemplate {
    /// Brings the template into force again.
    fn restore(&self, to: &Registry, settings: &Settings, now: UnixNanos) -> Result<(), Reason> {
        let version = match self.version {
            9 => Version::V9,
            10 => Version::Ipfix,
            _ => return Err(Reason::UnsupportedVersion),
        };
        let (record, rest) = TemplateRecord::read(version, self.options, &self.definition)?;
        let Announcement::Template(record) = record else { return Err(Reason::TemplateId) };
        if !rest.is_empty() {
            return Err(Reason::TemplateFieldCount);
        }
        let reading = Reading {
            profile: self.profile,
            recognised: self.recognised,
            nat_events: settings.exporter(self.exporter).nat_events,
        };
        let plan = Plan::compile(&record, reading, to.limits().fields_per_template)?;
        let template = Arc::new(Template { definition: record.definition.into(), plan });
        let scope = Scope { exporter: self.exporter, version, domain: self.domain };
        to.publish(scope, record.id, &template, self.sent_at.min(now)).map(drop)
    }
}

impl Registry {
    /// All templates that are in force, in an order that depends on nothing else.
    pub fn kept(&self) -> Vec<KeptTemplate> {
        let mut kept = Vec::new();
        self.for_each(|scope, sent_at, template| {
            let Reading { profile, recognised, .. } = template.plan.reading;
            kept.push(KeptTemplate {
                exporter: scope.exporter,
                version: scope.version.number(),
                domain: scope.domain,
                sent_at,
                options: template.plan.is_options(),
                definition: template.definition.clone(),
                profile,
                recognised,
            });
        });
        kept.sort_unstable();
        kept
    }

    /// Brings templates into force that were kept, and tells how many. Those of domains that have
    /// been silent for too long, and what is no template, are left out.
    pub fn restore(&self, kept: &[KeptTemplate], settings: &Settings, now: UnixNanos) -> usize {
        let silence_ns = self.limits().template_silence_ns;
        let young = kept.iter().filter(|kept| now.saturating_sub(kept.sent_at) <= silence_ns);
        young.filter(|kept| kept.restore(self, settings, now).is_ok()).count()
    }
}

/// Bytes as hexadecimal digits.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::fmt::Write;

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        to.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<[u8]>, D::Error> {
        let text = String::deserialize(from)?;
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let byte = |pair: &[u8; 2]| {
            let digits = str::from_utf8(pair).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        let bytes = pairs.iter().map(byte).collect::<Option<_>>().filter(|_| rest.is_empty());
        bytes.ok_or_else(|| D::Error::custom("these are no hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests;
