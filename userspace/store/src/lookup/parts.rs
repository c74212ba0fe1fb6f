//! The parts of a family, and the rows of them that may matter to a question: by the index of a
//! part, or where there is none by reading what its statistics do not rule out.

use super::{
    Answer, Asked, Lookup,
    window::{LoneEnds, Window},
};
use crate::{
    error::StoreError,
    files,
    found::{Stored, StoredPortBlock, StoredSession},
    index::{self, Entry, Index, Key, Summary},
    prune::Wanted,
    read,
    scan::{Place, Scan},
    schema::Family,
};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

/// The parts of one family.
pub(super) struct Parts<'a> {
    lookup: &'a Lookup,
    parts: Vec<Part>,
}

struct Part {
    path: PathBuf,
    index: Option<Index>,
    /// What the index says of the rows that are asked for; `None` as long as it was not asked.
    entries: Option<Vec<Entry>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Searched,
    /// It cannot be read, or is no longer there.
    Lost,
}

impl<'a> Parts<'a> {
    /// The parts of sessions.
    pub fn sessions(
        lookup: &'a Lookup,
        directory: &Path,
        answer: &mut Answer,
    ) -> Result<Self, StoreError> {
        Self::open(lookup, (directory, Family::Session), answer)
    }

    /// The parts of port blocks.
    pub fn blocks(
        lookup: &'a Lookup,
        directory: &Path,
        answer: &mut Answer,
    ) -> Result<Self, StoreError> {
        Self::open(lookup, (directory, Family::PortBlock), answer)
    }

    fn open(
        lookup: &'a Lookup,
        (directory, family): (&Path, Family),
        answer: &mut Answer,
    ) -> Result<Self, StoreError> {
        let paths = files::parquet_files(directory, family)?;
        let part = |path: PathBuf| {
            let index = Index::open(&path).unwrap_or_else(|error| {
                answer.damaged.push(error);
                None
            });
            answer.without_index += u64::from(index.is_none());
            Part { path, index, entries: None, state: State::New }
        };
        Ok(Self { lookup, parts: paths.into_iter().map(part).collect() })
    }

    /// Gives all records to `each` that may be held at the time, and others.
    pub fn that_may_be_held(
        &mut self,
        answer: &mut Answer,
        mut each: impl FnMut(StoredSession, &Path, u64),
    ) {
        let window = Window::of(self.lookup);
        for part in &mut self.parts {
            part.consult(self.lookup, answer, |summary| window.may_begin_in(summary));
        }
        let ends =
            LoneEnds::of(self.parts.iter().filter_map(|part| part.entries.as_ref()).flatten());
        let scan = Scan {
            any_of: places(&self.lookup.asked),
            protocol: self.lookup.protocol,
            begin_max_micros: window.begin_max_micros(),
        };
        for part in &mut self.parts {
            let may_hold =
                |entry: &Entry| window.may_hold(entry) && !ends.has_ended(entry, &window);
            part.records(&scan, may_hold, answer, &mut each);
        }
    }

    /// Gives all records to `each` that may end a session with one of these hashes.
    pub fn that_may_end(
        &mut self,
        sessions: &[u64],
        answer: &mut Answer,
        mut each: impl FnMut(StoredSession, &Path, u64),
    ) {
        let scan = Scan {
            any_of: places(&self.lookup.asked),
            protocol: self.lookup.protocol,
            begin_max_micros: None,
        };
        for part in &mut self.parts {
            part.consult(self.lookup, answer, |_| true);
            let may_end = |entry: &Entry| {
                entry.kind.is_end() && sessions.iter().any(|session| entry.may_be(*session))
            };
            part.records(&scan, may_end, answer, &mut each);
        }
    }

    /// Gives all records of port blocks to `each` that are asked for, and others.
    pub fn all(&mut self, answer: &mut Answer, mut each: impl FnMut(StoredPortBlock, &Path, u64)) {
        let scan = Scan {
            any_of: block_places(&self.lookup.asked),
            protocol: None,
            begin_max_micros: None,
        };
        for part in &mut self.parts {
            part.consult(self.lookup, answer, |_| true);
            part.records(&scan, |_| true, answer, &mut each);
        }
    }
}

impl Part {
    /// Asks the index, if there is one that was not asked yet and may tell something.
    fn consult(
        &mut self,
        lookup: &Lookup,
        answer: &mut Answer,
        may_tell: impl Fn(&Summary) -> bool,
    ) {
        let Some(index) = &self.index else { return };
        if self.entries.is_some() || !may_tell(index.summary()) {
            return;
        }
        match candidates(index, &lookup.asked) {
            Ok(entries) => self.entries = Some(entries),
            Err(error) => self.do_without_index(error, answer),
        }
    }

