//! The model: exporters whose subscribers begin and end sessions, and the datagrams that the
//! exporters send of it.

mod blocks;
mod distributions;
mod line;
mod messages;
mod packed;
mod pool;
mod services;
mod sessions;
mod sets;
mod subscribers;

use std::net::IpAddr;

use self::blocks::Blocks;
use self::distributions::Weighted;
use self::line::{DetailLevel, Line, Wanted, World};
use self::pool::{PORTS_ALL, Pool};
use self::sessions::Sessions;
use self::subscribers::{Plan, Subscribers};
use crate::addresses::{self, POOL_ADDRESSES, REMOTES};
use crate::config::{ConfigError, Format, LINE_BYTES_MAX, ModelConfig};
use crate::mtn::write_mtn;
use crate::netflow::{self, Layout, Packet};
use crate::random::{Random, Share};
use crate::record::Record;
use crate::syslog::{Envelope, Header, Quirks, write_default};
use crate::truth::{Moment, Origin, Session, Truth};
use crate::userlog::Kind;
use crate::writer::timestamp;
use crate::{cgn_cn, cgn_ft, cgn_unicom, firebrick, fortinet, juniper_srx, usg_im, usg_policy};

const NS_PER_SECOND: u64 = 1_000_000_000;

/// What a datagram is, beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramInfo {
    /// Who sends it.
    pub exporter: IpAddr,
    /// UDP source port.
    pub exporter_port: u16,
    /// NetFlow v9: the Source ID. IPFIX: the Observation Domain ID. v5: engine type and ID.
    pub observation_domain: Option<u32>,
    /// The number in the header, from 0: of datagrams of this exporter and domain (v9, userlog)
    /// or of records (v5, IPFIX) before this one.
    pub sequence: Option<u32>,
    /// Bytes of payload written to the buffer.
    pub len: usize,
    /// Records (lines) in it.
    pub records: usize,
    /// Model time of the last record, nanoseconds since the Unix epoch.
    pub at_ns: u64,
}

/// A seeded model of exporters. See the crate's description.
pub struct Model {
    config: ModelConfig,
    world: World,
    random: Random,
    exporters: Vec<Exporter>,
    /// Exporter by exporter, slot by slot, family by family.
    lines: Vec<Line>,
    /// Address families that lines have: one or two.
    families: u32,
    /// How often a datagram is of the second family.
    second_family: Share,
    clock: Clock,
    /// Number of the next session.
    number: u64,
}

/// A device that sends.
struct Exporter {
    origin: Origin,
    pool: Pool,
    blocks: Blocks,
    host: Vec<u8>,
    header: Header,
    /// Model time at which it started, nanoseconds since the Unix epoch.
    booted_ns: u64,
    /// The header's time as text, and the second that it is of.
    timestamp: (u32, [u8; 19]),
}

/// Model time.
struct Clock {
    now_ns: u64,
    step_ns: u64,
}

impl Clock {
    fn tick(&mut self) {
        self.now_ns += self.step_ns;
    }

    fn seconds(&self) -> u32 {
        (self.now_ns / NS_PER_SECOND) as u32
    }
}

impl Model {
    /// A model of `config`.
    ///
    /// # Errors
    /// If the configuration asks for what the model cannot do; the error names the field.
    pub fn new(config: ModelConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut random = Random::new(config.seed);
        let v6_share = config.nat64_share + config.dslite_share;
        let exporters: Vec<Exporter> =
            (0..config.exporters).map(|index| Exporter::new(&config, index, &mut random)).collect();
        let families: &[Layout] = match v6_share {
            0.0 => &[Layout::V4],
            1.0 => &[Layout::V6],
            _ => &[Layout::V4, Layout::V6],
        };
        let lines = build_lines(&config, families, &exporters, &mut random);
        Ok(Self {
            world: World::new(&config),
            random,
            exporters,
            lines,
            families: families.len() as u32,
            second_family: second_family(&config, v6_share),
            clock: Clock {
                now_ns: u64::from(config.start_time) * NS_PER_SECOND,
                step_ns: NS_PER_SECOND / config.events_per_second,
            },
            number: 0,
            config,
        })
    }

    /// The configuration that the model was made of.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Model time, nanoseconds since the Unix epoch.
    pub fn now_ns(&self) -> u64 {
        self.clock.now_ns
    }

