//! Why a datagram, a line or a part of one was not decoded. Each is a counter.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// Why something was not decoded.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// All reasons, in the order of their indices.
            pub const ALL: &[Reason] = &[$(Reason::$variant,)*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in records, tables and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Reason::$variant => $name,)* }
            }
        }
    };
}

// Their places are numbers on disk: append only.
reasons! {
    /// The datagram has no payload.
    Empty = "empty";
    /// The first bytes fit no format.
    UnknownFormat = "unknown_format";
    /// NetFlow or IPFIX of a version that is not decoded.
    UnsupportedVersion = "unsupported_version";
    /// The datagram ends inside its NetFlow header.
    HeaderTruncated = "header_truncated";
    /// A flowset's length is less than 4 or points past the end of the datagram.
    FlowsetLength = "flowset_length";
    /// A set ID below 256 that RFC 3954 or RFC 7011 reserves.
    FlowsetReserved = "flowset_reserved";
    /// A template that ends inside its field list.
    TemplateTruncated = "template_truncated";
    /// A template with an ID below 256.
    TemplateId = "template_id";
    /// A template without fields, or with more than the limit.
    TemplateFieldCount = "template_field_count";
    /// A template whose fields are together longer than a datagram.
    TemplateFieldLength = "template_field_length";
    /// A template whose records have no length, or are no longer than padding may be.
    TemplateRecordLength = "template_record_length";
    /// The exporter, or all exporters together, have as many templates as the limits allow.
    TemplateLimit = "template_limit";
    /// Data whose template did not come in time, or for which the waiting room was full.
    TemplateMissing = "template_missing";
    /// A data flowset that is shorter than one record of its template, or what is left behind its
    /// last whole record and is no padding.
    DataTruncated = "data_truncated";
    /// A syslog priority that is not `<0>` to `<191>`.
    SyslogPriority = "syslog_priority";
    /// A syslog line of a kind that no decoder knows.
    SyslogUnknown = "syslog_unknown";
    /// A USG session log without the keys that every session log has.
    SessionKeyMissing = "session_key_missing";
    /// A USG session log with a value that cannot be.
    SessionValue = "session_value";
    /// An instant-messenger log, and the configuration does not allow recording those. Nothing of
    /// it is kept.
    ImNotRecorded = "im_not_recorded";
    /// sFlow, which is not decoded.
    Sflow = "sflow";
    /// More lines in one datagram than are taken apart.
    TooManyLines = "too_many_lines";
    /// A binary log whose length does not fit the number of records in its header.
    BinaryHeader = "binary_header";
    /// A binary log of a version, type or record length that no layout is declared for; or one
    /// that is encrypted.
    UnknownBinary = "unknown_binary";
    /// A record of a binary log with a value that its layout rules out.
    BinaryValue = "binary_value";
    /// A CGNAT log with too few values, or more than any form has.
    CgnFields = "cgn_fields";
    /// A CGNAT log with a value that cannot be.
    CgnValue = "cgn_value";
    /// A CGNAT log with a port above 65535.
    CgnPort = "cgn_port";
    /// An IPFIX message whose length is not that of its datagram.
    MessageLength = "message_length";
    /// A NetFlow v5 datagram whose length is not that of its records.
    RecordCount = "record_count";
    /// The exporter, or all exporters together, have told as much about themselves as the limits
    /// allow.
    OptionsLimit = "options_limit";
    /// A line with the marks of a declared format whose text fits none of its patterns.
    DeclaredPattern = "declared_pattern";
    /// A line of a declared format with a value that is not of its field's type.
    DeclaredValue = "declared_value";
    /// A filter log with a number that cannot be.
    FilterValue = "filter_value";
}

/// One value for each reason: counters, most often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByReason<T>([T; Reason::COUNT]);

impl<T: Default> Default for ByReason<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| T::default()))
    }
}

impl<T> ByReason<T> {
    /// All values, each with its reason.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, &T)> {
        Reason::ALL.iter().copied().zip(&self.0)
    }
}

#[expect(clippy::indexing_slicing, reason = "there is a value for each reason")]
impl<T> std::ops::Index<Reason> for ByReason<T> {
    type Output = T;

    fn index(&self, reason: Reason) -> &T {
        &self.0[reason as usize]
    }
}

#[expect(clippy::indexing_slicing, reason = "there is a value for each reason")]
impl<T> std::ops::IndexMut<Reason> for ByReason<T> {
    fn index_mut(&mut self, reason: Reason) -> &mut T {
        &mut self.0[reason as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_each_reason_at_its_index() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }
}
