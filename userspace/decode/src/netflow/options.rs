//! Options data: what an exporter says about itself, applied to its later records.
//!
//! | told | by | applied to | as |
//! | --- | --- | --- | --- |
//! | sampling: 34, 35, 49, 50, 84, 304–306, 309, 310 | sampler (48, 302), interface (v9 scope 2, 10) or neither | records of that sampler or ingress interface; all others | the same elements |
//! | interface name (82, else 83) | interface (v9 scope 2, 10, 14) | records with 10, 14 | `ingressInterfaceName`, `egressInterfaceName` |
//! | VRF name (236) | VRF (234, 235) | records with 234, 235 | `ingressVRFName`, `egressVRFName` |
//! | start (160) | – | uptimes (21, 22) of IPFIX | begin and end |
//!
//! It is kept for an exporter's observation domain and shared by all workers, within limits.

use super::{
    plan::Slot,
    records::{Records, number, trimmed},
    template::{Field, VARIABLE_LENGTH},
};
use crate::{
    extra::{Encoded, Value},
    limits::Limits,
    reason::Reason,
    text::{Text, TextArena},
};
use hashbrown::HashMap;
use std::sync::{
    Arc, PoisonError, RwLock, RwLockReadGuard,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Longer names are cut, in bytes.
const NAME_MAX: usize = 128;

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    /// The whole domain's sampling.
    Sampling,
    /// The sampling of one sampler.
    Sampler(u64),
    /// The sampling at one interface.
    InterfaceSampling(u64),
    /// An interface's name.
    Interface(u64),
    /// A VRF's name.
    Vrf(u64),
    /// When the exporter started, milliseconds since 1970 UTC in 8 bytes.
    Started,
}

/// The fields of an options template that tell something.
#[derive(Debug, Default, PartialEq)]
pub struct OptionsPlan {
    interface: Option<Slot>,
    sampler: Option<Slot>,
    vrf: Option<Slot>,
    interface_name: Option<Slot>,
    interface_description: Option<Slot>,
    vrf_name: Option<Slot>,
    started: Option<Slot>,
    sampling: Box<[(u16, Slot)]>,
}

impl OptionsPlan {
    /// Picks the fields.
    pub fn compile(fields: impl Iterator<Item = (Field, Slot)>) -> Self {
        const SCOPE_INTERFACE: u16 = 2;
        let mut plan = Self::default();
        let mut sampling = Vec::new();
        for (field, slot) in fields.filter(|(field, _)| field.enterprise == 0) {
            let number = slot.len <= 8;
            let place = match field.element {
                SCOPE_INTERFACE if field.scope && number => &mut plan.interface,
                10 | 14 if number => &mut plan.interface,
                48 | 302 if number => &mut plan.sampler,
                234 | 235 if number => &mut plan.vrf,
                82 => &mut plan.interface_name,
                83 => &mut plan.interface_description,
                236 => &mut plan.vrf_name,
                160 if slot.len == 8 => &mut plan.started,
                34 | 35 | 49 | 50 | 84 | 304..=306 | 309 | 310 if slot.len != VARIABLE_LENGTH => {
                    sampling.push((field.element, slot));
                    continue;
                }
                _ => continue,
            };
            place.get_or_insert(slot);
        }
        Self { sampling: sampling.into_boxed_slice(), ..plan }
    }

    /// Heap bytes that it takes.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(&*self.sampling)
    }

    /// Takes over what a record tells.
    pub fn learn(&self, record: &Records<'_, '_>, store: &DomainOptions) -> Result<(), Reason> {
        let value = |slot: Option<Slot>| slot.map(|slot| number(record.first(slot)));
        let name = |slot: Option<Slot>| {
            let text = trimmed(record.first(slot?));
            text.get(..text.len().min(NAME_MAX)).filter(|text| !text.is_empty())
        };
        let interface = value(self.interface);
        let named = name(self.interface_name).or_else(|| name(self.interface_description));
        if let (Some(interface), Some(name)) = (interface, named) {
            store.put(Subject::Interface(interface), &[name])?;
        }
        if let (Some(vrf), Some(name)) = (value(self.vrf), name(self.vrf_name)) {
            store.put(Subject::Vrf(vrf), &[name])?;
        }
        if let Some(started) = self.started {
            store.put(Subject::Started, &[record.first(started)])?;
        }
        if self.sampling.is_empty() {
            return Ok(());
        }
        let subject = match (value(self.sampler), interface) {
            (Some(sampler), _) => Subject::Sampler(sampler),
            (None, Some(interface)) => Subject::InterfaceSampling(interface),
            (None, None) => Subject::Sampling,
        };
        self.learn_sampling(subject, record, store)
    }

    fn learn_sampling(
        &self,
        subject: Subject,
        record: &Records<'_, '_>,
        store: &DomainOptions,
    ) -> Result<(), Reason> {
        let mut pairs = [const { Encoded::EMPTY }; SAMPLING_FIELDS_MAX];
        for (pair, (element, slot)) in pairs.iter_mut().zip(&self.sampling) {
            let bytes = record.first(*slot);
            let value = match bytes.len() {
                1..=8 => Value::Number(number(bytes)),
                _ => Value::Text(trimmed(bytes)),
            };
            *pair = Encoded::of_element(0, *element, value);
        }
        let mut parts = [&[][..]; 2 * SAMPLING_FIELDS_MAX];
        for (place, part) in parts.iter_mut().zip(pairs.iter().flat_map(Encoded::parts)) {
            *place = part;
        }
        store.put(subject, &parts)
    }
}

/// As many elements of sampling as one record may tell.
const SAMPLING_FIELDS_MAX: usize = 10;

