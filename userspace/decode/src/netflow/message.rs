//! A datagram of NetFlow v9 or an IPFIX message behind its header: what becomes of each set.

use super::{
    Version,
    cache::Cache,
    execute::{Executed, Scene, Tools, execute, execute_spaced, learn},
    huawei_usg,
    options::DomainOptions,
    plan::{Family, Plan, Reading},
    profile::Profile,
    registry::{Registry, Scope},
    sets::{
        ALIGNMENT, SET_HEADER_LEN, Set, SetKind, check_framing, is_zero, sole_set, split_runs,
        split_sets,
    },
    template::{Announcement, TemplateRecord},
    times::Clock,
    waiting::{Waiter, WaitingRoom},
};
use crate::{
    batch::Batch,
    context::{Context, EventTime, UnixNanos},
    decoder::{Datagram, FormatHint, Outcome},
    note::Sequence,
    reason::Reason,
    settings::Settings,
    unparsed::Unparsed,
};
use std::sync::Arc;

/// A header, as far as it is used.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// The protocol's version.
    pub version: Version,
    /// Milliseconds since the exporter started; IPFIX does not tell.
    pub uptime_ms: Option<u32>,
    /// Time of export, seconds since 1970 UTC.
    pub unix_seconds: u32,
    /// Sequence number: of datagrams in v9, of data records in IPFIX.
    pub sequence: u32,
    /// Source ID or observation domain.
    pub domain: u32,
}

impl Header {
    fn clock(self) -> Clock {
        Clock { unix_ms: i64::from(self.unix_seconds) * 1000, uptime_ms: self.uptime_ms }
    }

    /// The datagram's place in the count of a domain; `records` are its data records, where all of
    /// them are known.
    fn sequence(self, domain: u32, records: Option<usize>, templates_only: bool) -> Sequence {
        let Header { version, uptime_ms, sequence: number, .. } = self;
        let units = match version {
            Version::V9 => Some(1),
            Version::Ipfix => records.and_then(|records| u32::try_from(records).ok()),
        };
        Sequence { version: version.number(), domain, number, units, uptime_ms, templates_only }
    }
}

/// A datagram whose header has been read.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The header.
    pub header: Header,
    /// What is behind the header.
    pub body: &'a [u8],
    /// Bytes of it that are the sets, as the header says.
    pub sets_len: usize,
}

impl<'a> Message<'a> {
    /// The sets, and what does not belong to the message. An exporter may say that its messages
    /// are shorter than they are; the sets show it, where they fill the datagram.
    fn split(&self) -> Result<[&'a [u8]; 2], Reason> {
        let version = self.header.version;
        let split = self.body.split_at_checked(self.sets_len);
        let (sets, behind) = split.ok_or(Reason::MessageLength)?;
        match check_framing(version, sets) {
            Ok(()) => Ok([sets, behind]),
            Err(_) if !behind.is_empty() && check_framing(version, self.body).is_ok() => {
                Ok([self.body, &[]])
            }
            Err(reason) => Err(reason),
        }
    }
}

