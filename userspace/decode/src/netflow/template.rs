//! Template and options template records (RFC 3954 §5.2, §6.1; RFC 7011 §3.4), read and checked.

use super::Version;
use crate::{reason::Reason, session::SessionTable};

/// The lowest ID of a data template.
pub const TEMPLATE_ID_MIN: u16 = 256;

/// The mark of a variable-length field (RFC 7011 §7), which some exporters send in v9 as well.
pub const VARIABLE_LENGTH: u16 = u16::MAX;

/// One field of a template: an information element and its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Private enterprise number of whoever defined the element; 0 for IANA's.
    pub enterprise: u32,
    /// Field type (RFC 3954 §8) or information element number.
    pub element: u16,
    /// Length in bytes, or [`VARIABLE_LENGTH`].
    pub len: u16,
    /// Whether it says what the rest of an options record is about. The scopes of v9 have numbers
    /// of their own.
    pub scope: bool,
}

/// Length of the records of a template, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// All are as long as this; never 0.
    Fixed(u16),
    /// None is shorter than this; never 0.
    Variable(u16),
}

impl Length {
    /// The shortest that a record can be.
    pub const fn min(self) -> usize {
        match self {
            Length::Fixed(len) | Length::Variable(len) => len as usize,
        }
    }
}

/// What stands in a template set.
#[derive(Clone, Copy, Debug)]
pub enum Announcement<'a> {
    /// A template comes into force.
    Template(TemplateRecord<'a>),
    /// The template with this ID goes out of force; 2 stands for all templates, 3 for all options
    /// templates (RFC 7011 §8.1).
    Withdrawal(u16),
}

/// A template record as it stands in a set, its bounds checked.
#[derive(Clone, Copy, Debug)]
pub struct TemplateRecord<'a> {
    /// The version that it was sent in.
    pub version: Version,
    /// The template's ID, at least 256.
    pub id: u16,
    /// Whether its records describe the exporter (options data) and not sessions.
    pub options: bool,
    /// The whole record: two templates are the same where these bytes are.
    pub definition: &'a [u8],
    fields: &'a [u8],
    scopes: usize,
}

impl<'a> TemplateRecord<'a> {
    /// Reads what is next in a set of templates or options templates; the rest of the set comes
    /// back.
    pub fn read(
        version: Version,
        options: bool,
        set: &'a [u8],
    ) -> Result<(Announcement<'a>, &'a [u8]), Reason> {
        let template = match (version, options) {
            (Version::Ipfix, _) => return Self::read_ipfix(options, set),
            (Version::V9, false) => Self::read_v9(set),
            (Version::V9, true) => Self::read_v9_options(set),
        };
        template.map(|(template, rest)| (Announcement::Template(template), rest))
    }

    /// Reads a template of v9: ID, number of fields, fields.
    pub fn read_v9(set: &'a [u8]) -> Result<(Self, &'a [u8]), Reason> {
        let ([id, count], _) = heads(set)?;
        Self::checked(Version::V9, set, id, 4, usize::from(count) * 4, None)
    }

    /// Reads an options template of v9: ID, bytes of scopes, bytes of options, fields.
    fn read_v9_options(set: &'a [u8]) -> Result<(Self, &'a [u8]), Reason> {
        let ([id, scope_bytes, option_bytes], _) = heads(set)?;
        let (scope_bytes, option_bytes) = (usize::from(scope_bytes), usize::from(option_bytes));
        let fields_len = scope_bytes + option_bytes;
        Self::checked(Version::V9, set, id, 6, fields_len, Some(scope_bytes / 4))
    }

