//! A NetFlow v9 datagram (RFC 3954 §5): header, flowsets, and what becomes of each.
//!
//! ```text
//! 0   2 version 9          8  4 UTC seconds       16  4 Source ID
//! 2   2 count (ignored)   12  4 sequence          20    flowsets: ID, length, body
//! 4   4 uptime, ms
//! ```
//! All numbers are in network byte order. The count is not used: Huawei's document says that it
//! counts flowsets, the RFC that it counts records; lengths say enough.

use super::{
    execute::{ExportTime, execute},
    huawei_usg,
    profile::Profile,
    registry::{Cache, Registry, Scope},
    template::{TEMPLATE_ID_MIN, TemplateRecord},
    waiting::{Waiter, WaitingRoom},
};
use crate::{
    batch::Batch,
    context::{Context, EventTime, Flags, Format, UnixNanos},
    decoder::{Datagram, FormatHint, Outcome},
    limits::Limits,
    reason::Reason,
    text::Text,
    unparsed::Unparsed,
};
use std::sync::Arc;

const HEADER_LEN: usize = 20;
const FLOWSET_HEADER_LEN: usize = 4;
/// Flowsets are padded to a multiple of this (RFC 3954 §5.3), so padding is shorter.
const ALIGNMENT: usize = 4;
const TEMPLATE_FLOWSET: u16 = 0;
const OPTIONS_TEMPLATE_FLOWSET: u16 = 1;

/// Decodes the NetFlow v9 datagrams of one worker.
#[derive(Debug)]
pub struct V9Decoder {
    templates: Cache,
    waiting: WaitingRoom,
}

/// The header of a datagram, as far as it is used.
#[derive(Clone, Copy)]
struct Header {
    uptime_ms: u32,
    unix_seconds: u32,
    sequence: u32,
    source_id: u32,
}

impl Header {
    fn read(payload: &[u8]) -> Option<(Self, &[u8])> {
        let (header, flowsets) = payload.split_first_chunk::<HEADER_LEN>()?;
        let word = |index: usize| {
            let bytes = header.get(index * 4..).and_then(|bytes| bytes.first_chunk());
            bytes.map(|bytes| u32::from_be_bytes(*bytes))
        };
        let header = Self {
            uptime_ms: word(1)?,
            unix_seconds: word(2)?,
            sequence: word(3)?,
            source_id: word(4)?,
        };
        Some((header, flowsets))
    }

    fn exported(self) -> ExportTime {
        ExportTime { unix_ms: i64::from(self.unix_seconds) * 1000, uptime_ms: self.uptime_ms }
    }
}

/// One flowset of a datagram whose framing has been checked.
struct FlowSet<'a> {
    id: u16,
    body: &'a [u8],
    /// Header and body.
    bytes: &'a [u8],
}

/// The next flowset; `Ok(None)` at the end. What is left may be zeros: some exporters fill up
/// their datagrams.
fn next_flowset(rest: &[u8]) -> Result<Option<(FlowSet<'_>, &[u8])>, Reason> {
    let Some((&[id_0, id_1, len_0, len_1], _)) = rest.split_first_chunk::<FLOWSET_HEADER_LEN>()
    else {
        return if is_zero(rest) { Ok(None) } else { Err(Reason::FlowsetLength) };
    };
    let id = u16::from_be_bytes([id_0, id_1]);
    let len = usize::from(u16::from_be_bytes([len_0, len_1]));
    if id == 0 && len == 0 && is_zero(rest) {
        return Ok(None);
    }
    if (OPTIONS_TEMPLATE_FLOWSET + 1..TEMPLATE_ID_MIN).contains(&id) {
        return Err(Reason::FlowsetReserved);
    }
    let (bytes, rest) = rest.split_at_checked(len).ok_or(Reason::FlowsetLength)?;
    let body = bytes.get(FLOWSET_HEADER_LEN..).ok_or(Reason::FlowsetLength)?;
    Ok(Some((FlowSet { id, body, bytes }, rest)))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// The flowsets of a datagram whose framing holds.
fn flowsets(mut rest: &[u8]) -> impl Iterator<Item = FlowSet<'_>> {
    std::iter::from_fn(move || {
        let (flowset, after) = next_flowset(rest).ok()??;
        rest = after;
        Some(flowset)
    })
}

