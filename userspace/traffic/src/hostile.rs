//! Datagrams that no honest exporter sends, seeded: what a decoder must survive with its limits
//! and counters intact.

use crate::config::{Format, ModelConfig};
use crate::model::Model;
use crate::random::Random;
use crate::syslog::Header;

/// What is wrong with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Attack {
    /// Many templates, each with another id.
    TemplateBomb,
    /// A valid packet under an observation domain that was never used before.
    DomainBomb,
    /// A template whose fields are all 0 bytes long, and data for it: a record that is empty.
    ZeroLengthFields,
    /// A template with fields 65 535 bytes long (in IPFIX: variable), and data for it.
    LongFields,
    /// A template that says it has more fields than the datagram holds.
    FieldCountLies,
    /// A flowset whose length is 0, below its header, or beyond the datagram.
    FlowsetLengthLies,
    /// A template that replaces the session logs' own (1315) by another layout, and data for it.
    TemplateRedefined,
    /// A valid packet cut short anywhere.
    Truncated,
    /// A valid NetFlow packet with some bytes changed.
    MutatedNetflow,
    /// A valid line with some bytes changed, doubled or left out.
    MutatedText,
    /// A valid datagram of any format, damaged.
    Damaged,
    /// Bytes at random, with a version in front at times.
    Noise,
    /// Nothing at all.
    Empty,
}

impl Attack {
    /// Every attack.
    pub const ALL: [Self; 13] = [
        Self::TemplateBomb,
        Self::DomainBomb,
        Self::ZeroLengthFields,
        Self::LongFields,
        Self::FieldCountLies,
        Self::FlowsetLengthLies,
        Self::TemplateRedefined,
        Self::Truncated,
        Self::MutatedNetflow,
        Self::MutatedText,
        Self::Damaged,
        Self::Noise,
        Self::Empty,
    ];
}

/// Length of a hostile datagram in bytes, at most.
pub const DATAGRAM_BYTES_MAX: usize = 1_400;

/// A seeded source of hostile datagrams.
pub struct Hostile {
    random: Random,
    /// Honest datagrams to damage.
    netflow: Model,
    texts: Vec<Model>,
    /// One of each format.
    any: Vec<Model>,
    corruption: Corruption,
    domain: u32,
    template_id: u16,
}

impl Hostile {
    /// The source of `seed`.
    pub fn new(seed: u64) -> Self {
        let honest = |format, nat64_share| {
            let config = ModelConfig {
                seed,
                format,
                nat64_share,
                exporters: 5,
                subscribers: 1_000,
                sessions_live_max: 200,
                lines_per_datagram: 3,
                headers: Header::ALL.to_vec(),
                ..ModelConfig::default()
            };
            Model::new(config).expect("the configuration is within the limits")
        };
        Self {
            random: Random::new(seed),
            netflow: honest(Format::UsgNetflow, 0.3),
            any: Format::ALL.map(|format| honest(format, 0.0)).into(),
            corruption: Corruption::new(seed),
            texts: vec![honest(Format::UsgSyslogDefault, 0.1), honest(Format::UsgMtn, 0.1)],
            domain: 0,
            template_id: 256,
        }
    }

    /// Replaces `out` by the next datagram, of an attack at random; says which.
    pub fn next_datagram(&mut self, out: &mut Vec<u8>) -> Attack {
        let attack = Attack::ALL[self.random.below(Attack::ALL.len() as u32) as usize];
        self.datagram_of(attack, out);
        attack
    }

