//! What the collector has to tell of itself.

use crate::service::live::event_object;
use logweir_decode::context::UnixNanos;
use serde_json::{Map, Value as Json};

macro_rules! kinds {
    (@threshold) => { None };
    (@threshold $threshold:literal $unit:ident) => { Some(($threshold, Unit::$unit)) };
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(, from $threshold:literal $unit:ident)?;)*) => {
        /// A kind of event that rules can wait for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind { $($(#[$doc])* $variant,)* }

        impl EventKind {
            /// All kinds.
            pub const ALL: &[EventKind] = &[$(EventKind::$variant,)*];

            /// The name in rules and in the log.
            pub const fn name(self) -> &'static str {
                match self { $(EventKind::$variant => $name,)* }
            }

            /// From where on it is one, where no rule says otherwise; `None` where there is
            /// nothing to say.
            pub const fn default_threshold(self) -> Option<(u64, Unit)> {
                match self {
                    $(EventKind::$variant => kinds!(@threshold $($threshold $unit)?),)*
                }
            }
        }
    };
}

/// What a threshold is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds: the rule's `after`.
    Seconds,
    /// Hundredths: the rule's `percent`.
    Percent,
}

kinds! {
    /// An exporter sent for the first time since the collector was started.
    ExporterNew = "exporter_new";
    /// An exporter has sent nothing for so long.
    ExporterSilent = "exporter_silent", from 300 Seconds;
    /// One that was silent sends again.
    ExporterBack = "exporter_back";
    /// An exporter began to count anew.
    ExporterRestarted = "exporter_restarted";
    /// By an exporter's numbers something did not come.
    SequenceGap = "sequence_gap";
    /// Data of an exporter has waited so long for its template, or was given up.
    TemplateMissing = "template_missing", from 60 Seconds;
    /// The writer was too slow: datagrams were dropped for want of a batch.
    QueueFull = "queue_full";
    /// Frames or datagrams were lost in front of the workers.
    ReceiveLoss = "receive_loss";
    /// Records could not be stored.
    StoreFailed = "store_failed";
    /// The store's disk has less than so much of it free.
    DiskLow = "disk_low", from 10 Percent;
    /// The journal has taken more than so much of the room that it may have.
    JournalFull = "journal_full", from 80 Percent;
    /// The journal cannot be written or synced.
    JournalStuck = "journal_stuck";
    /// Segments of the journal wait, and for so long none was sealed.
    SealingStuck = "sealing_stuck", from 600 Seconds;
    /// A changed configuration was refused.
    ReloadRefused = "reload_refused";
}

impl EventKind {
    /// Whether it is of an exporter, whom it names.
    pub const fn is_of_exporter(self) -> bool {
        match self {
            EventKind::ExporterNew
            | EventKind::ExporterSilent
            | EventKind::ExporterBack
            | EventKind::ExporterRestarted
            | EventKind::SequenceGap
            | EventKind::TemplateMissing => true,
            EventKind::QueueFull
            | EventKind::ReceiveLoss
            | EventKind::StoreFailed
            | EventKind::DiskLow
            | EventKind::JournalFull
            | EventKind::JournalStuck
            | EventKind::SealingStuck
            | EventKind::ReloadRefused => false,
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<EventKind> {
        EventKind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which.
    pub kind: EventKind,
    /// The threshold that was crossed.
    pub threshold: Option<u64>,
    /// When it was seen.
    pub at: UnixNanos,
    /// Whose, if it is of an exporter.
    pub exporter: Option<String>,
    /// In words.
    pub text: String,
}

impl Event {
    /// As the log shows it.
    pub fn object(&self) -> Map<String, Json> {
        event_object(self.kind.name(), self.at, self.exporter.as_deref(), &self.text)
    }
}
