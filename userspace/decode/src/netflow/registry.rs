//! The templates of all exporters: one registry that all workers share.
//!
//! An exporter's data may arrive at another worker than its templates. A worker that learns a
//! template publishes it; a worker that misses one looks in the registry, behind a lock, unless its
//! [`Cache`](super::cache::Cache) has it.

use super::{
    Version,
    options::{Account, DomainOptions},
    plan::Plan,
};
use crate::{context::UnixNanos, limits::Limits, reason::Reason};
use hashbrown::HashMap;
use std::{
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// Whose template it is: templates of different exporters and domains share nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The exporter's address. Its port takes no part: some exporters change it.
    pub exporter: IpAddr,
    /// The protocol's version: what a template of one says is nothing to data of the other.
    pub version: Version,
    /// Observation domain (v9: Source ID), as far as templates are concerned.
    pub domain: u32,
}

impl Hash for Scope {
    /// In one step for most, because it is done for nearly every datagram. The version is left out:
    /// few exporters speak both.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.exporter {
            IpAddr::V4(address) => {
                state.write_u64(u64::from(address.to_bits()) << 32 | u64::from(self.domain));
            }
            IpAddr::V6(address) => {
                state.write_u128(address.to_bits());
                state.write_u32(self.domain);
            }
        }
    }
}

/// A template with its plan.
#[derive(Debug)]
pub struct Template {
    /// The template record as it was sent.
    pub definition: Box<[u8]>,
    /// What it was compiled to.
    pub plan: Plan,
}

impl Template {
    fn bytes(&self) -> usize {
        size_of::<Template>() + self.definition.len() + self.plan.heap_bytes()
    }
}

#[derive(Debug)]
pub(super) struct Domain {
    pub(super) state: Arc<DomainState>,
    pub(super) templates: HashMap<u16, Arc<Template>>,
}

/// What a worker looks at without the lock.
#[derive(Debug)]
pub(super) struct DomainState {
    /// How often a template has changed; [`FORGOTTEN`] when the registry has no such domain any
    /// more.
    pub(super) changes: AtomicU64,
    /// When a template of the domain was last sent.
    last_sent: AtomicI64,
    /// What options data told.
    pub(super) options: DomainOptions,
}

pub(super) const FORGOTTEN: u64 = u64::MAX;

impl DomainState {
    fn new(options: DomainOptions) -> Self {
        Self { changes: AtomicU64::new(0), last_sent: AtomicI64::new(0), options }
    }

    /// Notes that a template was sent. Once a second is enough, and leaves the cache line shared.
    pub(super) fn note_sent(&self, now: UnixNanos) {
        const GRAIN_NS: i64 = 1_000_000_000;
        if now.saturating_sub(self.last_sent.load(Ordering::Relaxed)) >= GRAIN_NS {
            self.last_sent.store(now, Ordering::Relaxed);
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    limits: Limits,
    pub(super) domains: HashMap<Scope, Domain>,
    shares: HashMap<IpAddr, Share>,
    bytes: usize,
    /// When domains were last looked through for ones to forget.
    looked_at: UnixNanos,
}

impl Inner {
    /// Forgets the domains whose exporters have sent no template for too long; `false` when there
    /// are none. It looks through all of them, so it does so once a minute at most.
    fn forget_silent(&mut self, now: UnixNanos) -> bool {
        const PAUSE_NS: i64 = 60_000_000_000;
        if (0..PAUSE_NS).contains(&now.saturating_sub(self.looked_at)) {
            return false;
        }
        self.looked_at = now;
        let Self { limits, domains, shares, bytes, .. } = self;
        let before = domains.len();
        domains.retain(|scope, domain| {
            let silent_ns = now.saturating_sub(domain.state.last_sent.load(Ordering::Relaxed));
            if silent_ns <= limits.template_silence_ns {
                return true;
            }
            let freed: usize = domain.templates.values().map(|template| template.bytes()).sum();
            *bytes -= freed;
            if let Some(share) = shares.get_mut(&scope.exporter) {
                share.domains -= 1;
                share.bytes -= freed;
            }
            domain.state.changes.store(FORGOTTEN, Ordering::Release);
            false
        });
        shares.retain(|_, share| share.domains > 0);
        domains.len() < before
    }
}

/// What one exporter takes of the limits.
#[derive(Clone, Debug, Default)]
struct Share {
    domains: usize,
    bytes: usize,
    options: Account,
}

/// The templates of all exporters.
#[derive(Debug)]
pub struct Registry {
    changes: AtomicU64,
    /// Bytes of what options data told.
    options: Account,
    pub(super) inner: RwLock<Inner>,
}

impl Registry {
    /// An empty registry.
    pub fn new(limits: Limits) -> Self {
        Self {
            changes: AtomicU64::new(0),
            options: Account::default(),
            inner: RwLock::new(Inner { limits, ..Inner::default() }),
        }
    }

    /// The limits that hold.
    pub(super) fn limits(&self) -> Limits {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).limits
    }

    /// Changes the limits. What is there already stays, also where it is more.
    pub fn set_limits(&self, limits: Limits) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.limits = limits;
        inner.domains.values().for_each(|domain| domain.state.options.set_limits(limits));
    }

