//! A worker's copy of what it needs from the registry.
//!
//! What a worker has looked up once it finds here again, without a lock, until the number of changes
//! of that observation domain tells it that something is new. As most datagrams hold data of one
//! template, and some many sets of it, what was found last is looked at first.

use super::{
    options::DomainOptions,
    plan::{Plan, Reading},
    profile::Profile,
    registry::{DomainState, FORGOTTEN, Registry, Scope, Template},
    template::TemplateRecord,
};
use crate::{context::UnixNanos, contexts::sender_bits, interned::place, reason::Reason};
use hashbrown::HashMap;
use std::sync::{Arc, PoisonError, atomic::Ordering};

/// Templates and options of the domains that a worker has met.
#[derive(Debug)]
pub struct Cache {
    registry: Arc<Registry>,
    places: HashMap<Scope, usize>,
    domains: Vec<CachedDomain>,
    /// The place of the domain that was asked for last.
    last: usize,
    /// Places of domains, by their hash: of those that were asked for last.
    recent: Box<[usize; RECENT]>,
    /// Templates that were copied from the registry.
    #[cfg(test)]
    copied: usize,
}

/// Domains that are found without a search, at the most.
const RECENT: usize = 256;

#[derive(Debug)]
struct CachedDomain {
    scope: Scope,
    state: Arc<DomainState>,
    seen: u64,
    /// By their IDs, in ascending order.
    templates: Vec<(u16, Arc<Template>)>,
    /// The place of the template that was asked for last.
    last: usize,
}

impl CachedDomain {
    fn is_fresh(&self) -> bool {
        self.seen == self.state.changes.load(Ordering::Acquire)
    }

    fn template(&mut self, id: u16) -> Option<&Template> {
        if self.templates.get(self.last).is_none_or(|(last, _)| *last != id) {
            self.last = self.templates.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        }
        self.templates.get(self.last).map(|(_, template)| &**template)
    }

    fn same_template(&mut self, record: &TemplateRecord<'_>) -> Option<&Template> {
        self.template(record.id).filter(|known| {
            known.plan.is_options() == record.options && *known.definition == *record.definition
        })
    }
}