    /// Moves model time on to `epoch_ns`, for a caller that has a clock of its own; an earlier
    /// time changes nothing. Events still advance it by 1 / `events_per_second`.
    pub fn advance_to(&mut self, epoch_ns: u64) {
        self.clock.now_ns = self.clock.now_ns.max(epoch_ns);
    }

    /// Writes the payload of the next datagram to the start of `out`, and what it carries to the
    /// end of `truth`. Allocates nothing without `truth`.
    ///
    /// # Panics
    /// If `out` is shorter than the configuration's `datagram_bytes_max`.
    pub fn next_datagram(
        &mut self,
        out: &mut [u8],
        truth: Option<&mut Vec<Truth>>,
    ) -> DatagramInfo {
        let out = &mut out[..self.config.datagram_bytes_max];
        let pairs = self.lines.len() as u32 / self.families;
        let pair = self.random.below(pairs);
        let second = self.families == 2 && self.random.chance(self.second_family);
        let line = (pair * self.families + u32::from(second)) as usize;
        match self.config.format {
            Format::UsgNetflow => self.netflow_datagram(line, out, truth),
            Format::UsgSyslogDefault | Format::UsgMtn => self.text_datagram(line, out, truth),
            Format::NetflowV5 => self.flow_datagram(line, out, truth),
            Format::H3cUserlog => self.userlog_datagram(Kind::H3c, line, out, truth),
            Format::HuaweiElog => self.userlog_datagram(Kind::Elog, line, out, truth),
            Format::NetflowV9 => self.v9_datagram(line, out, truth),
            Format::Ipfix => self.ipfix_datagram(line, out, truth),
            Format::UsgPolicy => self.messages::<usg_policy::Style>(line, out, truth),
            Format::UsgIm => self.messages::<usg_im::Style>(line, out, truth),
            Format::CgnCn => self.messages::<cgn_cn::Style>(line, out, truth),
            Format::CgnUnicom => self.messages::<cgn_unicom::Style>(line, out, truth),
            Format::CgnFt => self.messages::<cgn_ft::Style>(line, out, truth),
            Format::Firebrick => self.messages::<firebrick::Style>(line, out, truth),
            Format::JuniperSrx => self.messages::<juniper_srx::Style>(line, out, truth),
            Format::Fortinet => self.messages::<fortinet::Style>(line, out, truth),
        }
    }

    fn netflow_datagram(
        &mut self,
        line: usize,
        out: &mut [u8],
        mut truth: Option<&mut Vec<Truth>>,
    ) -> DatagramInfo {
        let line = &mut self.lines[line];
        let exporter = &mut self.exporters[line.exporter as usize];
        let source_id = line.layout.source_id(line.slot);
        let origin = Origin { observation_domain: Some(source_id), ..exporter.origin };
        let with_template = line.sequence.is_multiple_of(self.config.template_every);
        let truth_before = truth.as_ref().map_or(0, |truth| truth.len());
        let mut packet = Packet::new(out, line.layout, limits(&self.config), with_template);
        let mut at_ns = self.clock.now_ns;
        while packet.has_room() && packet.records() < self.config.records_per_datagram_max {
            at_ns = self.clock.now_ns;
            let now = self.clock.seconds();
            let happening =
                line.next(&self.world, &mut exporter.pool, &mut self.random, &mut self.number, now);
            let record = line.record(&self.world, &exporter.pool, &happening);
            packet.push(&record);
            if let Some(truth) = truth.as_deref_mut() {
                let moment = Moment { number: happening.session.number, at_ns };
                truth.push(Truth::Session(Session::from_netflow(origin, moment, &record)));
            }
            self.clock.tick();
        }
        let header = netflow::Header {
            uptime_ms: ((at_ns - exporter.booted_ns) / 1_000_000) as u32,
            unix_seconds: (at_ns / NS_PER_SECOND) as u32,
            sequence: line.sequence,
            source_id,
            count: self.config.count,
        };
        if let Some(truth) = truth {
            for session in truth[truth_before..].iter_mut().filter_map(Truth::session_mut) {
                session.header_time = Some(header.unix_seconds);
            }
        }
        line.sequence = line.sequence.wrapping_add(1);
        let records = packet.records();
        origin.datagram(Some(header.sequence), packet.finish(&header), records, at_ns)
    }