    /// How often anything has changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Number of templates, and about how many bytes they take.
    pub fn size(&self) -> (usize, usize) {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        (inner.domains.values().map(|domain| domain.templates.len()).sum(), inner.bytes)
    }

    /// Shows all templates, each with when one of its domain was last sent.
    pub(super) fn for_each(&self, mut see: impl FnMut(Scope, UnixNanos, &Template)) {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        for (scope, domain) in &inner.domains {
            let sent_at = domain.state.last_sent.load(Ordering::Relaxed);
            domain.templates.values().for_each(|template| see(*scope, sent_at, template));
        }
    }

    /// Stores a template, in place of one with the same ID, and tells how often the domain has
    /// changed. Where a limit is reached, exporters that have fallen silent make room; if that does
    /// not help, it is refused.
    pub(super) fn publish(
        &self,
        scope: Scope,
        id: u16,
        template: &Arc<Template>,
        now: UnixNanos,
    ) -> Result<u64, Reason> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let mut stored = self.store(&mut inner, scope, id, template);
        if stored.is_err() && inner.forget_silent(now) {
            stored = self.store(&mut inner, scope, id, template);
        }
        if let Some(domain) = inner.domains.get(&scope).filter(|_| stored.is_ok()) {
            domain.state.note_sent(now);
        }
        stored
    }

    fn store(
        &self,
        inner: &mut Inner,
        scope: Scope,
        id: u16,
        template: &Arc<Template>,
    ) -> Result<u64, Reason> {
        let Inner { limits, domains, shares, bytes, .. } = inner;
        let (share, domain) = (shares.get(&scope.exporter), domains.get(&scope));
        if share.is_none() && shares.len() >= limits.exporters {
            return Err(Reason::TemplateLimit);
        }
        let mut share = share.cloned().unwrap_or_default();
        let mut total = *bytes;
        match domain.and_then(|domain| domain.templates.get(&id)) {
            Some(replaced) => {
                total -= replaced.bytes();
                share.bytes -= replaced.bytes();
            }
            None if domain.map_or(0, |d| d.templates.len()) >= limits.templates_per_domain => {
                return Err(Reason::TemplateLimit);
            }
            None => {}
        }
        share.domains += usize::from(domain.is_none());
        share.bytes += template.bytes();
        total += template.bytes();
        if share.domains > limits.domains_per_exporter
            || share.bytes > limits.template_bytes_per_exporter
            || total > limits.template_bytes
        {
            return Err(Reason::TemplateLimit);
        }
        *bytes = total;
        let domain = domains.entry(scope).or_insert_with(|| {
            let (own, all) = (share.options.clone(), self.options.clone());
            let state = DomainState::new(DomainOptions::new(*limits, own, all));
            Domain { state: Arc::new(state), templates: HashMap::new() }
        });
        shares.insert(scope.exporter, share);
        domain.templates.insert(id, template.clone());
        let changes = domain.state.changes.fetch_add(1, Ordering::Release) + 1;
        self.changes.fetch_add(1, Ordering::Release);
        Ok(changes)
    }

    /// The templates for which `is_meant` holds.
    pub(super) fn find(
        &self,
        is_meant: impl Fn(Scope, &Template) -> bool,
    ) -> Vec<(Scope, u16, Arc<Template>)> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for (scope, domain) in &inner.domains {
            let meant = domain.templates.iter().filter(|(_, template)| is_meant(*scope, template));
            found.extend(meant.map(|(id, template)| (*scope, *id, template.clone())));
        }
        found
    }

    /// Exchanges a template for another reading of it, unless it is no longer in force.
    pub(super) fn exchange(&self, scope: Scope, id: u16, old: &Arc<Template>, new: Arc<Template>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let Inner { domains, shares, bytes, .. } = &mut *inner;
        let Some(domain) = domains.get_mut(&scope) else { return };
        let Some(known) = domain.templates.get_mut(&id).filter(|known| Arc::ptr_eq(known, old))
        else {
            return;
        };
        let (before, after) = (old.bytes(), new.bytes());
        *known = new;
        *bytes = *bytes + after - before;
        if let Some(share) = shares.get_mut(&scope.exporter) {
            share.bytes = share.bytes + after - before;
        }
        domain.state.changes.fetch_add(1, Ordering::Release);
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Puts templates out of force: those of a domain for which `is_meant` holds.
    pub(super) fn withdraw(&self, scope: Scope, is_meant: impl Fn(u16, &Template) -> bool) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let Inner { domains, shares, bytes, .. } = &mut *inner;
        let Some(domain) = domains.get_mut(&scope) else { return };
        let mut freed = 0;
        domain.templates.retain(|id, template| {
            let goes = is_meant(*id, template);
            freed += if goes { template.bytes() } else { 0 };
            !goes
        });
        if freed == 0 {
            return;
        }
        domain.state.changes.fetch_add(1, Ordering::Release);
        *bytes -= freed;
        if let Some(share) = shares.get_mut(&scope.exporter) {
            share.bytes -= freed;
        }
        self.changes.fetch_add(1, Ordering::Release);
    }
}
