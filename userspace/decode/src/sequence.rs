//! Exporters' numbers, turned into what is missing.
//!
//! NetFlow v9 numbers datagrams; v5 and IPFIX number records, so that a datagram covers the numbers
//! from its own up to the next one's. Whatever lies between the first datagram and the last one and
//! is covered by none is missing. Late datagrams fill gaps; the same one twice does not. Where a
//! datagram's end is not known, because the template of its data has not come, it covers all up to
//! the next one: nothing is called missing that may not be.
//!
//! An exporter that starts again begins a new *epoch*: its uptime goes back, or its number goes far
//! back, goes back long after the highest one arrived, or leaps further than anyone can send. That
//! is a restart and no loss. A far leap begins an epoch too, and what it left out is missing. Where
//! the count goes on behind the old epoch within the first few datagrams of a new one, the numbers
//! that began the new one were wrong (damaged, or somebody else's), and it is forgotten.
//!
//! Two exporting processes that count under the same address, version and domain are not told
//! apart, though RFC 7011 §3.1 lets them count each by itself: the port takes no part, because an
//! exporter may change it, or use several for one count.
//!
//! RFC 3954 §5.1 and RFC 7011 §3.1 know one counter for an observation domain. The captures of
//! Huawei's and H3C's routers show template datagrams with a counter of their own. Both readings
//! are kept, and the one that explains more is told: fewer restarts and wrong numbers, then fewer
//! missing.

mod counter;
mod epoch;

use crate::{context::UnixNanos, note::Sequence};
use counter::Counter;

/// What a tracker has found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How often the exporter began to count anew.
    pub restarts: u64,
    /// Datagrams (v9) or records (v5, IPFIX) that it sent and that did not come. What is missing
    /// behind the last one that came cannot be known.
    pub missing: u64,
}

impl Found {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Found) -> Found {
        Found {
            restarts: self.restarts.saturating_add(other.restarts),
            missing: self.missing.saturating_add(other.missing),
        }
    }
}

/// Where a counter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number that comes next; where `is_open`, the highest one that came.
    pub next: u32,
    /// Whether it is not known what the highest datagram covers.
    pub is_open: bool,
    /// When the highest one arrived.
    pub at: UnixNanos,
    /// The exporter's uptime in it, milliseconds.
    pub uptime_ms: Option<u32>,
}

/// Where a [`Tracker`] stands: enough for another one, of a later process, to go on behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Of all datagrams.
    pub together: Option<Mark>,
    /// Of template datagrams and of all others, once there were both.
    pub apart: Option<[Option<Mark>; 2]>,
}

/// Follows the numbers of one exporter, version and observation domain.
///
/// It has a fixed size, some kilobytes, and a second time that size once template datagrams came.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    /// All datagrams have one counter.
    together: Counter,
    /// Template datagrams have their own; until the first of them the two readings are the same.
    apart: Option<Box<Apart>>,
}

#[derive(Clone, Debug)]
struct Apart {
    templates: Counter,
    data: Counter,
}

impl Tracker {
    /// Takes the number of a datagram that arrived at this time.
    pub fn take(&mut self, sequence: &Sequence, received_at: UnixNanos) {
        if sequence.templates_only && self.apart.is_none() {
            let data = self.together.clone();
            self.apart = Some(Box::new(Apart { templates: Counter::default(), data }));
        }
        self.together.take(sequence, received_at);
        if let Some(apart) = &mut self.apart {
            let Apart { templates, data } = apart.as_mut();
            let own = if sequence.templates_only { templates } else { data };
            own.take(sequence, received_at);
        }
    }

    /// One that has found nothing yet, and goes on where another one stood.
    pub fn resumed(marks: &Marks) -> Self {
        let counter = |mark: Option<Mark>| mark.as_ref().map(Counter::resumed).unwrap_or_default();
        let apart = marks.apart.map(|[templates, data]| {
            Box::new(Apart { templates: counter(templates), data: counter(data) })
        });
        Self { together: counter(marks.together), apart }
    }

    /// Where it stands.
    pub fn marks(&self) -> Marks {
        let apart = self.apart.as_deref();
        Marks {
            together: self.together.mark(),
            apart: apart.map(|apart| [apart.templates.mark(), apart.data.mark()]),
        }
    }

    /// What it has found, by the reading that explains more.
    pub fn found(&self) -> Found {
        let together = (self.together.strays(), self.together.found());
        let Some(Apart { templates, data }) = self.apart.as_deref() else { return together.1 };
        let apart = (templates.strays() + data.strays(), templates.found().and(data.found()));
        let unexplained = |(strays, found): &(u64, Found)| (strays + found.restarts, found.missing);
        if unexplained(&apart) < unexplained(&together) { apart.1 } else { together.1 }
    }
}

#[cfg(test)]
mod tests;