/// Checks that the flowsets fill the datagram, before any of them is believed: a template with a
/// wrong length would otherwise be kept although what follows it makes no sense.
fn check_framing(mut rest: &[u8]) -> Result<(), Reason> {
    while let Some((_, after)) = next_flowset(rest)? {
        rest = after;
    }
    Ok(())
}

/// What decoding the parts of a datagram came to.
#[derive(Default)]
struct Progress {
    /// The reason why a part was rejected, the first if there are several.
    rejected: Option<Reason>,
    /// Flowsets that wait for their template.
    waiting: Vec<u8>,
}

impl V9Decoder {
    /// A decoder that shares templates with all others of the registry.
    pub fn new(registry: Arc<Registry>, limits: Limits) -> Self {
        Self { templates: Cache::new(registry), waiting: WaitingRoom::new(limits) }
    }

    /// Number of datagrams that wait for a template.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Decodes one datagram.
    ///
    /// A datagram whose framing is broken is rejected whole. Otherwise each flowset stands for
    /// itself: one that is rejected goes to `unparsed`, and the others are decoded.
    pub fn decode(&mut self, datagram: &Datagram<'_>, batch: &mut Batch) -> Outcome {
        let Some((header, body)) = Header::read(datagram.payload) else {
            return datagram.reject(Reason::HeaderTruncated, Format::NetflowV9, batch);
        };
        if let Err(reason) = check_framing(body) {
            return datagram.reject(reason, Format::NetflowV9, batch);
        }
        let context = Context {
            exporter: datagram.exporter,
            exporter_port: datagram.exporter_port,
            format: Format::NetflowV9,
            observation_domain: Some(header.source_id),
            sequence: Some(header.sequence),
            host: Text::EMPTY,
            received_at: datagram.received_at,
            event_time: EventTime::Record,
            flags: Flags::NONE,
        };
        let scopes = scopes(datagram, header.source_id);
        let mut progress = Progress::default();
        for flowset in flowsets(body) {
            let result = match flowset.id {
                TEMPLATE_FLOWSET => self.learn(&flowset, false, datagram, header, scopes),
                OPTIONS_TEMPLATE_FLOWSET => self.learn(&flowset, true, datagram, header, scopes),
                _ => self.data(&flowset, scopes, header.exported(), &context, batch, &mut progress),
            };
            if let Err(reason) = result {
                reject_bytes(flowset.bytes, reason, &context, batch, &mut progress);
            }
        }
        if progress.waiting.is_empty() {
            return progress.rejected.map_or(Outcome::Decoded, Outcome::Rejected);
        }
        let Progress { rejected, waiting: flowsets } = progress;
        let waiter = Waiter { scopes, context, exported: header.exported(), flowsets, rejected };
        match self.waiting.enter(waiter) {
            None => Outcome::Waiting,
            Some(refused) => give_up(&refused, batch),
        }
    }

    /// Settles one datagram that waited: its template came, or it has waited too long. The batch
    /// must have room for a datagram of any size.
    pub fn release(&mut self, now: UnixNanos, batch: &mut Batch) -> Option<(Context, Outcome)> {
        while let Some(mut waiter) = self.waiting.next(self.templates.registry().changes(), now) {
            let mut progress = Progress { rejected: waiter.rejected, waiting: Vec::new() };
            for flowset in flowsets(&waiter.flowsets) {
                let Waiter { scopes, exported, context, .. } = &waiter;
                let result = self.data(&flowset, *scopes, *exported, context, batch, &mut progress);
                if let Err(reason) = result {
                    reject_bytes(flowset.bytes, reason, context, batch, &mut progress);
                }
            }
            if progress.waiting.is_empty() {
                let outcome = progress.rejected.map_or(Outcome::Decoded, Outcome::Rejected);
                return Some((waiter.context, outcome));
            }
            waiter.flowsets = progress.waiting;
            waiter.rejected = progress.rejected;
            self.waiting.put_back(waiter);
        }
        let waiter = self.waiting.expire(now)?;
        Some((waiter.context, give_up(&waiter, batch)))
    }

