//! Template sets and data sets, as NetFlow v9 and IPFIX have them alike (RFC 3954 §5, RFC 7011
//! §3). Everything is big-endian; data sets are padded to four bytes.

use crate::writer::Writer;

/// A field of a template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    element: u16,
    /// In bytes; [`VARIABLE`] where each record says it.
    length: u16,
    /// Private Enterprise Number; 0: IANA's elements. IPFIX only.
    enterprise: u32,
}

/// A length of a field that each record says itself.
pub(crate) const VARIABLE: u16 = 65_535;

/// A field of IANA's registry.
pub(crate) const fn field(element: u16, length: u16) -> Field {
    Field { element, length, enterprise: 0 }
}

/// A field of an enterprise's own registry.
pub(crate) const fn enterprise(enterprise: u32, element: u16, length: u16) -> Field {
    Field { element, length, enterprise }
}

/// A template: its id and fields.
pub(crate) type Template = (u16, &'static [Field]);

/// Sets in a message, behind the room for its header.
pub(crate) struct Sets<'a> {
    out: Writer<'a>,
    bytes_max: usize,
    /// The open data set: its id and where it begins.
    open: Option<(u16, usize)>,
}

impl<'a> Sets<'a> {
    /// A message whose header is `header_bytes` long, in a buffer that it may fill.
    pub(crate) fn new(out: &'a mut [u8], header_bytes: usize) -> Self {
        let bytes_max = out.len();
        let mut out = Writer::new(out);
        for _ in 0..header_bytes {
            out.bytes(&[0]);
        }
        Self { out, bytes_max, open: None }
    }

    /// Writes a set of templates; `id` is 0 in v9 and 2 in IPFIX.
    pub(crate) fn templates(&mut self, id: u16, templates: &[Template]) {
        let at = self.begin(id);
        for (template, fields) in templates {
            self.out.bytes(&template.to_be_bytes());
            self.out.bytes(&(fields.len() as u16).to_be_bytes());
            for field in *fields {
                let flag = if field.enterprise == 0 { 0 } else { 0x8000 };
                self.out.bytes(&(field.element | flag).to_be_bytes());
                self.out.bytes(&field.length.to_be_bytes());
                if field.enterprise != 0 {
                    self.out.bytes(&field.enterprise.to_be_bytes());
                }
            }
        }
        self.end(at);
    }

    /// Whether a record of so many bytes fits, wherever it goes.
    pub(crate) fn has_room(&self, record_bytes: usize) -> bool {
        // The padding of the open set, a set's header, and the padding of that.
        self.out.len() + 3 + 4 + record_bytes + 3 <= self.bytes_max
    }

    /// Appends a record, to the open data set or to one of its own.
    pub(crate) fn record(&mut self, template: u16, bytes: &[u8]) {
        if self.open.is_none_or(|(id, _)| id != template) {
            self.close();
            self.open = Some((template, self.begin(template)));
        }
        self.out.bytes(bytes);
    }

    /// Closes the last set; the message's length.
    pub(crate) fn finish(mut self) -> usize {
        self.close();
        self.out.len()
    }

    fn close(&mut self) {
        if let Some((_, at)) = self.open.take() {
            self.end(at);
        }
    }

    fn begin(&mut self, id: u16) -> usize {
        let at = self.out.len();
        self.out.bytes(&id.to_be_bytes());
        self.out.bytes(&[0, 0]);
        at
    }

    fn end(&mut self, at: usize) {
        while !(self.out.len() - at).is_multiple_of(4) {
            self.out.bytes(&[0]);
        }
        let length = (self.out.len() - at) as u16;
        self.out.overwrite(at + 2, &length.to_be_bytes());
    }
}