/// Four bytes of a header that is long enough.
pub fn word(header: &[u8], at: usize) -> u32 {
    let bytes = header.get(at..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// What decoding the parts of a datagram came to.
#[derive(Default)]
struct Progress {
    /// The reason why a part was rejected, the first if there are several.
    rejected: Option<Reason>,
    /// Sets that wait for their template.
    waiting: Vec<u8>,
    /// Data records, of options too.
    records: usize,
    template_sets: usize,
    data_sets: usize,
    /// Whether it is of a Huawei USG.
    huawei_usg: bool,
}

impl Progress {
    fn outcome(&self) -> Outcome {
        self.rejected.map_or(Outcome::Decoded, Outcome::Rejected)
    }

    /// The datagram's place in its exporter's count.
    fn sequence(&self, header: Header, [as_sent, masked]: [Scope; 2]) -> Sequence {
        let whole = self.rejected.is_none() && self.waiting.is_empty();
        // Data that waits in a subdivided domain is most likely a USG's.
        let is_masked = self.huawei_usg || !self.waiting.is_empty();
        let domain = if is_masked { masked } else { as_sent }.domain;
        let templates_only = self.template_sets > 0 && self.data_sets == 0;
        header.sequence(domain, whole.then_some(self.records), templates_only)
    }
}

/// Decodes the v9 and IPFIX datagrams of one worker.
#[derive(Debug)]
pub struct MessageDecoder {
    settings: Arc<Settings>,
    templates: Cache,
    waiting: WaitingRoom,
    tools: Tools,
}

impl MessageDecoder {
    /// A decoder that shares templates with all others of the registry.
    pub fn new(registry: Arc<Registry>, settings: Arc<Settings>) -> Self {
        Self {
            templates: Cache::new(registry),
            waiting: WaitingRoom::new(settings.limits),
            tools: Tools::new(settings.simd),
            settings,
        }
    }

    /// Goes by other settings from now on. Templates and what waits for them stay.
    pub fn set_settings(&mut self, settings: Arc<Settings>) {
        self.waiting.set_limits(settings.limits);
        self.settings = settings;
    }

    /// Number of datagrams that wait for a template.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Decodes one datagram.
    #[inline]
    pub fn decode(
        &mut self,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> (Outcome, Option<Sequence>) {
        match self.decode_plain(datagram, message, batch) {
            Some(sequence) => (Outcome::Decoded, Some(sequence)),
            None => self.decode_any(datagram, message, batch),
        }
    }

    /// Decodes what nearly all datagrams are: one set of whole records of sessions, by a template
    /// of the very domain. `None`, and nothing done, for all others.
    #[inline]
    fn decode_plain(
        &mut self,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> Option<Sequence> {
        let Message { header, body, sets_len } = *message;
        let set = sole_set(body).filter(|_| body.len() == sets_len)?;
        let [scope, masked] = scopes(datagram, header);
        let (plan, options) = self.templates.get(scope, set.id)?;
        let len = plan.session_len()?;
        let rest = set.body.len().checked_rem(len)?;
        if rest >= ALIGNMENT || set.body.len() < len || options.known().is_some() {
            return None;
        }
        let is_masked = plan.reading.profile == Profile::HuaweiUsg;
        let domain = if is_masked { masked } else { scope }.domain;
        let context = message_context(datagram, header);
        let scene = Scene { clock: header.clock(), context: &context, known: None, constants: &[] };
        let executed = execute(plan, set.body, &scene, &mut self.tools, batch);
        Some(header.sequence(domain, Some(executed.records), false))
    }

    #[inline(never)]
    fn decode_any(
        &mut self,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        batch: &mut Batch,
    ) -> (Outcome, Option<Sequence>) {
        let header = message.header;
        let scopes = scopes(datagram, header);
        let format = header.version.format();
        let mut progress = Progress::default();
        let [sets, behind] = match message.split() {
            Ok(parts) => parts,
            Err(reason) => {
                progress.rejected = Some(reason);
                let outcome = datagram.reject(reason, format, batch);
                return (outcome, Some(progress.sequence(header, scopes)));
            }
        };
        let context = message_context(datagram, header);
        for set in split_runs(header.version, sets) {
            self.take(&set, datagram, header, &scopes, &context, batch, &mut progress);
        }
        if !is_zero(behind) {
            reject_bytes(behind, Reason::MessageLength, &context, batch, &mut progress);
        }
        let sequence = progress.sequence(header, scopes);
        if progress.waiting.is_empty() {
            return (progress.outcome(), Some(sequence));
        }
        let Progress { rejected, waiting: sets, .. } = progress;
        let waiter = Waiter { scopes, context, clock: header.clock(), sets, rejected };
        let outcome = match self.waiting.enter(waiter) {
            None => Outcome::Waiting,
            Some(refused) => give_up(&refused, batch),
        };
        (outcome, Some(sequence))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a datagram, all of them needed")]
    fn take(
        &mut self,
        set: &Set<'_>,
        datagram: &Datagram<'_>,
        header: Header,
        scopes: &[Scope; 2],
        context: &Context,
        batch: &mut Batch,
        progress: &mut Progress,
    ) {
        let options = match SetKind::of(header.version, set.id) {
            Some(SetKind::Templates) => false,
            Some(SetKind::OptionsTemplates) => true,
            Some(SetKind::Data) | None => {
                return self.data(set, scopes, header.clock(), context, batch, progress);
            }
        };
        progress.template_sets += 1;
        for set in split_sets(header.version, set.bytes) {
            if let Err(reason) = self.learn(&set, options, datagram, header, scopes, progress) {
                reject_bytes(set.bytes, reason, context, batch, progress);
            }
        }
    }

    /// Decodes what waited of one datagram because its template came ([`Outcome::Waiting`] where some
    /// of it waits on), or gives it up because it has waited too long. The batch must have room for a
    /// datagram of any size.
    pub fn release(&mut self, now: UnixNanos, batch: &mut Batch) -> Option<(Context, Outcome)> {
        while let Some(mut waiter) = self.waiting.next(self.templates.registry().changes(), now) {
            let mut progress = Progress { rejected: waiter.rejected, ..Progress::default() };
            let Waiter { scopes, clock, context, .. } = &waiter;
            let before = waiter.sets.len();
            for set in split_runs(scopes[0].version, &waiter.sets) {
                self.data(&set, scopes, *clock, context, batch, &mut progress);
            }
            if progress.waiting.is_empty() {
                return Some((waiter.context, progress.outcome()));
            }
            waiter.sets = progress.waiting;
            waiter.rejected = progress.rejected;
            let partly = waiter.sets.len() < before;
            let context = waiter.context;
            self.waiting.put_back(waiter);
            // The batch has room for one datagram.
            if partly {
                return Some((context, Outcome::Waiting));
            }
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
        set: &Set<'_>,
        options: bool,
        datagram: &Datagram<'_>,
        header: Header,
        scopes: &[Scope; 2],
        progress: &mut Progress,
    ) -> Result<(), Reason> {
        let [as_sent, masked] = *scopes;
        let nat_events = self.settings.exporter(datagram.exporter).nat_events;
        let mut rest = set.body;
        let mut result = Ok(());
        // Less than a template's head is padding.
        while rest.len() >= SET_HEADER_LEN && !is_zero(rest) {
            let (record, after) = match TemplateRecord::read(header.version, options, rest) {
                Ok(read) => read,
                Err(reason) => return result.and(Err(reason)),
            };
            rest = after;
            let record = match record {
                Announcement::Template(record) => record,
                Announcement::Withdrawal(id) => {
                    self.withdraw(as_sent, id);
                    continue;
                }
            };
            let forced =
                datagram.format == FormatHint::HuaweiUsgNetflow && header.version == Version::V9;
            let known = self.templates.recognised(as_sent, &record);
            let recognised = known.unwrap_or_else(|| Profile::recognise(&record, header.domain));
            let profile = if forced { Profile::HuaweiUsg } else { recognised };
            let huawei_usg = profile == Profile::HuaweiUsg;
            progress.huawei_usg |= huawei_usg;
            let scope = if huawei_usg { masked } else { as_sent };
            if scope != as_sent {
                // Data looks there first.
                self.templates.withdraw(as_sent, record.id);
            }
            let reading = Reading { profile, recognised, nat_events };
            // A template that cannot be used leaves the others of its set usable.
            result =
                result.and(self.templates.learn(scope, &record, reading, datagram.received_at));
        }
        result
    }

    fn withdraw(&mut self, scope: Scope, id: u16) {
        match id {
            2 | 3 => self.templates.withdraw_all(scope, id == 3),
            _ => self.templates.withdraw(scope, id),
        }
    }

    fn data(
        &mut self,
        set: &Set<'_>,
        scopes: &[Scope; 2],
        clock: Clock,
        context: &Context,
        batch: &mut Batch,
        progress: &mut Progress,
    ) {
        progress.data_sets += 1;
        let [as_sent, masked] = *scopes;
        let mut scope = as_sent;
        if masked.domain != as_sent.domain && self.templates.get(as_sent, set.id).is_none() {
            scope = masked;
        }
        // Only a USG's template serves more domains than the one that it was sent in.
        let usable = |plan: &Plan| {
            scope.domain == as_sent.domain || plan.reading.profile == Profile::HuaweiUsg
        };
        let found = self.templates.get(scope, set.id).filter(|(plan, _)| usable(plan));
        let Some((plan, options)) = found else {
            progress.waiting.extend_from_slice(set.bytes);
            return;
        };
        progress.huawei_usg |= plan.reading.profile == Profile::HuaweiUsg;
        if let Some(records) =
            run_spaced(plan, options, set, clock, context, &mut self.tools, batch)
        {
            progress.records += records;
            return;
        }
        for set in split_sets(scope.version, set.bytes) {
            let executed = match run(plan, options, &set, clock, context, &mut self.tools, batch) {
                Ok(executed) => executed,
                Err(reason) => {
                    reject_bytes(set.bytes, reason, context, batch, progress);
                    continue;
                }
            };
            progress.records += executed.records;
            let rest = executed.rest;
            let whole = if rest.len() == set.body.len() { set.bytes } else { rest };
            if (rest.len() >= ALIGNMENT || rest.len() == set.body.len()) && !is_zero(rest) {
                reject_bytes(whole, Reason::DataTruncated, context, batch, progress);
            }
        }
    }
}

/// What the records of a datagram share.
fn message_context(datagram: &Datagram<'_>, header: Header) -> Context {
    Context {
        observation_domain: Some(header.domain),
        sequence: Some(header.sequence),
        event_time: EventTime::Record,
        ..datagram.context(header.version.format())
    }
}

/// Decodes several data sets at once by their plan, where that comes to the same.
fn run_spaced(
    plan: &Plan,
    options: &DomainOptions,
    sets: &Set<'_>,
    clock: Clock,
    context: &Context,
    tools: &mut Tools,
    batch: &mut Batch,
) -> Option<usize> {
    let stride = SET_HEADER_LEN + sets.body.len();
    if sets.bytes.len() == stride || options.known().is_some() {
        return None;
    }
    let scene = Scene { clock, context, known: None, constants: &[] };
    execute_spaced(plan, sets.bytes, stride, &scene, tools, batch)
}

/// Decodes a data set by its plan.
fn run<'a>(
    plan: &Plan,
    options: &DomainOptions,
    set: &Set<'a>,
    clock: Clock,
    context: &Context,
    tools: &mut Tools,
    batch: &mut Batch,
) -> Result<Executed<'a>, Reason> {
    if let Family::Options(fields) = &plan.family {
        return learn(plan, fields, set.body, tools, options);
    }
    let known = options.known();
    let started = known.as_ref().and_then(|known| known.started_ms());
    let clock = match (clock.uptime_ms, started) {
        (None, Some(started)) => clock.started_at(started),
        _ => clock,
    };
    let scene = Scene { clock, context, known: known.as_deref(), constants: &[] };
    Ok(execute(plan, set.body, &scene, tools, batch))
}

/// Where templates of this datagram may be: under the domain as sent, and under the one that
/// Huawei's subdivision of a Source ID leaves.
fn scopes(datagram: &Datagram<'_>, header: Header) -> [Scope; 2] {
    let Header { version, domain, .. } = header;
    let huawei =
        datagram.format == FormatHint::HuaweiUsgNetflow || huawei_usg::is_subdivided(domain);
    let masked =
        if huawei && version == Version::V9 { huawei_usg::template_domain(domain) } else { domain };
    [domain, masked].map(|domain| Scope { exporter: datagram.exporter, version, domain })
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
    if let Some(raw) = batch.text.push(&waiter.sets) {
        batch.unparsed.push(&waiter.context, Unparsed { reason, raw });
    }
    Outcome::Rejected(waiter.rejected.unwrap_or(reason))
}