    fn text_datagram(
        &mut self,
        line: usize,
        out: &mut [u8],
        mut truth: Option<&mut Vec<Truth>>,
    ) -> DatagramInfo {
        let line = &mut self.lines[line];
        let exporter = &mut self.exporters[line.exporter as usize];
        let quirk = Share::new(self.config.quirk_share);
        let lines = self.config.lines_per_datagram.min(self.config.records_per_datagram_max);
        let (mut at, mut records) = (0, 0);
        let mut at_ns = self.clock.now_ns;
        while records == 0 || (records < lines && at + 1 + LINE_BYTES_MAX <= out.len()) {
            if records > 0 {
                out[at] = b'\n';
                at += 1;
            }
            at_ns = self.clock.now_ns;
            let now = self.clock.seconds();
            let happening =
                line.next(&self.world, &mut exporter.pool, &mut self.random, &mut self.number, now);
            let header_time = now - u32::from(self.random.chance(quirk));
            exporter.set_timestamp(header_time);
            let record = line.record(&self.world, &exporter.pool, &happening);
            let envelope = exporter.envelope(draw_quirks(&mut self.random, quirk));
            at += write_text(&self.config, &mut out[at..], &envelope, &record);
            records += 1;
            if let Some(truth) = truth.as_deref_mut() {
                let moment = Moment { number: happening.session.number, at_ns };
                let session = match self.config.format {
                    Format::UsgMtn => Session::from_mtn,
                    _ => Session::from_default,
                };
                let session = session(exporter.origin, moment, &envelope, header_time, &record);
                truth.push(Truth::Session(session));
            }
            self.clock.tick();
        }
        exporter.origin.datagram(None, at, records, at_ns)
    }
}

impl Origin {
    fn datagram(
        &self,
        sequence: Option<u32>,
        len: usize,
        records: usize,
        at_ns: u64,
    ) -> DatagramInfo {
        DatagramInfo {
            exporter: self.exporter,
            exporter_port: self.exporter_port,
            observation_domain: self.observation_domain,
            sequence,
            len,
            records,
            at_ns,
        }
    }
}

impl Exporter {
    fn new(config: &ModelConfig, index: u32, random: &mut Random) -> Self {
        let addresses_each = POOL_ADDRESSES / config.exporters;
        let number = config.first_exporter + index;
        let has_blocks = config.format.has_port_blocks();
        let ports_end = if has_blocks { blocks::PORTS_BEGIN } else { PORTS_ALL };
        // It has been up for a second to thirty days.
        let uptime_seconds = (1 + random.below(30 * 86_400)).min(config.start_time);
        Self {
            origin: Origin {
                exporter: addresses::exporter(number, config.exporters_over_ipv6),
                exporter_port: 20_000 + number as u16,
                observation_domain: None,
            },
            pool: Pool::new(index * addresses_each, addresses_each, ports_end),
            blocks: Blocks::new(if has_blocks { addresses_each } else { 0 }),
            host: format!("{}-{number:03}", host_prefix(config.format)).into_bytes(),
            header: config.headers[index as usize % config.headers.len()],
            booted_ns: u64::from(config.start_time - uptime_seconds) * NS_PER_SECOND,
            timestamp: (u32::MAX, [0; 19]),
        }
    }

    /// Prepares the header's time for this second, UTC.
    #[inline]
    fn set_timestamp(&mut self, second: u32) {
        if self.timestamp.0 != second {
            let offset = self.header.utc_offset_seconds().unwrap_or(0);
            self.timestamp = (second, timestamp(i64::from(second) + i64::from(offset)));
        }
    }

    fn envelope(&self, quirks: Quirks) -> Envelope<'_> {
        Envelope { header: self.header, host: &self.host, timestamp: &self.timestamp.1, quirks }
    }
}