    /// Replaces `out` by a datagram of one attack.
    pub fn datagram_of(&mut self, attack: Attack, out: &mut Vec<u8>) {
        out.clear();
        match attack {
            Attack::TemplateBomb => self.template_bomb(out),
            Attack::DomainBomb => {
                self.honest_netflow(out);
                self.domain = self.domain.wrapping_add(1);
                out[16..20].copy_from_slice(&self.domain.to_be_bytes());
            }
            Attack::ZeroLengthFields => self.odd_fields(out, 0),
            Attack::LongFields => self.odd_fields(out, u16::MAX),
            Attack::FieldCountLies => self.field_count_lies(out),
            Attack::FlowsetLengthLies => self.flowset_length_lies(out),
            Attack::TemplateRedefined => self.template_redefined(out),
            Attack::Truncated => {
                self.honest_netflow(out);
                let kept = self.random.below(out.len() as u32) as usize;
                out.truncate(kept);
            }
            Attack::MutatedNetflow => {
                self.honest_netflow(out);
                mutate(&mut self.random, out);
            }
            Attack::MutatedText => {
                self.honest_text(out);
                mutate(&mut self.random, out);
            }
            Attack::Damaged => {
                let which = self.random.below(self.any.len() as u32) as usize;
                let mut honest = Vec::new();
                write_honest(&mut self.any[which], &mut honest);
                self.corruption.damage(&honest, out);
            }
            Attack::Noise => self.noise(out),
            Attack::Empty => {}
        }
        out.truncate(DATAGRAM_BYTES_MAX);
    }

    fn honest_netflow(&mut self, out: &mut Vec<u8>) {
        write_honest(&mut self.netflow, out);
    }

    fn honest_text(&mut self, out: &mut Vec<u8>) {
        let which = self.random.below(self.texts.len() as u32) as usize;
        write_honest(&mut self.texts[which], out);
    }

    /// A v9 or an IPFIX header, and the id of template sets in it.
    fn header(&mut self, out: &mut Vec<u8>) -> u16 {
        let is_ipfix = self.random.below(2) == 1;
        let (version, template_set) = if is_ipfix { (10, 2) } else { (9, 0) };
        put_u16(out, version);
        // v9's count; IPFIX's length is wrong by this, which `finish` mends.
        put_u16(out, self.random.next_u64() as u16);
        let rest = if is_ipfix { 12 } else { 16 };
        for _ in 0..rest {
            out.push(self.random.next_u64() as u8);
        }
        template_set
    }

    fn template_bomb(&mut self, out: &mut Vec<u8>) {
        let set = self.header(out);
        let set_at = begin_set(out, set);
        while out.len() + 12 <= DATAGRAM_BYTES_MAX {
            put_u16(out, self.template_id);
            put_u16(out, 2);
            for _ in 0..2 {
                put_u16(out, 1 + self.random.below(500) as u16);
                put_u16(out, 1 + self.random.below(16) as u16);
            }
            self.template_id = self.template_id.checked_add(1).unwrap_or(256);
        }
        end_set(out, set_at);
        finish(out);
    }

    fn odd_fields(&mut self, out: &mut Vec<u8>, length: u16) {
        let set = self.header(out);
        let fields = 1 + self.random.below(20) as u16;
        let set_at = begin_set(out, set);
        put_u16(out, 999);
        put_u16(out, fields);
        for field in 0..fields {
            put_u16(out, 1 + field);
            put_u16(out, length);
        }
        end_set(out, set_at);
        let set_at = begin_set(out, 999);
        self.random_bytes(out, 200);
        end_set(out, set_at);
        finish(out);
    }

    fn field_count_lies(&mut self, out: &mut Vec<u8>) {
        let set = self.header(out);
        let set_at = begin_set(out, set);
        put_u16(out, 1_315);
        put_u16(out, 100 + self.random.below(65_436) as u16);
        for field in 0..20 {
            put_u16(out, field);
            put_u16(out, 4);
        }
        end_set(out, set_at);
        finish(out);
    }

    fn flowset_length_lies(&mut self, out: &mut Vec<u8>) {
        self.honest_netflow(out);
        // The first flowset is the template; its length stands 2 bytes behind its id.
        let first = usize::from(u16::from_be_bytes([out[22], out[23]]));
        let at = if self.random.below(2) == 0 { 22 } else { 20 + first + 2 };
        let lie = match self.random.below(4) {
            0 => 0,
            1 => self.random.below(4) as u16,
            2 => out.len() as u16 + 1,
            _ => self.random.next_u64() as u16,
        };
        out[at..at + 2].copy_from_slice(&lie.to_be_bytes());
    }

