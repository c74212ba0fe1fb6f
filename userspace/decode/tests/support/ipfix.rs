//! Builds IPFIX messages (RFC 7011 §3) a set at a time, right or wrong as a test wants.

/// A message in the making.
#[derive(Clone, Debug)]
pub struct Ipfix(Vec<u8>);

impl Ipfix {
    /// A header: exported at `unix_seconds`.
    pub fn new(domain: u32, sequence: u32, unix_seconds: u32) -> Self {
        let mut bytes = vec![0, 10, 0, 0];
        for word in [unix_seconds, sequence, domain] {
            bytes.extend(word.to_be_bytes());
        }
        Self(bytes)
    }

    /// Adds a set; its length is right.
    pub fn set(mut self, id: u16, body: &[u8]) -> Self {
        self.0.extend(id.to_be_bytes());
        self.0.extend((body.len() as u16 + 4).to_be_bytes());
        self.0.extend(body);
        self
    }

    /// The payload, with its length.
    pub fn bytes(mut self) -> Vec<u8> {
        let len = self.0.len() as u16;
        self.0[2..4].copy_from_slice(&len.to_be_bytes());
        self.0
    }
}

/// A template record: enterprise, element and length of each field. Without fields it withdraws.
pub fn template(id: u16, fields: &[(u32, u16, u16)]) -> Vec<u8> {
    let head = [id, fields.len() as u16].map(u16::to_be_bytes).concat();
    [head, field_list(fields)].concat()
}

/// An options template record, of which the first `scopes` fields are scopes.
pub fn options_template(id: u16, scopes: u16, fields: &[(u32, u16, u16)]) -> Vec<u8> {
    let head = [id, fields.len() as u16, scopes].map(u16::to_be_bytes).concat();
    [head, field_list(fields)].concat()
}

fn field_list(fields: &[(u32, u16, u16)]) -> Vec<u8> {
    let mut words = Vec::new();
    for (enterprise, element, len) in fields {
        if *enterprise == 0 {
            words.extend([*element, *len]);
        } else {
            words.extend([*element | 0x8000, *len, (*enterprise >> 16) as u16, *enterprise as u16]);
        }
    }
    words.into_iter().flat_map(u16::to_be_bytes).collect()
}