impl World {
    fn new(config: &ModelConfig) -> Self {
        let part = |share: f64, of: f64| Share::new(if of > 0.0 { share / of } else { 0.0 });
        let detail_level = match (config.format, config.details) {
            (Format::UsgMtn, _) => DetailLevel::Zones,
            (Format::UsgSyslogDefault, true)
            | (Format::UsgPolicy | Format::Ipfix | Format::JuniperSrx, _) => {
                DetailLevel::Everything
            }
            _ => DetailLevel::Nothing,
        };
        // The carriers' dialects report mappings: sessions from inside that are translated.
        let mappings = matches!(config.format, Format::CgnCn | Format::CgnUnicom);
        let block_share = match config.format {
            Format::CgnFt => 1.0,
            format if format.has_port_blocks() => config.block_share,
            _ => 0.0,
        };
        Self {
            inbound: Share::new(if mappings { 0.0 } else { config.inbound_share }),
            untranslated: if mappings {
                Share::new(0.0)
            } else {
                part(config.untranslated_share, 1.0 - config.inbound_share)
            },
            dslite: part(config.dslite_share, config.nat64_share + config.dslite_share),
            application: Share::new(config.application_share),
            remotes: Weighted::zipf(REMOTES),
            detail_level,
            charset: config.charset,
            wanted: match config.format {
                Format::UsgPolicy => Wanted::Creations,
                Format::NetflowV5 => Wanted::Ends,
                _ => Wanted::All,
            },
            blocks: Share::new(block_share),
            keepalives: config.format == Format::CgnFt,
        }
    }
}

/// A line for each exporter, slot and family; subscribers and live sessions are shared out.
fn build_lines(
    config: &ModelConfig,
    families: &[Layout],
    exporters: &[Exporter],
    random: &mut Random,
) -> Vec<Line> {
    let count = config.exporters * u32::from(config.slots) * families.len() as u32;
    let subscribers_each = config.subscribers / count;
    let live_each = (config.sessions_live_max / count) as usize;
    let mut lines = Vec::with_capacity(count as usize);
    for (exporter, device) in (0u32..).zip(exporters) {
        for slot in 0..config.slots {
            for &layout in families {
                let plan = Plan {
                    first: lines.len() as u32 * subscribers_each,
                    count: subscribers_each,
                    pool_addresses: device.pool.addresses(),
                    vrfs: config.vrfs,
                    user_share: config.user_share,
                };
                lines.push(Line {
                    exporter,
                    // The document's device has slot 0x0b.
                    slot: 0x0b + slot,
                    layout,
                    subscribers: Subscribers::new(&plan, random),
                    sessions: Sessions::new(live_each, config.start_time),
                    sequence: 0,
                    datagrams: 0,
                });
            }
        }
    }
    lines
}

/// What the devices of a format are called.
fn host_prefix(format: Format) -> &'static str {
    match format {
        Format::CgnCn | Format::CgnUnicom | Format::CgnFt => "CGN",
        Format::Firebrick => "FB",
        Format::JuniperSrx => "SRX",
        Format::Fortinet => "FGT",
        _ => "USG",
    }
}

/// How often a datagram is of template 1316, so that its *records* have their share: they are
/// longer, and fewer in a datagram.
fn second_family(config: &ModelConfig, share: f64) -> Share {
    if config.format != Format::UsgNetflow {
        return Share::new(share);
    }
    let mut buffer = vec![0; config.datagram_bytes_max];
    let mut capacity = |layout| {
        let mut packet = Packet::new(&mut buffer, layout, limits(config), true);
        while packet.has_room() && packet.records() < config.records_per_datagram_max {
            packet.push(&Record::default());
        }
        packet.records() as f64
    };
    let second = share / capacity(Layout::V6);
    let first = (1.0 - share) / capacity(Layout::V4);
    Share::new(second / (first + second))
}

fn limits(config: &ModelConfig) -> netflow::Limits {
    netflow::Limits {
        bytes_max: config.datagram_bytes_max,
        flowsets_max: config.flowsets_max,
        records_per_flowset: config.records_per_flowset,
    }
}

fn draw_quirks(random: &mut Random, share: Share) -> Quirks {
    Quirks {
        space_after_pri: random.chance(share),
        tight_session: random.chance(share),
        space_after_source_port: random.chance(share),
    }
}

#[inline]
fn write_text(
    config: &ModelConfig,
    out: &mut [u8],
    envelope: &Envelope<'_>,
    record: &Record<'_>,
) -> usize {
    match config.format {
        Format::UsgMtn => write_mtn(out, envelope, record, config.mtn_counters),
        _ => write_default(out, envelope, record),
    }
}
