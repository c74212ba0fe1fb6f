//! Trace-back: which stored sessions and port blocks held a public address and port at a time; and
//! the reverse, what an inside address or a user held.
//!
//! All hours are searched, because the time in a record is the device's and a session may begin
//! long before it is asked for. Where a part has an [index](crate::index), it tells which rows may
//! answer, and only the pages of these are read; else the part's own statistics and row filters
//! keep most of it unread.

mod blocks;
mod judge;
mod parts;
mod session;
mod window;

pub use judge::Clock;
pub use session::Session;

use crate::{
    error::StoreError,
    found::{StoredPortBlock, StoredSession},
};
use logweir_decode::context::UnixNanos;
use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// A question.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Who is asked for.
    pub asked: Asked,
    /// The time in question.
    pub at: UnixNanos,
    /// How far the clocks of the device and of who asks may be apart.
    pub within: Duration,
    /// IP protocol number; any where it is not known. A session without one may be of any.
    pub protocol: Option<u8>,
    /// Whose clock the time is by.
    pub clock: Clock,
}

/// Who is asked for. An IPv4 address may be given in its form as an IPv6 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Who held a public address; the post-NAT source, or the source itself of a session without
    /// NAT.
    Public {
        /// The address.
        address: IpAddr,
        /// The port; any where it is not known. A session without a translated port has them all:
        /// the whole address was translated.
        port: Option<u16>,
    },
    /// What a source address held, or a tunnel (DS-Lite).
    Inside {
        /// The address.
        address: IpAddr,
        /// The source port; any where it is not known. A tunnel and a port block have none.
        port: Option<u16>,
    },
    /// What a user held, by the name that the device gives.
    User(String),
}

/// In what way a record says that the address was held, by a session or as a part of a port block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// It began before the time and lasted beyond it.
    Throughout,
    /// It began before the time; no record of its end before the time is stored.
    Open,
    /// It, or the event, is near the time, within the tolerance.
    Near,
    /// A record after the time says that it was held until then. It is evidence beside a record of
    /// the begin, or, of a port block, all that is stored.
    Until,
}

/// A record that answers the question.
#[derive(Clone, Debug)]
pub struct Found<R> {
    /// What it says by itself.
    pub held: Held,
    /// The record.
    pub record: R,
    /// The file that it is in.
    pub file: PathBuf,
    /// Its row in that file, from 0.
    pub row: u64,
}

/// What was found, and what it was found in.
#[derive(Debug, Default)]
pub struct Answer {
    /// The sessions: throughout, open, near; each kind by how close the begin is to the time.
    /// Those that lack the port or protocol that was asked for are behind all others.
    pub sessions: Vec<Session>,
    /// The port blocks, in the same order, each once for a subscriber.
    pub blocks: Vec<Found<StoredPortBlock>>,
    /// Files that were searched.
    pub files: u64,
    /// Rows that were read because an index named them.
    pub rows_read: u64,
    /// Row groups that were read of files without an index.
    pub row_groups_read: u64,
    /// Row groups of such files that could not hold an answer.
    pub row_groups_skipped: u64,
    /// Files without an index, which took longer to search.
    pub without_index: u64,
    /// Indexes that could not be used; their files were searched as if they had none.
    pub damaged: Vec<StoreError>,
    /// Files that could not be read: the answer may lack what they hold. Names the directory where
    /// files were merged or deleted during each search.
    pub unreadable: Vec<StoreError>,
    /// Files that were there when the directory was listed, and were not when they were to be read.
    vanished: u64,
}

/// How often a search is begun anew because parts were merged or deleted meanwhile.
const SEARCHES: usize = 8;

impl Lookup {
    /// Searches the sessions and port blocks of a data directory.
    ///
    /// # Errors
    /// If a directory cannot be listed.
    pub fn search(&self, directory: &Path) -> Result<Answer, StoreError> {
        let mut answer = self.search_once(directory)?;
        for _ in 1..SEARCHES {
            if answer.vanished == 0 {
                break;
            }
            answer = self.search_once(directory)?;
        }
        if answer.vanished > 0 {
            let gone = io::Error::from(io::ErrorKind::NotFound);
            answer.unreadable.push(StoreError::io("read all files of", directory, gone));
        }
        Ok(answer)
    }

    fn search_once(&self, directory: &Path) -> Result<Answer, StoreError> {
        let mut answer = Answer::default();
        answer.sessions = self.sessions(directory, &mut answer)?;
        answer.blocks = self.blocks(directory, &mut answer)?;
        Ok(answer)
    }

    /// Whether the session is one that is asked for.
    fn asks_for(&self, session: &StoredSession) -> bool {
        let same_port = |own: Option<u16>| match (self.port(), own) {
            (Some(asked), Some(own)) => asked == own,
            _ => true,
        };
        let is_asked = match &self.asked {
            Asked::Public { address, .. } => {
                let address = Some(address.to_canonical());
                let public = [session.nat_src_addr_v4, session.nat_src_addr_v6];
                match public {
                    [None, None] => session.src_addr == address && same_port(session.src_port),
                    _ => public.contains(&address) && same_port(session.nat_src_port),
                }
            }
            Asked::Inside { address, .. } => {
                let address = Some(address.to_canonical());
                session.tunnel_addr == address
                    || session.src_addr == address && same_port(session.src_port)
            }
            Asked::User(user) => session.user.as_ref() == Some(user),
        };
        is_asked && self.is_of_protocol(session.protocol)
    }

    fn is_of_protocol(&self, own: Option<u8>) -> bool {
        self.protocol.is_none_or(|asked| own.is_none_or(|own| own == asked))
    }

    /// Whether the session lacks what was asked for.
    fn is_vague(&self, session: &StoredSession) -> bool {
        let port = match (&self.asked, session.is_translated()) {
            (Asked::Public { .. }, true) => session.nat_src_port,
            _ => session.src_port,
        };
        self.port().is_some() && port.is_none()
            || self.protocol.is_some() && session.protocol.is_none()
    }

    const fn port(&self) -> Option<u16> {
        match &self.asked {
            Asked::Public { port, .. } | Asked::Inside { port, .. } => *port,
            Asked::User(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;
