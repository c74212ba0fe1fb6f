//! The templates of all exporters: one registry that all workers share, and a cache of it in each.
//!
//! An exporter's data may arrive at another worker than its templates. A worker that learns a
//! template publishes it; a worker that misses one looks in the registry, behind a lock. What a
//! worker has looked up once it finds in its own cache again, without a lock, until the number of
//! changes of that observation domain tells it that something is new.

use super::{plan::Plan, profile::Profile, template::TemplateRecord};
use crate::{limits::Limits, reason::Reason};
use hashbrown::HashMap;
use std::{
    net::IpAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Whose template it is: templates of different exporters and domains share nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The exporter's address. Its port takes no part: some exporters change it.
    pub exporter: IpAddr,
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

#[derive(Debug, Default)]
struct Domain {
    changes: Arc<AtomicU64>,
    templates: HashMap<u16, Arc<Template>>,
}

#[derive(Debug, Default)]
struct Inner {
    domains: HashMap<Scope, Domain>,
    shares: HashMap<IpAddr, Share>,
    bytes: usize,
}

/// What one exporter takes of the limits.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    domains: usize,
    bytes: usize,
}

/// The templates of all exporters.
#[derive(Debug)]
pub struct Registry {
    limits: Limits,
    changes: AtomicU64,
    inner: RwLock<Inner>,
}

impl Registry {
    /// An empty registry.
    pub fn new(limits: Limits) -> Self {
        Self { limits, changes: AtomicU64::new(0), inner: RwLock::default() }
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

    /// Stores a template, in place of one with the same ID; refused where a limit is reached.
    fn publish(&self, scope: Scope, id: u16, template: Arc<Template>) -> Result<(), Reason> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let Inner { domains, shares, bytes } = &mut *inner;
        let (share, domain) = (shares.get(&scope.exporter), domains.get(&scope));
        if share.is_none() && shares.len() >= self.limits.exporters {
            return Err(Reason::TemplateLimit);
        }
        let mut share = share.copied().unwrap_or_default();
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
        shares.insert(scope.exporter, share);
        let domain = domains.entry(scope).or_default();
        domain.templates.insert(id, template);
        domain.changes.fetch_add(1, Ordering::Release);
        self.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Puts a template out of force.
    fn withdraw(&self, scope: Scope, id: u16) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let Some(domain) = inner.domains.get_mut(&scope) else { return };
        let Some(template) = domain.templates.remove(&id) else { return };
        domain.changes.fetch_add(1, Ordering::Release);
        inner.bytes -= template.bytes();
        if let Some(share) = inner.shares.get_mut(&scope.exporter) {
            share.bytes -= template.bytes();
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
    changes: Arc<AtomicU64>,
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

    /// The plan for data flowsets with this ID.
    pub fn get(&mut self, scope: Scope, id: u16) -> Option<&Plan> {
        self.refresh(scope);
        self.domains.get(&scope)?.templates.get(&id).map(|template| &template.plan)
    }

    /// Learns a template: nothing happens where it is the one that is known already.
    pub fn learn(
        &mut self,
        scope: Scope,
        record: &TemplateRecord<'_>,
        profile: Profile,
    ) -> Result<(), Reason> {
        self.refresh(scope);
        let known = self.domains.get(&scope).and_then(|domain| domain.templates.get(&record.id));
        if known.is_some_and(|known| {
            *known.definition == *record.definition
                && known.plan.profile == profile
                && known.plan.options == record.options
        }) {
            return Ok(());
        }
        let learned = Plan::compile(record, profile, self.registry.limits.fields_per_template)
            .and_then(|plan| {
                let template = Arc::new(Template { definition: record.definition.into(), plan });
                self.registry.publish(scope, record.id, template)
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
            self.registry.withdraw(scope, id);
        }
    }

    /// Takes over what has changed in a domain.
    fn refresh(&mut self, scope: Scope) {
        let cached = self.domains.get(&scope);
        if cached.is_some_and(|domain| domain.seen == domain.changes.load(Ordering::Acquire)) {
            return;
        }
        let inner = self.registry.inner.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(domain) = inner.domains.get(&scope) {
            let cached = CachedDomain {
                changes: domain.changes.clone(),
                seen: domain.changes.load(Ordering::Acquire),
                templates: domain.templates.clone(),
            };
            self.domains.insert(scope, cached);
        }
    }
}
