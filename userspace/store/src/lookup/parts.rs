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
    index::{self, Entry, Index, Key, Sessions, Summary},
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
    /// What its index says of all rows. The index itself is opened when it is asked: of a store with
    /// thousands of parts not all files can be open.
    summary: Option<Summary>,
    /// What the index says of the rows that may matter.
    entries: Vec<Entry>,
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
            let summary = index.map(|index| index.summary().clone());
            Part { path, summary, entries: Vec::new(), state: State::New }
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
        let asked = [self.lookup.asked.clone()];
        // Part of a hash tells the sessions of one public address and port apart, not those of all.
        let is_narrow = matches!(self.lookup.asked, Asked::Public { port: Some(_), .. });
        let mut ends = LoneEnds::default();
        for part in &mut self.parts {
            let may_hold = |entry: &Entry| {
                if is_narrow {
                    ends.add(entry, &window);
                }
                window.may_hold(entry)
            };
            part.consult(&asked, answer, |summary| window.may_begin_in(summary), may_hold);
        }
        let scan = Scan {
            any_of: places(&self.lookup.asked),
            protocol: self.lookup.protocol,
            begin_max_micros: window.begin_max_micros(),
        };
        for part in &mut self.parts {
            part.entries.retain(|entry| !ends.has_ended(entry));
            part.records(&scan, answer, &mut each);
        }
    }

    /// Gives all records to `each` that may end a session with one of these hashes, and others;
    /// `asked` is by what they are found.
    pub fn that_may_end(
        &mut self,
        sessions: &Sessions,
        asked: &[Asked],
        answer: &mut Answer,
        mut each: impl FnMut(StoredSession, &Path, u64),
    ) {
        let scan = Scan {
            any_of: asked.iter().flat_map(places).collect(),
            protocol: self.lookup.protocol,
            begin_max_micros: None,
        };
        for part in &mut self.parts {
            part.consult(asked, answer, |_| true, |entry| sessions.may_end_by(entry));
            part.records(&scan, answer, &mut each);
        }
    }

    /// Gives all records of port blocks to `each` that are asked for, and others.
    pub fn all(&mut self, answer: &mut Answer, mut each: impl FnMut(StoredPortBlock, &Path, u64)) {
        let asked = [self.lookup.asked.clone()];
        let scan = Scan {
            any_of: block_places(&self.lookup.asked),
            protocol: None,
            begin_max_micros: None,
        };
        for part in &mut self.parts {
            part.consult(&asked, answer, |_| true, |_| true);
            part.records(&scan, answer, &mut each);
        }
    }
}

impl Part {
    /// Asks the index, if there is one that may tell something, for the rows that are to be kept.
    fn consult(
        &mut self,
        asked: &[Asked],
        answer: &mut Answer,
        may_tell: impl Fn(&Summary) -> bool,
        keep: impl FnMut(&Entry) -> bool,
    ) {
        if self.state == State::Lost || !self.summary.as_ref().is_some_and(may_tell) {
            return;
        }
        match candidates(&self.path, asked) {
            Ok(Some(mut entries)) => {
                entries.retain(keep);
                entries.shrink_to_fit();
                self.entries = entries;
            }
            Ok(None) => {
                self.state = State::Lost;
                answer.vanished += 1;
            }
            Err(error) => self.do_without_index(error, answer),
        }
    }

    fn do_without_index(&mut self, error: StoreError, answer: &mut Answer) {
        self.summary = None;
        answer.damaged.push(error);
        answer.without_index += 1;
    }

    /// Gives the records of the rows that were kept of what the index told; without an index those
    /// that the scan finds.
    fn records<R: Stored>(
        &mut self,
        scan: &Scan,
        answer: &mut Answer,
        mut each: impl FnMut(R, &Path, u64),
    ) {
        if self.state == State::Lost {
            return;
        }
        let mut searched = self.named(answer, &mut each);
        if let Err(error @ StoreError::Index { .. }) = searched {
            self.do_without_index(error, answer);
            searched = Ok(true);
        }
        if self.summary.is_none() {
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
        &mut self,
        answer: &mut Answer,
        each: &mut impl FnMut(R, &Path, u64),
    ) -> Result<bool, StoreError> {
        let Some(summary) = &self.summary else { return Ok(true) };
        let entries = std::mem::take(&mut self.entries);
        let rows: Vec<_> = entries.iter().map(|entry| entry.row).collect();
        if rows.is_empty() {
            return Ok(true);
        }
        answer.rows_read += rows.len() as u64;
        read::rows(&self.path, &rows, summary.rows, each)
    }
}

/// What the index of a part says of the rows that are asked for, and of others, in the order of the
/// rows; `None` if it is no longer there.
fn candidates(part: &Path, asked: &[Asked]) -> Result<Option<Vec<Entry>>, StoreError> {
    let Some(index) = Index::open(part)? else { return Ok(None) };
    let mut entries = Vec::new();
    for asked in asked {
        entries.extend(match asked {
            Asked::Public { address, port } => public_candidates(&index, *address, *port)?,
            Asked::Inside { address, .. } => {
                index.rows_with(index::address_term(address.to_canonical()))?
            }
            Asked::User(user) => index.rows_with(index::user_term(user))?,
        });
    }
    entries.sort_unstable_by_key(|entry| entry.row);
    entries.dedup_by_key(|entry| entry.row);
    Ok(Some(entries))
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
