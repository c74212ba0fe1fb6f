//! The templates of all exporters: one registry that all workers share, and a cache of it in each.
//!
//! An exporter's data may arrive at another worker than its templates. A worker that learns a
//! template publishes it; a worker that misses one looks in the registry, behind a lock. What a
//! worker has looked up once it finds in its own cache again, without a lock, until the number of
//! changes of that observation domain tells it that something is new.

use super::{
    Version,
    options::{Account, DomainOptions},
    plan::{Plan, Reading},
    template::TemplateRecord,
};
use crate::{context::UnixNanos, limits::Limits, reason::Reason};
use hashbrown::HashMap;
use std::{
    net::IpAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// Whose template it is: templates of different exporters and domains share nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The exporter's address. Its port takes no part: some exporters change it.
    pub exporter: IpAddr,
    /// The protocol's version: what a template of one says is nothing to data of the other.
    pub version: Version,
    /// Observation domain (v9: Source ID), as far as templates are concerned.
    pub domain: u32,
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
struct Domain {
    state: Arc<DomainState>,
    templates: HashMap<u16, Arc<Template>>,
}

/// What a worker looks at without the lock.
#[derive(Debug)]
struct DomainState {
    /// How often a template has changed; [`FORGOTTEN`] when the registry has no such domain any
    /// more.
    changes: AtomicU64,
    /// When a template of the domain was last sent.
    last_sent: AtomicI64,
    /// What options data told.
    options: DomainOptions,
}

const FORGOTTEN: u64 = u64::MAX;

impl DomainState {
    fn new(options: DomainOptions) -> Self {
        Self { changes: AtomicU64::new(0), last_sent: AtomicI64::new(0), options }
    }

    /// Notes that a template was sent. Once a second is enough, and leaves the cache line shared.
    fn note_sent(&self, now: UnixNanos) {
        const GRAIN_NS: i64 = 1_000_000_000;
        if now.saturating_sub(self.last_sent.load(Ordering::Relaxed)) >= GRAIN_NS {
            self.last_sent.store(now, Ordering::Relaxed);
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    domains: HashMap<Scope, Domain>,
    shares: HashMap<IpAddr, Share>,
    bytes: usize,
    /// When domains were last looked through for ones to forget.
    looked_at: UnixNanos,
}

impl Inner {
    /// Forgets the domains whose exporters have sent no template for as long as `age_ns`; `false`
    /// when there are none. It looks through all of them, so it does so once a minute at most.
    fn forget_silent(&mut self, now: UnixNanos, age_ns: i64) -> bool {
        const PAUSE_NS: i64 = 60_000_000_000;
        if (0..PAUSE_NS).contains(&now.saturating_sub(self.looked_at)) {
            return false;
        }
        self.looked_at = now;
        let Self { domains, shares, bytes, .. } = self;
        let before = domains.len();
        domains.retain(|scope, domain| {
            let silent_ns = now.saturating_sub(domain.state.last_sent.load(Ordering::Relaxed));
            if silent_ns <= age_ns {
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
    limits: Limits,
    changes: AtomicU64,
    /// Bytes of what options data told.
    options: Account,
    inner: RwLock<Inner>,
}

impl Registry {
    /// An empty registry.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            changes: AtomicU64::new(0),
            options: Account::default(),
            inner: RwLock::default(),
        }
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

    /// Stores a template, in place of one with the same ID. Where a limit is reached, exporters
    /// that have fallen silent make room; if that does not help, it is refused.
    fn publish(
        &self,
        scope: Scope,
        id: u16,
        template: Template,
        now: UnixNanos,
    ) -> Result<(), Reason> {
        let template = Arc::new(template);
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let mut stored = self.store(&mut inner, scope, id, &template);
        if stored.is_err() && inner.forget_silent(now, self.limits.template_silence_ns) {
            stored = self.store(&mut inner, scope, id, &template);
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
    ) -> Result<(), Reason> {
        let Inner { domains, shares, bytes, .. } = inner;
        let (share, domain) = (shares.get(&scope.exporter), domains.get(&scope));
        if share.is_none() && shares.len() >= self.limits.exporters {
            return Err(Reason::TemplateLimit);
        }
        let mut share = share.cloned().unwrap_or_default();
        let mut total = *bytes;
        match domain.and_then(|domain| domain.templates.get(&id)) {
            Some(replaced) => {
                total -= replaced.bytes();
                share.bytes -= replaced.bytes();
            }
            None if domain.map_or(0, |d| d.templates.len()) >= self.limits.templates_per_domain => {
                return Err(Reason::TemplateLimit);
            }
            None => {}
        }
        share.domains += usize::from(domain.is_none());
        share.bytes += template.bytes();
        total += template.bytes();
        if share.domains > self.limits.domains_per_exporter
            || share.bytes > self.limits.template_bytes_per_exporter
            || total > self.limits.template_bytes
        {
            return Err(Reason::TemplateLimit);
        }
        *bytes = total;
        let domain = domains.entry(scope).or_insert_with(|| {
            let (own, all) = (share.options.clone(), self.options.clone());
            let state = DomainState::new(DomainOptions::new(self.limits, own, all));
            Domain { state: Arc::new(state), templates: HashMap::new() }
        });
        shares.insert(scope.exporter, share);
        domain.templates.insert(id, template.clone());
        domain.state.changes.fetch_add(1, Ordering::Release);
        self.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Puts templates out of force: those of a domain for which `is_meant` holds.
    fn withdraw(&self, scope: Scope, is_meant: impl Fn(u16, &Template) -> bool) {
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

/// A worker's copy of what it needs from the registry.
#[derive(Debug)]
pub struct Cache {
    registry: Arc<Registry>,
    domains: HashMap<Scope, CachedDomain>,
}

#[derive(Debug)]
struct CachedDomain {
    state: Arc<DomainState>,
    seen: u64,
    templates: HashMap<u16, Arc<Template>>,
}

impl Cache {
    /// An empty cache of the registry.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, domains: HashMap::new() }
    }

    /// The registry behind it.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The plan for data sets with this ID, and what options data told about the domain.
    pub fn get(&mut self, scope: Scope, id: u16) -> Option<(&Plan, &DomainOptions)> {
        self.refresh(scope);
        let domain = self.domains.get(&scope)?;
        domain.templates.get(&id).map(|template| (&template.plan, &domain.state.options))
    }

    /// Learns a template that was sent at the time `now`: nothing changes where it is the one that
    /// is known already.
    pub fn learn(
        &mut self,
        scope: Scope,
        record: &TemplateRecord<'_>,
        reading: Reading,
        now: UnixNanos,
    ) -> Result<(), Reason> {
        self.refresh(scope);
        if let Some(domain) = self.domains.get(&scope) {
            let known = domain.templates.get(&record.id);
            if known.is_some_and(|known| {
                *known.definition == *record.definition
                    && known.plan.reading == reading
                    && known.plan.is_options() == record.options
            }) {
                domain.state.note_sent(now);
                return Ok(());
            }
        }
        let learned = Plan::compile(record, reading, self.registry.limits.fields_per_template)
            .and_then(|plan| {
                let template = Template { definition: record.definition.into(), plan };
                self.registry.publish(scope, record.id, template, now)
            });
        if learned.is_err() {
            // The exporter has given up the layout of before: data must not be read by it.
            self.withdraw(scope, record.id);
        }
        learned
    }

    /// Puts a template out of force, where there is one.
    pub fn withdraw(&mut self, scope: Scope, id: u16) {
        if self.get(scope, id).is_some() {
            self.registry.withdraw(scope, |other, _| other == id);
        }
    }

    /// Puts all templates, or all options templates, of a domain out of force.
    pub fn withdraw_all(&mut self, scope: Scope, options: bool) {
        self.registry.withdraw(scope, |_, template| template.plan.is_options() == options);
    }

    /// Takes over what has changed in a domain.
    fn refresh(&mut self, scope: Scope) {
        let cached = self.domains.get(&scope);
        if cached.is_some_and(|domain| domain.seen == domain.state.changes.load(Ordering::Acquire))
        {
            return;
        }
        let inner = self.registry.inner.read().unwrap_or_else(PoisonError::into_inner);
        let Some(domain) = inner.domains.get(&scope) else {
            self.domains.remove(&scope);
            return;
        };
        let cached = CachedDomain {
            seen: domain.state.changes.load(Ordering::Acquire),
            state: domain.state.clone(),
            templates: domain.templates.clone(),
        };
        self.domains.insert(scope, cached);
        if self.domains.len() > inner.domains.len() {
            let known =
                |domain: &CachedDomain| domain.state.changes.load(Ordering::Acquire) != FORGOTTEN;
            self.domains.retain(|_, domain| known(domain));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_NS: i64 = 60_000_000_000;

    fn scope(exporter: u8) -> Scope {
        Scope { exporter: [192, 0, 2, exporter].into(), version: Version::V9, domain: 0 }
    }

    fn learn(cache: &mut Cache, exporter: u8, now: UnixNanos) -> Result<(), Reason> {
        // Template 300: a source address.
        let (record, _) = TemplateRecord::read_v9(&[1, 44, 0, 1, 0, 8, 0, 4]).unwrap();
        cache.learn(scope(exporter), &record, Reading::default(), now)
    }

    #[test]
    fn exporters_that_fell_silent_make_room_for_new_ones() {
        let limits =
            Limits { exporters: 2, template_silence_ns: 10 * MINUTE_NS, ..Limits::DEFAULT };
        let registry = Arc::new(Registry::new(limits));
        let mut cache = Cache::new(registry.clone());
        assert_eq!(learn(&mut cache, 1, 100 * MINUTE_NS), Ok(()));
        assert_eq!(learn(&mut cache, 2, 100 * MINUTE_NS), Ok(()));
        assert_eq!(learn(&mut cache, 3, 105 * MINUTE_NS), Err(Reason::TemplateLimit));
        assert_eq!(learn(&mut cache, 1, 108 * MINUTE_NS), Ok(()), "it goes on sending");
        assert_eq!(learn(&mut cache, 3, 111 * MINUTE_NS), Ok(()));
        let known = [1, 2, 3].map(|exporter| cache.get(scope(exporter), 300).is_some());
        assert_eq!(known, [true, false, true]);
        assert_eq!(cache.domains.len(), 2);
        let (templates, bytes) = registry.size();
        assert_eq!((templates, bytes % templates), (2, 0));
    }
}
