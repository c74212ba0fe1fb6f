//! Templates that are in force, read anew by other settings: an exporter may repeat them only every
//! half hour, and its data must not be read by what was configured before for so long.

use super::{
    plan::{Plan, Reading},
    registry::{Registry, Scope, Template},
    template::{Announcement, TemplateRecord},
};
use crate::{reason::Reason, settings::Settings};
use std::sync::Arc;

impl Registry {
    /// Reads those templates anew whose natEvent codes are numbered in another way by these settings,
    /// and tells how many. A [`FormatHint::HuaweiUsgNetflow`](crate::decoder::FormatHint) that is new
    /// or gone is in force with the exporter's next template.
    ///
    /// To be called when all decoders of the registry have the settings.
    pub fn reread(&self, settings: &Settings) -> usize {
        let reading = |scope: Scope, template: &Template| Reading {
            nat_events: settings.exporter(scope.exporter).nat_events,
            ..template.plan.reading
        };
        let stale = self.find(|scope, old| reading(scope, old) != old.plan.reading);
        let fields_max = self.limits().fields_per_template;
        let mut count = 0;
        for (scope, id, old) in stale {
            let Ok(plan) = compile(scope, &old, reading(scope, &old), fields_max) else { continue };
            let new = Template { definition: old.definition.clone(), plan };
            self.exchange(scope, id, &old, Arc::new(new));
            count += 1;
        }
        count
    }
}

fn compile(
    scope: Scope,
    template: &Template,
    reading: Reading,
    fields_max: usize,
) -> Result<Plan, Reason> {
    let options = template.plan.is_options();
    match TemplateRecord::read(scope.version, options, &template.definition)? {
        (Announcement::Template(record), _) => Plan::compile(&record, reading, fields_max),
        (Announcement::Withdrawal(_), _) => Err(Reason::TemplateId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::Limits,
        netflow::{Version, cache::Cache},
        settings::{ExporterSettings, NatEvents},
    };

    #[test]
    fn a_template_is_read_anew_once_for_the_exporter_that_is_meant() {
        let registry = Arc::new(Registry::new(Limits::DEFAULT));
        let mut cache = Cache::new(registry.clone());
        let scope =
            |last| Scope { exporter: [192, 0, 2, last].into(), version: Version::V9, domain: 0 };
        // Template 300: natEvent and a source address.
        let bytes = [1, 44, 0, 2, 0, 230, 0, 1, 0, 8, 0, 4];
        let (record, _) = TemplateRecord::read_v9(&bytes).unwrap();
        for last in [1, 2] {
            cache.learn(scope(last), &record, Reading::default(), 0).unwrap();
        }
        let nat_events = Some(NatEvents::Nel);
        let mut settings = Settings::default();
        let own = ExporterSettings { nat_events, ..ExporterSettings::default() };
        settings.exporters.insert(scope(1).exporter, own);
        assert_eq!((registry.reread(&settings), registry.reread(&settings)), (1, 0));
        let read = [1, 2].map(|last| cache.get(scope(last), 300).unwrap().0.reading.nat_events);
        assert_eq!(read, [nat_events, None]);
        assert_eq!(registry.reread(&Settings::default()), 1);
        let (templates, bytes) = registry.size();
        assert_eq!((templates, bytes % 2), (2, 0));
    }

    #[test]
    fn lower_limits_refuse_what_is_new_and_leave_what_is_there() {
        let registry = Arc::new(Registry::new(Limits::DEFAULT));
        let mut cache = Cache::new(registry.clone());
        let scope =
            |last| Scope { exporter: [192, 0, 2, last].into(), version: Version::V9, domain: 0 };
        let (record, _) = TemplateRecord::read_v9(&[1, 44, 0, 1, 0, 8, 0, 4]).unwrap();
        let mut learn = |last| cache.learn(scope(last), &record, Reading::default(), 0);
        assert_eq!((learn(1), learn(2)), (Ok(()), Ok(())));
        registry.set_limits(Limits { exporters: 1, ..Limits::DEFAULT });
        assert_eq!((learn(2), learn(3)), (Ok(()), Err(Reason::TemplateLimit)));
        assert_eq!(registry.size().0, 2);
        registry.set_limits(Limits::DEFAULT);
        assert_eq!(learn(3), Ok(()));
    }
}
