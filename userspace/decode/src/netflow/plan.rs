//! A plan: what a template says about its records, worked out once, so that data is only moved.

use super::{
    elements,
    nat_event::Codes,
    numbers::Number,
    options::{Lookup, OptionsPlan},
    profile::{Meaning, Profile, Unit},
    template::{Field, Length, TemplateRecord, VARIABLE_LENGTH},
    tiles::Tiles,
};
use crate::{
    context::{Flags, Format},
    reason::Reason,
    session::{Column, ColumnSet, Event},
    settings::NatEvents,
};

/// Where a field is in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its place among the fields: by this it is found in records of variable length.
    pub field: u16,
    /// Its offset in bytes in records of fixed length.
    pub offset: u16,
    /// Its length in bytes, or [`VARIABLE_LENGTH`]; never 0.
    pub len: u16,
}

/// How a move reads its bytes, where they are more than a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Text; zero bytes at its end are filling.
    Text,
    /// A time: the whole seconds go to the move's column, the rest to this one.
    Time(Unit, Column),
    /// Milliseconds of the exporter's uptime; columns as above. The slot is that of the time at
    /// which the exporter started (element 160), where the record has it.
    Uptime(Column, Option<Slot>),
    /// Microseconds, of which milliseconds are stored.
    Microseconds,
    /// A subscriber as Nokia writes it: a user and an address.
    Subscriber,
}

/// One field of every record into one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The column that is filled.
    pub column: Column,
    /// How the bytes are read.
    pub read: Read,
    /// Where the field is.
    pub slot: Slot,
}

/// What the value of an extra field is. One whose length does not fit is a number or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An unsigned number of 1 to 8 bytes.
    Number,
    /// A number in two's complement, of 1 to 8 bytes.
    Signed,
    /// IEEE 754, of 4 or 8 bytes.
    Float,
    /// Text; zero bytes at its end are filling.
    Text,
    /// An IP address.
    Address,
    /// An Ethernet address.
    Mac,
    /// Bytes.
    Bytes,
    /// The code of an event, kept where the event does not tell it.
    Code(Codes),
}

/// A field that has no column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtraField {
    /// Who defined the element; 0 for IANA.
    pub enterprise: u32,
    /// The information element.
    pub element: u16,
    /// What its value is.
    pub kind: Kind,
    /// Where the field is.
    pub slot: Slot,
}

/// The fields that make a block of ports (RFC 8158 §4.4, elements 361 to 364).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first port.
    pub start: Slot,
    /// The last port.
    pub end: Option<Slot>,
    /// Distance from one port of the block to the next.
    pub step: Option<Slot>,
    /// How many ports.
    pub count: Option<Slot>,
    /// natEvent.
    pub event: Option<Slot>,
}

/// What the records of a template become.
#[derive(Debug, PartialEq)]
pub enum Family {
    /// Rows of the family `session`.
    Session,
    /// Rows of the family `port_block`.
    PortBlock(Block),
    /// Facts about the exporter.
    Options(OptionsPlan),
}

/// How a template is read, beside what it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Whose meanings its elements have.
    pub profile: Profile,
    /// Whose the template itself shows them to be, whatever is configured.
    pub recognised: Profile,
    /// The numbering of natEvent that is configured for the exporter.
    pub nat_events: Option<NatEvents>,
}

/// A compiled template.
#[derive(Debug)]
pub struct Plan {
    /// What its records are called.
    pub format: Format,
    /// How it was read.
    pub reading: Reading,
    /// Length of a record.
    pub length: Length,
    /// Lengths of the fields, where records are of variable length.
    pub field_lens: Box<[u16]>,
    /// What its records become.
    pub family: Family,
    /// The columns that it fills.
    pub columns: ColumnSet,
    /// The event of every record, where the record itself has none.
    pub constant_event: Option<Event>,
    /// What to know about its records.
    pub flags: Flags,
    /// Numbers and addresses of fixed length.
    pub numbers: Box<[Number]>,
    /// What vector instructions make of the first of them.
    pub tiles: Tiles,
    /// All other moves.
    pub moves: Box<[Move]>,
    /// Fields for `extra`.
    pub extras: Box<[ExtraField]>,
    /// Whether every record has something for `extra`, and not only some codes of events.
    pub has_extras: bool,
    /// Fields about which options data may have told more.
    pub lookups: Box<[Lookup]>,
}