    fn template_redefined(&mut self, out: &mut Vec<u8>) {
        let set = self.header(out);
        let set_at = begin_set(out, set);
        let fields = 1 + self.random.below(60) as u16;
        put_u16(out, 1_315);
        put_u16(out, fields);
        for _ in 0..fields {
            put_u16(out, self.random.below(512) as u16);
            put_u16(out, self.random.below(20) as u16);
        }
        end_set(out, set_at);
        let set_at = begin_set(out, 1_315);
        self.random_bytes(out, 800);
        end_set(out, set_at);
        finish(out);
    }

    fn noise(&mut self, out: &mut Vec<u8>) {
        if self.random.below(2) == 0 {
            self.header(out);
        }
        self.random_bytes(out, 1_300);
    }

    fn random_bytes(&mut self, out: &mut Vec<u8>, bytes_max: u32) {
        for _ in 0..self.random.below(bytes_max) {
            out.push(self.random.next_u64() as u8);
        }
    }
}

/// A seeded source of damage to honest datagrams of any format: cut short, some bytes changed,
/// spliced with the one before.
pub struct Corruption {
    random: Random,
    before: Vec<u8>,
}

impl Corruption {
    /// The source of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), before: Vec::new() }
    }

    /// Replaces `out` by `honest`, damaged.
    pub fn damage(&mut self, honest: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(honest);
        match self.random.below(4) {
            0 => out.truncate(self.random.below(honest.len() as u32) as usize),
            1 => self.splice(out),
            _ => mutate(&mut self.random, out),
        }
        self.before.clear();
        self.before.extend_from_slice(honest);
    }

    /// The begin of one datagram and the end of another, at times with some bytes changed.
    fn splice(&mut self, out: &mut Vec<u8>) {
        let begin = self.random.below(out.len() as u32) as usize;
        let end = self.random.below(self.before.len() as u32) as usize;
        out.truncate(begin);
        out.extend_from_slice(&self.before[end..]);
        if self.random.below(2) == 0 && !out.is_empty() {
            mutate(&mut self.random, out);
        }
    }
}

/// Changes, removes or doubles a few bytes.
fn mutate(random: &mut Random, out: &mut Vec<u8>) {
    for _ in 0..1 + random.below(8) {
        let at = random.below(out.len() as u32) as usize;
        match random.below(8) {
            0 if out.len() > 1 => {
                out.remove(at);
            }
            1 => out.insert(at, out[at]),
            2 => out[at] = [0x00, 0xff, 0x7f, 0x80][random.below(4) as usize],
            3 => out[at] = b",=.:[]()<> %\n0"[random.below(14) as usize],
            4 => out[at] ^= 1 << random.below(8),
            _ => out[at] = random.next_u64() as u8,
        }
    }
}

fn write_honest(model: &mut Model, out: &mut Vec<u8>) {
    out.resize(model.config().datagram_bytes_max, 0);
    let length = model.next_datagram(out, None).len;
    out.truncate(length);
}

fn put_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

/// Writes a set's header, its length open; returns where it begins.
fn begin_set(out: &mut Vec<u8>, id: u16) -> usize {
    let at = out.len();
    put_u16(out, id);
    put_u16(out, 0);
    at
}

fn end_set(out: &mut [u8], set_at: usize) {
    let length = (out.len() - set_at) as u16;
    out[set_at + 2..set_at + 4].copy_from_slice(&length.to_be_bytes());
}

/// In IPFIX the header holds the message's length.
fn finish(out: &mut [u8]) {
    if out[..2] == [0, 10] {
        let length = out.len() as u16;
        out[2..4].copy_from_slice(&length.to_be_bytes());
    }
}