    /// Reads what IPFIX has in such sets: ID, number of fields, for options the number of those
    /// that are scopes, fields. No fields mean a withdrawal.
    fn read_ipfix(options: bool, set: &'a [u8]) -> Result<(Announcement<'a>, &'a [u8]), Reason> {
        let ([id, count], after) = heads(set)?;
        if count == 0 {
            let can_be = id >= TEMPLATE_ID_MIN || matches!(id, 2 | 3);
            let withdrawal = can_be.then_some((Announcement::Withdrawal(id), after));
            return withdrawal.ok_or(Reason::TemplateId);
        }
        let (fields, scopes, head_len) = if options {
            let ([_, _, scopes], fields) = heads(set)?;
            (fields, Some(scopes), 6)
        } else {
            (after, None, 4)
        };
        if scopes.is_some_and(|scopes| scopes > count) {
            return Err(Reason::TemplateFieldCount);
        }
        let mut rest = fields;
        for _ in 0..count {
            rest = split_field(Version::Ipfix, rest).ok_or(Reason::TemplateTruncated)?.1;
        }
        let fields_len = fields.len() - rest.len();
        let scopes = scopes.map(usize::from);
        let (template, rest) =
            Self::checked(Version::Ipfix, set, id, head_len, fields_len, scopes)?;
        Ok((Announcement::Template(template), rest))
    }

    /// `scopes` is the number of scope fields of an options template.
    fn checked(
        version: Version,
        set: &'a [u8],
        id: u16,
        head_len: usize,
        fields_len: usize,
        scopes: Option<usize>,
    ) -> Result<(Self, &'a [u8]), Reason> {
        let (definition, rest) =
            set.split_at_checked(head_len + fields_len).ok_or(Reason::TemplateTruncated)?;
        let fields = definition.get(head_len..).unwrap_or_default();
        if id < TEMPLATE_ID_MIN {
            return Err(Reason::TemplateId);
        }
        if fields.is_empty() || !fields.len().is_multiple_of(4) {
            return Err(Reason::TemplateFieldCount);
        }
        let (options, scopes) = (scopes.is_some(), scopes.unwrap_or(0));
        Ok((Self { version, id, options, definition, fields, scopes }, rest))
    }

    /// The fields, in the order of the record.
    pub fn fields(&self) -> impl Iterator<Item = Field> + use<'a> {
        let (version, scopes, mut rest) = (self.version, self.scopes, self.fields);
        let mut number = 0;
        std::iter::from_fn(move || {
            let (field, after) = split_field(version, rest)?;
            rest = after;
            number += 1;
            Some(Field { scope: number <= scopes, ..field })
        })
    }

    /// Whether it has one of IANA's elements.
    pub fn has(&self, element: u16) -> bool {
        self.fields().any(|field| field.enterprise == 0 && field.element == element)
    }

    /// Whether it has all of these IANA elements, of which there are at most 64.
    pub fn has_all(&self, elements: &[u16]) -> bool {
        let mut missing = u64::MAX >> (64 - elements.len().clamp(1, 64));
        for field in self.fields().filter(|field| field.enterprise == 0) {
            if let Some(at) = elements.iter().position(|element| *element == field.element) {
                missing &= !(1 << at);
            }
        }
        missing == 0
    }

    /// Checks what must hold before records can be read, and tells their length.
    pub fn length(&self, fields_max: usize) -> Result<Length, Reason> {
        if self.fields().count() > fields_max {
            return Err(Reason::TemplateFieldCount);
        }
        let (mut len, mut varies) = (0u16, false);
        for field in self.fields() {
            let variable = field.len == VARIABLE_LENGTH;
            varies |= variable;
            // A field of variable length has at least the byte that tells how long it is.
            let shortest = if variable { 1 } else { field.len };
            len = len.checked_add(shortest).ok_or(Reason::TemplateFieldLength)?;
        }
        // A record of no bytes would fit into any set endlessly often.
        let shortest = if self.options { 1 } else { SessionTable::BYTES_PER_RECORD_MIN };
        if usize::from(len) < shortest {
            return Err(Reason::TemplateRecordLength);
        }
        Ok(if varies { Length::Variable(len) } else { Length::Fixed(len) })
    }
}

/// The numbers that a record begins with.
fn heads<const N: usize>(set: &[u8]) -> Result<([u16; N], &[u8]), Reason> {
    let mut numbers = [0; N];
    let mut rest = set;
    for number in &mut numbers {
        let (bytes, after) = rest.split_first_chunk().ok_or(Reason::TemplateTruncated)?;
        *number = u16::from_be_bytes(*bytes);
        rest = after;
    }
    Ok((numbers, rest))
}