impl Plan {
    /// Compiles a template.
    pub fn compile(
        template: &TemplateRecord<'_>,
        reading: Reading,
        fields_max: usize,
    ) -> Result<Plan, Reason> {
        let length = template.length(fields_max)?;
        let fields = || slots(template);
        let block = block(template);
        let mut plan = Compiler::new(template, reading, block);
        let family = match block {
            _ if template.options => Family::Options(OptionsPlan::compile(fields())),
            Some(block) => Family::PortBlock(block),
            None => Family::Session,
        };
        if !template.options {
            for coarseness in 0..=2 {
                let fields = fields().filter(|(field, _)| self::coarseness(*field) == coarseness);
                fields.for_each(|(field, slot)| plan.add(field, slot));
            }
        }
        let constant_event = (family == Family::Session && !plan.has_code)
            .then(|| reading.profile.constant_event(template));
        if constant_event.is_some() {
            plan.columns = plan.columns.with(Column::Event);
        }
        let varies = matches!(length, Length::Variable(_));
        let tiles = Tiles::compile(&mut plan.numbers, length);
        let is_code = |extra: &ExtraField| matches!(extra.kind, Kind::Code(_));
        let has_extras = family != Family::Session || !plan.extras.iter().all(is_code);
        Ok(Plan {
            format: reading.profile.format(template.version),
            reading,
            length,
            field_lens: template.fields().filter(|_| varies).map(|field| field.len).collect(),
            family,
            columns: plan.columns,
            constant_event,
            flags: reading.profile.flags(),
            numbers: plan.numbers.into_boxed_slice(),
            tiles,
            moves: plan.moves.into_boxed_slice(),
            has_extras,
            extras: plan.extras.into_boxed_slice(),
            lookups: plan.lookups.into_boxed_slice(),
        })
    }

    /// Whether its records describe the exporter.
    pub const fn is_options(&self) -> bool {
        matches!(self.family, Family::Options(_))
    }

    /// Bytes of a record, where all of them are sessions and equally long.
    pub fn session_len(&self) -> Option<usize> {
        match (&self.family, self.length) {
            (Family::Session, Length::Fixed(len)) => Some(usize::from(len)),
            _ => None,
        }
    }

    /// Heap bytes that the plan takes.
    pub fn heap_bytes(&self) -> usize {
        let options = match &self.family {
            Family::Options(options) => options.heap_bytes(),
            Family::Session | Family::PortBlock(_) => 0,
        };
        options
            + size_of_val(&*self.field_lens)
            + size_of_val(&*self.numbers)
            + self.tiles.heap_bytes()
            + size_of_val(&*self.moves)
            + size_of_val(&*self.extras)
            + size_of_val(&*self.lookups)
    }
}

/// The fields of a template that are not empty, with their places.
fn slots<'a>(template: &TemplateRecord<'a>) -> impl Iterator<Item = (Field, Slot)> + use<'a> {
    let mut offset = 0u16;
    let placed = template.fields().zip(0..).map(move |(field, number)| {
        let slot = Slot { field: number, offset, len: field.len };
        offset = offset.saturating_add(field.len);
        (field, slot)
    });
    placed.filter(|(field, _)| field.len != 0)
}

/// The first field of an IANA element that is so long at the most.
fn slot_of(template: &TemplateRecord<'_>, element: u16, len_max: u16) -> Option<Slot> {
    let fits = |field: &Field| (field.enterprise, field.element) == (0, element);
    slots(template).find(|(field, slot)| fits(field) && slot.len <= len_max).map(|(_, slot)| slot)
}

fn block(template: &TemplateRecord<'_>) -> Option<Block> {
    let port = |element| slot_of(template, element, 2);
    Some(Block {
        start: port(361)?,
        end: port(362),
        step: port(363),
        count: port(364),
        event: slot_of(template, 230, 1),
    })
}

struct Compiler {
    reading: Reading,
    codes: Codes,
    /// Whether there is anything that an event could have happened to.
    has_address: bool,
    /// Both families of the source's address, as in DS-Lite.
    both_sources: bool,
    has_uptime_base: bool,
    started: Option<Slot>,
    block: Option<Block>,
    has_code: bool,
    columns: ColumnSet,
    numbers: Vec<Number>,
    moves: Vec<Move>,
    extras: Vec<ExtraField>,
    lookups: Vec<Lookup>,
}

impl Compiler {
    fn new(template: &TemplateRecord<'_>, reading: Reading, block: Option<Block>) -> Self {
        const ADDRESSES: [u16; 10] = [8, 12, 27, 28, 225, 226, 281, 282, 40_001, 40_002];
        const IPV6: [u16; 4] = [27, 28, 281, 282];
        let has_any = |elements: &[u16]| elements.iter().any(|element| template.has(*element));
        let codes = match (reading.profile, reading.nat_events) {
            (_, Some(configured)) => Codes::Nat(configured),
            (Profile::HuaweiUsg, None) => Codes::Nat(NatEvents::Huawei),
            (_, None) => Codes::NatUnknown { v6: has_any(&IPV6) },
        };
        Self {
            reading,
            codes,
            has_address: has_any(&ADDRESSES),
            both_sources: template.has(8) && template.has(27),
            has_uptime_base: template.version == super::Version::V9,
            started: slot_of(template, 160, 8).filter(|slot| slot.len == 8),
            block,
            has_code: false,
            columns: ColumnSet::EMPTY,
            numbers: Vec::new(),
            moves: Vec::new(),
            extras: Vec::new(),
            lookups: Vec::new(),
        }
    }

