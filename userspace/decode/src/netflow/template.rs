//! Template and options template records (RFC 3954 §5.2, §6.1), read and checked.

use crate::{reason::Reason, session::SessionTable};

/// The lowest ID of a data template.
pub const TEMPLATE_ID_MIN: u16 = 256;

/// IPFIX's mark of a variable-length field, which some exporters send in v9 as well.
const VARIABLE_LENGTH: u16 = u16::MAX;

/// One field of a template: an information element and its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Field type (RFC 3954 §8) or information element number.
    pub element: u16,
    /// Length in bytes.
    pub len: u16,
}

/// A template record as it stands in a flowset, its bounds checked.
#[derive(Clone, Copy, Debug)]
pub struct TemplateRecord<'a> {
    /// The template's ID, at least 256.
    pub id: u16,
    /// Whether its records describe the exporter (options data) and not sessions.
    pub options: bool,
    /// The whole record: two templates are the same where these bytes are.
    pub definition: &'a [u8],
    fields: &'a [u8],
}

impl<'a> TemplateRecord<'a> {
    /// Reads the next template of a template flowset (ID 0); the rest of the flowset comes back.
    pub fn read(flowset: &'a [u8]) -> Result<(Self, &'a [u8]), Reason> {
        let (&[id_0, id_1, count_0, count_1], after) =
            flowset.split_first_chunk().ok_or(Reason::TemplateTruncated)?;
        let count = usize::from(u16::from_be_bytes([count_0, count_1]));
        let (fields, _) = after.split_at_checked(count * 4).ok_or(Reason::TemplateTruncated)?;
        Self::checked(flowset, u16::from_be_bytes([id_0, id_1]), false, fields, 4)
    }

    /// Reads the next template of an options template flowset (ID 1).
    pub fn read_options(flowset: &'a [u8]) -> Result<(Self, &'a [u8]), Reason> {
        let (&[id_0, id_1, scope_0, scope_1, option_0, option_1], after) =
            flowset.split_first_chunk().ok_or(Reason::TemplateTruncated)?;
        let scope_bytes = usize::from(u16::from_be_bytes([scope_0, scope_1]));
        let option_bytes = usize::from(u16::from_be_bytes([option_0, option_1]));
        let (fields, _) =
            after.split_at_checked(scope_bytes + option_bytes).ok_or(Reason::TemplateTruncated)?;
        Self::checked(flowset, u16::from_be_bytes([id_0, id_1]), true, fields, 6)
    }

    fn checked(
        flowset: &'a [u8],
        id: u16,
        options: bool,
        fields: &'a [u8],
        head_len: usize,
    ) -> Result<(Self, &'a [u8]), Reason> {
        if id < TEMPLATE_ID_MIN {
            return Err(Reason::TemplateId);
        }
        if fields.is_empty() || !fields.len().is_multiple_of(4) {
            return Err(Reason::TemplateFieldCount);
        }
        let (definition, rest) =
            flowset.split_at_checked(head_len + fields.len()).ok_or(Reason::TemplateTruncated)?;
        Ok((Self { id, options, definition, fields }, rest))
    }

    /// The fields, in the order of the record.
    pub fn fields(&self) -> impl Iterator<Item = Field> + use<'a> {
        self.fields.as_chunks().0.iter().map(|&[element_0, element_1, len_0, len_1]| Field {
            element: u16::from_be_bytes([element_0, element_1]),
            len: u16::from_be_bytes([len_0, len_1]),
        })
    }

    /// Checks what must hold before records can be read, and tells a record's length in bytes.
    pub fn record_len(&self, fields_max: usize) -> Result<u16, Reason> {
        if self.fields.len() / 4 > fields_max {
            return Err(Reason::TemplateFieldCount);
        }
        let mut record_len = 0u16;
        for field in self.fields() {
            if field.len == VARIABLE_LENGTH {
                return Err(Reason::TemplateFieldLength);
            }
            record_len = record_len.checked_add(field.len).ok_or(Reason::TemplateFieldLength)?;
        }
        // A record of no bytes would fit into any flowset endlessly often.
        let shortest = if self.options { 1 } else { SessionTable::BYTES_PER_RECORD_MIN };
        let too_short = usize::from(record_len) < shortest;
        if too_short { Err(Reason::TemplateRecordLength) } else { Ok(record_len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn reads_fields_and_leaves_the_rest() {
        let flowset = bytes(&[1315, 2, 8, 4, 7, 2, 0xffff]);
        let (template, rest) = TemplateRecord::read(&flowset).unwrap();
        assert_eq!(template.id, 1315);
        let fields: Vec<_> = template.fields().collect();
        assert_eq!(fields, [Field { element: 8, len: 4 }, Field { element: 7, len: 2 }]);
        assert_eq!(template.record_len(512), Ok(6));
        assert_eq!(rest, [0xff, 0xff]);
    }

    #[test]
    fn refuses_what_cannot_be_a_template() {
        for (words, reason) in [
            (&[300u16, 2, 8, 4] as &[u16], Reason::TemplateTruncated),
            (&[255, 1, 8, 4], Reason::TemplateId),
            (&[300, 0], Reason::TemplateFieldCount),
        ] {
            assert_eq!(TemplateRecord::read(&bytes(words)).map(|_| ()), Err(reason));
        }
        for (words, reason) in [
            (&[300u16, 1, 8, 0] as &[u16], Reason::TemplateRecordLength),
            (&[300, 1, 8, 3], Reason::TemplateRecordLength),
            (&[300, 1, 236, 65535], Reason::TemplateFieldLength),
            (&[300, 2, 8, 65000, 12, 65000], Reason::TemplateFieldLength),
            (&[300, 3, 8, 1, 8, 1, 8, 1], Reason::TemplateFieldCount),
        ] {
            let words = bytes(words);
            let (template, _) = TemplateRecord::read(&words).unwrap();
            assert_eq!(template.record_len(2), Err(reason));
        }
    }
}