    /// Gives up one datagram that waits, when the worker stops.
    pub fn abandon(&mut self, batch: &mut Batch) -> Option<(Context, Outcome)> {
        let waiter = self.waiting.pop_front()?;
        Some((waiter.context, give_up(&waiter, batch)))
    }

    fn learn(
        &mut self,
        flowset: &FlowSet<'_>,
        options: bool,
        datagram: &Datagram<'_>,
        header: Header,
        scopes: [Scope; 2],
    ) -> Result<(), Reason> {
        let mut rest = flowset.body;
        let mut result = Ok(());
        // Less than a template's head is padding.
        while rest.len() >= FLOWSET_HEADER_LEN && !is_zero(rest) {
            let read = if options {
                TemplateRecord::read_options(rest)
            } else {
                TemplateRecord::read(rest)
            };
            let (record, after) = match read {
                Ok(read) => read,
                Err(reason) => return result.and(Err(reason)),
            };
            rest = after;
            let profile = match datagram.format {
                FormatHint::HuaweiUsgNetflow => Profile::HuaweiUsg,
                _ => Profile::recognise(&record, header.source_id),
            };
            let [as_sent, masked] = scopes;
            let scope = if profile == Profile::HuaweiUsg { masked } else { as_sent };
            if scope != as_sent {
                // Data looks there first.
                self.templates.withdraw(as_sent, record.id);
            }
            // A template that cannot be used leaves the others of its flowset usable.
            result =
                result.and(self.templates.learn(scope, &record, profile, datagram.received_at));
        }
        result
    }

    fn data(
        &mut self,
        flowset: &FlowSet<'_>,
        scopes: [Scope; 2],
        exported: ExportTime,
        context: &Context,
        batch: &mut Batch,
        progress: &mut Progress,
    ) -> Result<(), Reason> {
        let [as_sent, masked] = scopes;
        let mut scope = as_sent;
        if masked != as_sent && self.templates.get(as_sent, flowset.id).is_none() {
            scope = masked;
        }
        let Some(plan) = self.templates.get(scope, flowset.id) else {
            progress.waiting.extend_from_slice(flowset.bytes);
            return Ok(());
        };
        if flowset.body.len() < usize::from(plan.record_len) {
            return if is_zero(flowset.body) { Ok(()) } else { Err(Reason::DataTruncated) };
        }
        let options = plan.options;
        let padding = flowset.body.chunks_exact(usize::from(plan.record_len)).remainder();
        let record_context = Context { format: plan.format, ..*context };
        execute(plan, flowset.body, exported, &record_context, batch);
        if !options && padding.len() >= ALIGNMENT && !is_zero(padding) {
            reject_bytes(padding, Reason::DataTruncated, context, batch, progress);
        }
        Ok(())
    }
}

/// Where templates of this datagram may be: under the Source ID as sent, and under the one that
/// Huawei's subdivision leaves.
fn scopes(datagram: &Datagram<'_>, source_id: u32) -> [Scope; 2] {
    let huawei =
        datagram.format == FormatHint::HuaweiUsgNetflow || huawei_usg::is_subdivided(source_id);
    let masked = if huawei { huawei_usg::template_domain(source_id) } else { source_id };
    [source_id, masked].map(|domain| Scope { exporter: datagram.exporter, domain })
}

fn reject_bytes(
    bytes: &[u8],
    reason: Reason,
    context: &Context,
    batch: &mut Batch,
    progress: &mut Progress,
) {
    progress.rejected.get_or_insert(reason);
    if let Some(raw) = batch.text.push(bytes) {
        batch.unparsed.push(context, Unparsed { reason, raw });
    }
}

fn give_up(waiter: &Waiter, batch: &mut Batch) -> Outcome {
    let reason = Reason::TemplateMissing;
    if let Some(raw) = batch.text.push(&waiter.flowsets) {
        batch.unparsed.push(&waiter.context, Unparsed { reason, raw });
    }
    Outcome::Rejected(waiter.rejected.unwrap_or(reason))
}
