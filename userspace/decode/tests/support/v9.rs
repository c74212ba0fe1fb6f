//! Builds NetFlow v9 datagrams (RFC 3954 §5) a flowset at a time, right or wrong as a test wants.

/// A datagram in the making.
#[derive(Clone, Debug)]
pub struct V9(Vec<u8>);

impl V9 {
    /// A header: exported at `unix_seconds`, after `uptime_ms` of uptime.
    pub fn new(source_id: u32, sequence: u32, unix_seconds: u32, uptime_ms: u32) -> Self {
        let mut bytes = vec![0, 9, 0, 1];
        for word in [uptime_ms, unix_seconds, sequence, source_id] {
            bytes.extend(word.to_be_bytes());
        }
        Self(bytes)
    }

    /// Adds a flowset; its length is right.
    pub fn flowset(mut self, id: u16, body: &[u8]) -> Self {
        self.0.extend(id.to_be_bytes());
        self.0.extend((body.len() as u16 + 4).to_be_bytes());
        self.0.extend(body);
        self
    }

    /// The payload.
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A template record: ID, field count, and an element and a length for each field.
pub fn template(id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let mut words = vec![id, fields.len() as u16];
    words.extend(fields.iter().flat_map(|(element, len)| [*element, *len]));
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}
