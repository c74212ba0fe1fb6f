//! What is left out of records, or told by another name, before anybody keeps them.
//!
//! RFC 6888 §4, REQ-12: a CGN should not log destination addresses or ports, unless required to.
//! A batch from which destinations are left out holds none any more, neither as a value nor as
//! leftovers among the bytes of its texts: what is written of it, the journal included, is clean.

mod pseudonym;

pub use pseudonym::{CurrentKey, Key};

use crate::{
    batch::Batch,
    filter::Filter,
    im::Im,
    port_block::PortBlock,
    session::{Column, ColumnSet},
    text::Text,
    unparsed::Unparsed,
};
use hashbrown::HashMap;
use std::sync::Arc;

/// What is kept of what devices tell. Where anything is not, what has no column (`extra`) and what
/// no decoder understood (`raw`) is left out as well, since it may be in there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// Whether destinations are left out: addresses and ports, before and after translation, and
    /// URLs.
    pub omit_destinations: bool,
    /// The key under which users of sessions become pseudonyms.
    pub user_key: Option<Arc<CurrentKey>>,
}

/// The columns of sessions that tell a destination, or may.
const DESTINATIONS: ColumnSet = ColumnSet::of(&[
    Column::DstV4,
    Column::DstV6,
    Column::DstPort,
    Column::NatDstV4,
    Column::NatDstV6,
    Column::NatDstPort,
    Column::Url,
]);

impl Batch {
    /// Leaves out what is not to be kept. To be called once all records of the batch are there.
    pub fn leave_out(&mut self, privacy: &Privacy) {
        if privacy.omit_destinations {
            self.omit_destinations();
        }
        if let Some(key) = &privacy.user_key {
            self.pseudonymise_users(&key.get());
        }
        if privacy.omit_destinations || privacy.user_key.is_some() {
            self.omit_what_nobody_knows();
            self.forget_texts();
        }
    }

    fn omit_destinations(&mut self) {
        self.session.forget(DESTINATIONS);
        for row in self.im.rows_mut() {
            (row.dst_addr, row.dst_port) = (None, None);
            (row.nat_dst_addr, row.nat_dst_port) = (None, None);
        }
        for row in self.filter.rows_mut() {
            (row.dst_addr, row.dst_port) = (None, None);
        }
    }

    /// Users are few among many sessions: each is hashed once a batch.
    fn pseudonymise_users(&mut self, key: &Key) {
        let Batch { session, text, .. } = self;
        let mut known: HashMap<Vec<u8>, Text> = HashMap::new();
        for user in session.texts_mut(Column::User).filter(|user| !user.is_empty()) {
            let name = text.get(*user).to_owned();
            *user = *known.entry(name).or_insert_with_key(|name| {
                // There is room for one of each record.
                text.push_behind(key.pseudonym(name).as_bytes()).unwrap_or_default()
            });
        }
    }

    fn omit_what_nobody_knows(&mut self) {
        self.session.forget(ColumnSet::of(&[Column::Extra]));
        for row in self.port_block.rows_mut() {
            row.extra = Text::EMPTY;
        }
        for row in self.im.rows_mut() {
            row.extra = Text::EMPTY;
        }
        for row in self.filter.rows_mut() {
            row.extra = Text::EMPTY;
        }
        for row in self.unparsed.rows_mut() {
            row.raw = Text::EMPTY;
        }
    }

    /// Overwrites the bytes of all texts that no record names any more.
    fn forget_texts(&mut self) {
        let Batch { session, port_block, im, filter, unparsed, text, .. } = self;
        let port_block = port_block.texts(|PortBlock { scene, extra, .. }| [*scene, *extra]);
        let im =
            im.texts(|Im { application, account, extra, .. }| [*application, *account, *extra]);
        let filter = filter.texts(|row: &Filter| {
            [
                row.filter,
                row.protocol_name,
                row.src_interface,
                row.dst_interface,
                row.tcp_flags,
                row.icmp_type_name,
                row.extra,
            ]
        });
        let unparsed = unparsed.texts(|Unparsed { raw, .. }| [*raw]);
        let rows = port_block.chain(im).chain(filter).chain(unparsed);
        text.keep_only(session.texts().chain(rows));
    }
}

#[cfg(test)]
mod tests;