/// A field of data records about which options data may have told more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    what: LookupKind,
    slot: Slot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LookupKind {
    Sampler,
    Ingress,
    Egress,
    IngressVrf,
    EgressVrf,
}

impl Lookup {
    /// What to look up for a field.
    pub fn of(field: Field, slot: Slot) -> Option<Lookup> {
        if field.enterprise != 0 || field.len > 8 {
            return None;
        }
        let what = match field.element {
            48 | 302 => LookupKind::Sampler,
            10 => LookupKind::Ingress,
            14 => LookupKind::Egress,
            234 => LookupKind::IngressVrf,
            235 => LookupKind::EgressVrf,
            _ => return None,
        };
        Some(Lookup { what, slot })
    }
}

/// Bytes that options take, of one exporter or of all.
pub type Account = Arc<AtomicUsize>;

/// What options data told about one observation domain.
#[derive(Debug)]
pub struct DomainOptions {
    /// So that domains without options cost no lock.
    any: AtomicBool,
    facts: RwLock<Facts>,
    own: Account,
    all: Account,
}

/// What is known of an observation domain.
#[derive(Debug, Default)]
pub struct Facts {
    facts: HashMap<Subject, Box<[u8]>>,
    bytes: usize,
    limits: Limits,
}

impl DomainOptions {
    /// Nothing is known yet; the accounts are those of the exporter and of all.
    pub fn new(limits: Limits, own: Account, all: Account) -> Self {
        let facts = RwLock::new(Facts { limits, ..Facts::default() });
        Self { any: AtomicBool::new(false), facts, own, all }
    }

    /// Changes the limits.
    pub fn set_limits(&self, limits: Limits) {
        self.facts.write().unwrap_or_else(PoisonError::into_inner).limits = limits;
    }

    /// What is known, where anything is.
    pub fn known(&self) -> Option<RwLockReadGuard<'_, Facts>> {
        let any = self.any.load(Ordering::Acquire);
        any.then(|| self.facts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores a fact; nothing changes where it is known already.
    fn put(&self, subject: Subject, parts: &[&[u8]]) -> Result<(), Reason> {
        let value = || parts.iter().copied().flatten();
        let is_known = |known: RwLockReadGuard<'_, Facts>| {
            known.facts.get(&subject).is_some_and(|known| known.iter().eq(value()))
        };
        if self.known().is_some_and(is_known) {
            return Ok(());
        }
        let mut known = self.facts.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = known.facts.get(&subject).map_or(0, |value| fact_bytes(value));
        let value: Box<[u8]> = value().copied().collect();
        let bytes = fact_bytes(&value);
        let full = replaced == 0 && known.facts.len() >= known.limits.options_per_domain;
        if full || !self.reserve(bytes, &known.limits) {
            return Err(Reason::OptionsLimit);
        }
        self.release(replaced);
        known.bytes = known.bytes + bytes - replaced;
        known.facts.insert(subject, value);
        self.any.store(true, Ordering::Release);
        Ok(())
    }

    fn reserve(&self, bytes: usize, limits: &Limits) -> bool {
        let own = self.own.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = self.all.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let fits = own <= limits.options_bytes_per_exporter && all <= limits.options_bytes;
        if !fits {
            self.release(bytes);
        }
        fits
    }

    fn release(&self, bytes: usize) {
        self.own.fetch_sub(bytes, Ordering::Relaxed);
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for DomainOptions {
    fn drop(&mut self) {
        let facts = self.facts.get_mut().unwrap_or_else(PoisonError::into_inner);
        let bytes = facts.bytes;
        self.release(bytes);
    }
}

/// Bytes that a fact takes, with its place in a map that is half full.
fn fact_bytes(value: &[u8]) -> usize {
    value.len() + 2 * size_of::<(Subject, Box<[u8]>)>()
}

impl Facts {
    /// When the exporter started, milliseconds since 1970 UTC.
    pub fn started_ms(&self) -> Option<u64> {
        self.facts.get(&Subject::Started).map(|bytes| number(bytes))
    }

    /// Appends what is known about the record in the first place of `records` to its extra pairs,
    /// within `budget` bytes; `false` when some did not fit.
    pub fn append(
        &self,
        lookups: &[Lookup],
        record: &Records<'_, '_>,
        text: &mut Text,
        arena: &mut TextArena,
        mut budget: usize,
    ) -> bool {
        let mut complete = true;
        let mut add = |parts: &[&[u8]]| {
            let len: usize = parts.iter().map(|part| part.len()).sum();
            let longer = if len <= budget { arena.append(*text, parts) } else { None };
            match longer {
                Some(longer) => {
                    *text = longer;
                    budget -= len;
                }
                None => complete = false,
            }
        };
        let mut sampling = self.facts.get(&Subject::Sampling);
        for lookup in lookups {
            let value = number(record.first(lookup.slot));
            let (subject, key) = match lookup.what {
                LookupKind::Sampler => {
                    sampling = self.facts.get(&Subject::Sampler(value)).or(sampling);
                    continue;
                }
                LookupKind::Ingress => {
                    let here = self.facts.get(&Subject::InterfaceSampling(value));
                    sampling = here.or(sampling);
                    (Subject::Interface(value), "ingressInterfaceName")
                }
                LookupKind::Egress => (Subject::Interface(value), "egressInterfaceName"),
                LookupKind::IngressVrf => (Subject::Vrf(value), "ingressVRFName"),
                LookupKind::EgressVrf => (Subject::Vrf(value), "egressVRFName"),
            };
            if let Some(name) = self.facts.get(&subject) {
                add(&Encoded::new(key.as_bytes(), Value::Text(name)).parts());
            }
        }
        if let Some(sampling) = sampling {
            add(&[sampling]);
        }
        complete
    }
}