    fn add(&mut self, field: Field, slot: Slot) {
        self.lookups.extend(Lookup::of(field, slot));
        if self.block.is_some_and(|block| block.start == slot || block.end == Some(slot)) {
            return;
        }
        let meaning = self.reading.profile.meaning(field.enterprise, field.element);
        let moved = match meaning {
            Meaning::Padding => true,
            Meaning::Value(column) => self.value(column, slot),
            Meaning::Text(column) => self.one(column, Read::Text, true, slot),
            Meaning::NatEvent => return self.code(self.codes, field, slot),
            Meaning::FirewallEvent => return self.code(Codes::Firewall, field, slot),
            Meaning::Seconds(column) => self.number(Number::value(column, slot), column),
            Meaning::Time(unit, column, rest) => {
                self.pair(column, rest, Read::Time(unit, rest), slot.len == unit.bytes(), slot)
            }
            Meaning::UptimeMilliseconds(column, rest) => {
                let read = Read::Uptime(rest, self.started);
                self.pair(column, rest, read, slot.len == 4, slot)
                    && (self.has_uptime_base || self.started.is_some())
            }
            Meaning::Microseconds(column) => {
                // Less than a millisecond would be lost.
                self.one(column, Read::Microseconds, slot.len <= 8, slot);
                false
            }
            Meaning::Subscriber => self.subscriber(slot),
            Meaning::Extra => false,
        };
        // A block has one time only: that of its event may be told by these.
        let told_too = self.block.is_some() && meaning.is_bound();
        if !moved || told_too {
            self.extra(field, Kind::of(field), slot);
        }
    }

    /// A plain value.
    fn value(&mut self, column: Column, slot: Slot) -> bool {
        let moved = self.number(Number::value(column, slot), column);
        // A block of ports has one private address.
        moved && !(self.block.is_some() && self.both_sources && column == Column::SrcV6)
    }

    /// The code of an event. The raw code is an extra field, which is left out of records whose
    /// event tells it.
    fn code(&mut self, codes: Codes, field: Field, slot: Slot) {
        self.has_code = true;
        let number = Number::event(codes, slot).filter(|_| self.has_address);
        let moved = self.number(number, Column::Event);
        let kind = match self.block {
            Some(_) if field.element == 230 && slot.len == 1 => Kind::Code(Codes::Block),
            _ if moved => Kind::Code(codes),
            _ => Kind::of(field),
        };
        self.extra(field, kind, slot);
    }

    fn number(&mut self, number: Option<Number>, column: Column) -> bool {
        let number = number.filter(|_| self.claim(column));
        self.numbers.extend(number);
        number.is_some()
    }

    fn one(&mut self, column: Column, read: Read, fits: bool, slot: Slot) -> bool {
        let fits = fits && (slot.len != VARIABLE_LENGTH || read == Read::Text);
        let claimed = fits && self.claim(column);
        self.moves.extend(claimed.then_some(Move { column, read, slot }));
        claimed
    }

    /// Takes a column for a field. The first of two fields for one column counts; the other is kept
    /// in `extra`.
    fn claim(&mut self, column: Column) -> bool {
        if self.columns.has(column) || self.block.is_some() && !is_of_block(column) {
            return false;
        }
        self.columns = self.columns.with(column);
        true
    }

    fn pair(&mut self, column: Column, rest: Column, read: Read, fits: bool, slot: Slot) -> bool {
        let moved = self.one(column, read, fits, slot);
        if moved {
            self.columns = self.columns.with(rest);
        }
        moved
    }

    fn subscriber(&mut self, slot: Slot) -> bool {
        let columns = [Column::User, Column::SrcV4, Column::SrcV6];
        if self.block.is_some() || columns.iter().any(|column| self.columns.has(*column)) {
            return false;
        }
        self.columns = columns.into_iter().fold(self.columns, ColumnSet::with);
        self.moves.push(Move { column: Column::User, read: Read::Subscriber, slot });
        true
    }

    fn extra(&mut self, field: Field, kind: Kind, slot: Slot) {
        let Field { enterprise, element, .. } = field;
        self.extras.push(ExtraField { enterprise, element, kind, slot });
    }
}

/// In which order fields are looked at: of several begins and ends of a record, the finest comes
/// first and so has the column. Uptimes come last, because nothing may tell from when they count.
fn coarseness(field: Field) -> u8 {
    match (field.enterprise, field.element) {
        (0, 21 | 22) => 2,
        (0, 150 | 151) => 1,
        _ => 0,
    }
}

/// The columns of a session that a block of ports has as well.
fn is_of_block(column: Column) -> bool {
    use Column::*;
    matches!(
        column,
        SrcV4 | SrcV6 | NatSrcV4 | NatSrcV6 | Protocol | SrcVrf | EventS | StartS | EndS
    )
}

impl Kind {
    /// By what is known of the element. Times are kept as the numbers that were sent.
    fn of(field: Field) -> Kind {
        use elements::Kind as Known;
        match elements::find(field.enterprise, field.element).map(|element| element.kind) {
            Some(Known::Signed) => Kind::Signed,
            Some(Known::Float) => Kind::Float,
            Some(Known::Text) => Kind::Text,
            Some(Known::Address) => Kind::Address,
            Some(Known::Mac) => Kind::Mac,
            Some(Known::Bytes) => Kind::Bytes,
            Some(_) | None => Kind::Number,
        }
    }
}
