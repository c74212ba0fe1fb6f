//! What a configuration says to the threads that receive and decode, and may say anew at any time.

use crate::{allow::AllowList, listener::Listener, steering::Prefix};
use logweir_decode::{decoder::FormatHint, settings::Settings};
use std::sync::Arc;

/// All of it, which belongs together: a format may be one that the settings declare.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// What the decoders are told.
    pub settings: Arc<Settings>,
    /// The formats of listeners, by their numbers.
    pub formats: Vec<FormatHint>,
    /// Who may send, as far as the XDP program has not looked.
    pub allow: AllowList,
}

impl Orders {
    /// Of these listeners.
    pub fn new(settings: &Arc<Settings>, listeners: &[Listener], allow: &[Prefix]) -> Self {
        Self {
            settings: Arc::clone(settings),
            formats: listeners.iter().map(|listener| listener.format).collect(),
            allow: AllowList::new(allow),
        }
    }

    /// Others for the same listeners, whose numbers stay, with the formats that these have in a new
    /// list; a listener that is not there any more keeps its format, as long as there is one of that
    /// name.
    pub fn replaced_by(
        &self,
        settings: &Arc<Settings>,
        running: &[Listener],
        listeners: &[Listener],
        allow: &[Prefix],
    ) -> Self {
        let kept = |number: u16| match self.formats.get(usize::from(number)) {
            Some(FormatHint::Declared(id)) => {
                let name = self.settings.declared.name(*id);
                let id = name.and_then(|name| settings.declared.by_name(name));
                id.map_or(FormatHint::Auto, FormatHint::Declared)
            }
            hint => hint.copied().unwrap_or_default(),
        };
        let format = |listener: &Listener| {
            let same = listeners.iter().find(|other| other.place() == listener.place());
            same.map_or_else(|| kept(listener.number), |same| same.format)
        };
        Self {
            settings: Arc::clone(settings),
            formats: running.iter().map(format).collect(),
            allow: AllowList::new(allow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::ListenSpec;
    use logweir_decode::declared::Formats;

    fn settings(names: &[&str]) -> Arc<Settings> {
        let mut declared = Formats::default();
        for name in names {
            let text = format!(
                "format = \"{name}\"\n[[message]]\nmarks = [\"{name}: \"]\nfamily = \"session\"\n\
                 event = \"create\"\npatterns = [\"{{_}}{name}: {{src}} to {{dst}}\"]\n"
            );
            declared.add(&text, name).unwrap();
        }
        Arc::new(Settings { declared, ..Settings::default() })
    }

    fn listeners(specs: &[&str], settings: &Settings) -> Vec<Listener> {
        let specs = specs.iter().map(|spec| ListenSpec::parse(spec, &settings.declared).unwrap());
        (0..).zip(specs).map(|(number, spec)| spec.listener(number)).collect()
    }

    #[test]
    fn listeners_keep_their_numbers_and_declared_formats_their_names() {
        let before = settings(&["one", "two"]);
        let running = listeners(&["514=two", "515=one", "516=netflow", "517=two"], &before);
        let orders = Orders::new(&before, &running, &[]);
        let after = settings(&["two"]);
        let new = listeners(&["516=firebrick", "514=two"], &after);
        let orders = orders.replaced_by(&after, &running, &new, &[]);
        let two = FormatHint::Declared(after.declared.by_name("two").unwrap());
        assert_eq!(orders.formats, [two, FormatHint::Auto, FormatHint::Firebrick, two]);
        assert_ne!(before.declared.by_name("two"), after.declared.by_name("two"));
    }
}