/// The next field: type and length, and in IPFIX the enterprise's number where the type's highest
/// bit is set.
fn split_field(version: Version, bytes: &[u8]) -> Option<(Field, &[u8])> {
    const ENTERPRISE: u16 = 0x8000;
    let (&[type_0, type_1, len_0, len_1], rest) = bytes.split_first_chunk()?;
    let element = u16::from_be_bytes([type_0, type_1]);
    let len = u16::from_be_bytes([len_0, len_1]);
    if version == Version::V9 || element & ENTERPRISE == 0 {
        return Some((Field { enterprise: 0, element, len, scope: false }, rest));
    }
    let (enterprise, rest) = rest.split_first_chunk()?;
    let enterprise = u32::from_be_bytes(*enterprise);
    Some((Field { enterprise, element: element & !ENTERPRISE, len, scope: false }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn field(enterprise: u32, element: u16, len: u16, scope: bool) -> Field {
        Field { enterprise, element, len, scope }
    }

    #[test]
    fn reads_fields_and_leaves_the_rest() {
        let set = bytes(&[1315, 2, 8, 4, 7, 2, 0xffff]);
        let (template, rest) = TemplateRecord::read_v9(&set).unwrap();
        assert_eq!(template.id, 1315);
        let fields: Vec<_> = template.fields().collect();
        assert_eq!(fields, [field(0, 8, 4, false), field(0, 7, 2, false)]);
        assert_eq!(template.length(512), Ok(Length::Fixed(6)));
        assert_eq!(rest, [0xff, 0xff]);
    }

    #[test]
    fn reads_the_enterprises_and_scopes_of_ipfix() {
        let set = bytes(&[300, 3, 1, 10, 4, 0x8000 | 91, 2, 0, 637, 82, 65535, 0]);
        let read = TemplateRecord::read(Version::Ipfix, true, &set);
        let Ok((Announcement::Template(template), rest)) = read else { panic!("{read:?}") };
        let fields: Vec<_> = template.fields().collect();
        let expected =
            [field(0, 10, 4, true), field(637, 91, 2, false), field(0, 82, 65535, false)];
        assert_eq!(fields, expected);
        assert_eq!(template.length(512), Ok(Length::Variable(7)));
        assert_eq!(rest, [0, 0]);
    }

    #[test]
    fn no_fields_withdraw_in_ipfix() {
        for (id, expected) in [(300, Some(300)), (2, Some(2)), (3, Some(3)), (255, None)] {
            let set = bytes(&[id, 0, 7]);
            let withdrawn = match TemplateRecord::read(Version::Ipfix, false, &set) {
                Ok((Announcement::Withdrawal(id), [0, 7])) => Some(id),
                _ => None,
            };
            assert_eq!(withdrawn, expected);
        }
    }

    #[test]
    fn refuses_what_cannot_be_a_template() {
        for (words, reason) in [
            (&[300u16, 2, 8, 4] as &[u16], Reason::TemplateTruncated),
            (&[255, 1, 8, 4], Reason::TemplateId),
            (&[300, 0], Reason::TemplateFieldCount),
        ] {
            assert_eq!(TemplateRecord::read_v9(&bytes(words)).map(|_| ()), Err(reason));
        }
        for (words, reason) in [
            (&[300u16, 1, 2, 8, 4] as &[u16], Reason::TemplateFieldCount),
            (&[300, 1, 0, 0x8008, 4], Reason::TemplateTruncated),
        ] {
            let words = bytes(words);
            let read = TemplateRecord::read(Version::Ipfix, true, &words);
            assert_eq!(read.map(|_| ()), Err(reason));
        }
        for (words, reason) in [
            (&[300u16, 1, 8, 0] as &[u16], Reason::TemplateRecordLength),
            (&[300, 1, 8, 3], Reason::TemplateRecordLength),
            (&[300, 2, 8, 2, 236, 65535], Reason::TemplateRecordLength),
            (&[300, 2, 8, 65000, 12, 65000], Reason::TemplateFieldLength),
            (&[300, 3, 8, 1, 8, 1, 8, 1], Reason::TemplateFieldCount),
        ] {
            let words = bytes(words);
            let (template, _) = TemplateRecord::read_v9(&words).unwrap();
            assert_eq!(template.length(2), Err(reason));
        }
    }
}
