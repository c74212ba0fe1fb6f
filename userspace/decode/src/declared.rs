//! Text formats that are declared in a few lines and not programmed: other vendors' logs, and what
//! an operator's own firewall was told to print.

use crate::{
    batch::Batch,
    reason::Reason,
    syslog::{Message, zone::Zones},
};

/// A declared format, by its place in [`Formats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeclaredId(pub u16);

/// All declared formats.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    names: Vec<String>,
}

impl Formats {
    /// The format of this name.
    pub fn by_name(&self, name: &str) -> Option<DeclaredId> {
        let position = self.names.iter().position(|known| known == name)?;
        u16::try_from(position).ok().map(DeclaredId)
    }

    /// Decodes a message by one format, or (`None`) by whichever knows it; `None` where none does.
    pub fn decode(
        &self,
        _id: Option<DeclaredId>,
        _message: &Message<'_>,
        _zones: &mut Zones,
        _batch: &mut Batch,
    ) -> Option<Result<(), Reason>> {
        None
    }
}