    fn do_without_index(&mut self, error: StoreError, answer: &mut Answer) {
        self.index = None;
        answer.damaged.push(error);
        answer.without_index += 1;
    }

    /// Gives the records of the rows that the index names and that are `wanted`; without an index
    /// those that the scan finds.
    fn records<R: Stored>(
        &mut self,
        scan: &Scan,
        wanted: impl Fn(&Entry) -> bool,
        answer: &mut Answer,
        mut each: impl FnMut(R, &Path, u64),
    ) {
        if self.state == State::Lost {
            return;
        }
        let mut searched = self.named(wanted, answer, &mut each);
        if let Err(error @ StoreError::Index { .. }) = searched {
            self.do_without_index(error, answer);
            searched = Ok(true);
        }
        if self.index.is_none() {
            searched = scan.file(&self.path, answer, &mut each);
        }
        let is_new = self.state == State::New;
        self.state = if matches!(searched, Ok(true)) { State::Searched } else { State::Lost };
        match searched {
            Ok(true) => answer.files += u64::from(is_new),
            Ok(false) => answer.vanished += 1,
            Err(error) => answer.unreadable.push(error),
        }
    }

    fn named<R: Stored>(
        &self,
        wanted: impl Fn(&Entry) -> bool,
        answer: &mut Answer,
        each: &mut impl FnMut(R, &Path, u64),
    ) -> Result<bool, StoreError> {
        let Some(index) = &self.index else { return Ok(true) };
        let entries = self.entries.iter().flatten().filter(|entry| wanted(entry));
        let rows: Vec<_> = entries.map(|entry| entry.row).collect();
        if rows.is_empty() {
            return Ok(true);
        }
        answer.rows_read += rows.len() as u64;
        read::rows(&self.path, &rows, index.summary().rows, each)
    }
}

/// What an index says of the rows that are asked for, and of others, in the order of the rows.
fn candidates(index: &Index, asked: &Asked) -> Result<Vec<Entry>, StoreError> {
    let mut entries = match asked {
        Asked::Public { address, port } => public_candidates(index, *address, *port)?,
        Asked::Inside { address, .. } => {
            index.rows_with(index::address_term(address.to_canonical()))?
        }
        Asked::User(user) => index.rows_with(index::user_term(user))?,
    };
    entries.sort_unstable_by_key(|entry| entry.row);
    entries.dedup_by_key(|entry| entry.row);
    Ok(entries)
}

fn public_candidates(
    index: &Index,
    address: IpAddr,
    port: Option<u16>,
) -> Result<Vec<Entry>, StoreError> {
    let address = address.to_canonical();
    let key = |port| Key::new(Some(address), port);
    let further = index.summary().further_ports;
    // Port 0 is that of rows without one, which have them all.
    let mut entries = match port {
        Some(port) if port > further => index.rows_of([key(None); 2])?,
        _ => Vec::new(),
    };
    let first = port.map(|port| port.saturating_sub(further));
    entries.extend(index.rows_of([key(first), key(Some(port.unwrap_or(u16::MAX)))])?);
    if index.summary().has_other_public {
        entries.extend(index.rows_with(index::address_term(address))?);
    }
    Ok(entries)
}

/// The columns that have what is asked for, in parts of sessions.
fn places(asked: &Asked) -> Vec<Place> {
    let of = |[v4, v6]: [&'static str; 2], address: IpAddr, port| {
        let address = address.to_canonical();
        Place { column: if address.is_ipv4() { v4 } else { v6 }, wanted: address.into(), port }
    };
    let src = ["src_addr_v4", "src_addr_v6"];
    match asked {
        Asked::Public { address, port } => vec![
            of(["nat_src_addr_v4", "nat_src_addr_v6"], *address, port.map(|p| ("nat_src_port", p))),
            of(src, *address, port.map(|port| ("src_port", port))),
        ],
        Asked::Inside { address, port } => {
            let mut places = vec![of(src, *address, port.map(|port| ("src_port", port)))];
            if address.to_canonical().is_ipv6() {
                places.push(of(["tunnel_addr_v6"; 2], *address, None));
            }
            places
        }
        Asked::User(user) => {
            vec![Place { column: "user", wanted: Wanted::Text(user.as_str().into()), port: None }]
        }
    }
}

/// The columns that have what is asked for, in parts of port blocks; which have no user.
fn block_places(asked: &Asked) -> Vec<Place> {
    let (names, address) = match asked {
        Asked::Public { address, .. } => (["public_addr_v4", "public_addr_v6"], address),
        Asked::Inside { address, .. } => (["private_addr_v4", "private_addr_v6"], address),
        Asked::User(_) => return Vec::new(),
    };
    let address = address.to_canonical();
    let column = names[usize::from(address.is_ipv6())];
    vec![Place { column, wanted: address.into(), port: None }]
}