impl Cache {
    /// An empty cache of the registry.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            places: HashMap::new(),
            domains: Vec::new(),
            last: 0,
            recent: Box::new([0; RECENT]),
            #[cfg(test)]
            copied: 0,
        }
    }

    /// The registry behind it.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The plan for data sets with this ID, and what options data told about the domain.
    #[inline]
    pub fn get(&mut self, scope: Scope, id: u16) -> Option<(&Plan, &DomainOptions)> {
        let domain = self.domain(scope)?;
        domain.template(id)?;
        let (_, template) = domain.templates.get(domain.last)?;
        Some((&template.plan, &domain.state.options))
    }

    /// Whose meanings the elements of a template have, as found out when the same was learned.
    pub fn recognised(&mut self, scope: Scope, record: &TemplateRecord<'_>) -> Option<Profile> {
        let known = self.domain(scope)?.same_template(record)?;
        Some(known.plan.reading.recognised)
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
        if let Some(domain) = self.domain(scope)
            && domain.same_template(record).is_some_and(|known| known.plan.reading == reading)
        {
            domain.state.note_sent(now);
            return Ok(());
        }
        let learned = Plan::compile(record, reading, self.registry.limits().fields_per_template)
            .and_then(|plan| {
                let template = Template { definition: record.definition.into(), plan };
                let template = Arc::new(template);
                let changes = self.registry.publish(scope, record.id, &template, now)?;
                Ok((template, changes))
            });
        match learned {
            Ok((template, changes)) => {
                self.keep(scope, record.id, template, changes);
                Ok(())
            }
            Err(reason) => {
                // The exporter has given up the layout of before: data must not be read by it.
                self.withdraw(scope, record.id);
                Err(reason)
            }
        }
    }

    /// Keeps what this worker published itself, where it is all that has changed: a sender may
    /// redefine a template again and again, and a domain has many.
    fn keep(&mut self, scope: Scope, id: u16, template: Arc<Template>, changes: u64) {
        let known = self.domains.get_mut(self.last).filter(|known| known.scope == scope);
        let Some(known) = known.filter(|known| changes.checked_sub(1) == Some(known.seen)) else {
            return;
        };
        match known.templates.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(place) => {
                if let Some((_, kept)) = known.templates.get_mut(place) {
                    *kept = template;
                }
            }
            Err(place) => known.templates.insert(place, (id, template)),
        }
        known.seen = changes;
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

    /// A domain as it is now in the registry.
    #[inline]
    fn domain(&mut self, scope: Scope) -> Option<&mut CachedDomain> {
        let bits = sender_bits(scope.exporter, 0) ^ u64::from(scope.domain) << 32;
        let recent = self.recent.get_mut(place::<RECENT>(bits))?;
        if self.domains.get(*recent).is_none_or(|recent| recent.scope != scope) {
            *recent = self.places.get(&scope).copied().unwrap_or(usize::MAX);
        }
        self.last = *recent;
        if !self.domains.get(self.last).is_some_and(CachedDomain::is_fresh) {
            self.refresh(scope);
        }
        self.domains.get_mut(self.last)
    }

    /// Takes over what has changed in a domain, which becomes the last one.
    #[cold]
    fn refresh(&mut self, scope: Scope) {
        let registry = self.registry.clone();
        let inner = registry.inner.read().unwrap_or_else(PoisonError::into_inner);
        let Some(domain) = inner.domains.get(&scope) else { return self.forget(scope) };
        let templates = domain.templates.iter().map(|(id, template)| (*id, template.clone()));
        let mut cached = CachedDomain {
            scope,
            seen: domain.state.changes.load(Ordering::Acquire),
            state: domain.state.clone(),
            templates: templates.collect(),
            last: 0,
        };
        #[cfg(test)]
        {
            self.copied += cached.templates.len();
        }
        cached.templates.sort_unstable_by_key(|(id, _)| *id);
        if let Some(known) = self.domains.get_mut(self.last) {
            *known = cached;
            return;
        }
        self.last = self.domains.len();
        self.places.insert(scope, self.last);
        self.domains.push(cached);
        if self.domains.len() > inner.domains.len() {
            let known =
                |domain: &CachedDomain| domain.state.changes.load(Ordering::Acquire) != FORGOTTEN;
            self.domains.retain(known);
            self.places.clear();
            self.places.extend(self.domains.iter().zip(0..).map(|(domain, at)| (domain.scope, at)));
            // It came last, and is known.
            self.last = self.domains.len().saturating_sub(1);
        }
    }

    /// Forgets a domain, where it is known; there is no last one then.
    fn forget(&mut self, scope: Scope) {
        self.last = usize::MAX;
        let Some(place) = self.places.remove(&scope) else { return };
        self.domains.swap_remove(place);
        if let Some(moved) = self.domains.get(place) {
            self.places.insert(moved.scope, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{limits::Limits, netflow::Version};

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

    #[test]
    fn a_template_that_is_redefined_again_and_again_does_not_copy_all_others() {
        let registry = Arc::new(Registry::new(Limits::DEFAULT));
        let mut cache = Cache::new(registry.clone());
        let mut other = Cache::new(registry);
        let template = |id: u16, len: u16| {
            let [id_0, id_1] = id.to_be_bytes();
            let [len_0, len_1] = len.to_be_bytes();
            // One field of padding.
            [id_0, id_1, 0, 1, 0, 210, len_0, len_1]
        };
        let learn = |cache: &mut Cache, id, len| {
            let bytes = template(id, len);
            let (record, _) = TemplateRecord::read_v9(&bytes).unwrap();
            cache.learn(scope(1), &record, Reading::default(), 0).unwrap();
        };
        for id in 300..500 {
            learn(&mut cache, id, 4);
        }
        for len in 5..1_000 {
            learn(&mut cache, 400, len);
            let (plan, _) = cache.get(scope(1), 400).unwrap();
            assert_eq!(plan.session_len(), Some(usize::from(len)));
        }
        assert!(cache.copied <= 1, "{}", cache.copied);
        // What another worker changes is taken over.
        learn(&mut other, 400, 7);
        learn(&mut cache, 300, 8);
        let len = |cache: &mut Cache, id| cache.get(scope(1), id).unwrap().0.session_len();
        assert_eq!([300, 400].map(|id| len(&mut cache, id)), [Some(8), Some(7)]);
        assert_eq!([300, 400].map(|id| len(&mut other, id)), [Some(8), Some(7)]);
    }
}
