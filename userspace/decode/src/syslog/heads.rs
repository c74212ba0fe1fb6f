//! The headers that exporters sent last. But for the seconds, the lines of a device begin with the
//! same bytes for a minute; what these say is kept, and only the seconds are read anew.

use super::time::{AHEAD_MAX_NS, HeaderTime};
use crate::context::UnixNanos;
use std::net::IpAddr;

/// Places for exporters, by the last bits of their addresses.
pub const PLACES: usize = 64;
/// A longer header is not kept.
const LEN_MAX: usize = 96;
const YEAR_MIN_NS: i64 = 365 * 86_400 * 1_000_000_000;

/// Whose header it is: what the same bytes mean depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A USG's, up to the `%%` of its tag.
    Usg,
    /// A CGNAT box's, up to its mark.
    Cgn,
    /// Ordinary syslog's (RFC 3164), up to the text.
    Rfc3164,
}

/// What a header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The device's time.
    pub time: Option<HeaderTime>,
    /// Host, application and process; empty where there are none.
    pub names: [&'a [u8]; 3],
}

/// The headers that a worker has read last.
#[derive(Debug)]
pub struct Heads(Box<[Head; PLACES]>);

/// A header's bytes, and what they say.
#[derive(Clone, Copy, Debug)]
struct Head {
    reader: Reader,
    len: usize,
    bytes: [u8; LEN_MAX],
    /// Where the seconds stand in them; behind their end where the time's place is not sure.
    seconds_at: usize,
    /// At the beginning of the minute where the seconds stand somewhere.
    time: Option<HeaderTime>,
    /// Where each of the names begins and ends.
    names: [(u8, u8); 3],
}

impl Heads {
    /// No header.
    pub fn new() -> Self {
        let none = Head {
            reader: Reader::Usg,
            len: 0,
            bytes: [0; LEN_MAX],
            seconds_at: 0,
            time: None,
            names: [(0, 0); 3],
        };
        Self(Box::new([none; PLACES]))
    }

    /// What the header of a text says, if it is the one that the reader has read last of this
    /// exporter, and the text behind it.
    #[inline(always)]
    pub fn recall<'a>(
        &self,
        reader: Reader,
        (exporter, received_at): (IpAddr, UnixNanos),
        text: &'a [u8],
    ) -> Option<(Origin<'a>, &'a [u8])> {
        let head = self.0.get(place(exporter))?;
        let (bytes, rest) = text.split_at_checked(head.len)?;
        if head.reader != reader || head.len == 0 {
            return None;
        }
        let mut time = head.time;
        let known = head.bytes.get(..head.len)?;
        match (bytes.split_at_checked(head.seconds_at), known.split_at_checked(head.seconds_at)) {
            (
                Some((before, [tens, ones, behind @ ..])),
                Some((known_before, [_, _, known_behind @ ..])),
            ) if before == known_before && behind == known_behind => {
                let seconds = two_digits(*tens, *ones)?;
                time.as_mut()?.unix_nanos += seconds * 1_000_000_000;
            }
            _ if bytes == known => {}
            _ => return None,
        }
        if !time.is_none_or(|time| is_of_year(time, received_at)) {
            return None;
        }
        let name = |(start, end): (u8, u8)| bytes.get(usize::from(start)..usize::from(end));
        let [host, app, process] = head.names;
        let names = [name(host)?, name(app)?, name(process)?];
        Some((Origin { time, names }, rest))
    }

    /// Keeps what a reader has read in the header of a text, which is all in front of `rest`. It
    /// must depend on nothing but the header's bytes and, for want of a year, the time of arrival.
    pub fn keep(
        &mut self,
        reader: Reader,
        exporter: IpAddr,
        (text, rest): (&[u8], &[u8]),
        origin: &Origin<'_>,
    ) {
        let head = text.len().checked_sub(rest.len()).and_then(|len| text.get(..len));
        let new = head.and_then(|head| Head::new(reader, head, origin));
        if let Some((kept, new)) = self.0.get_mut(place(exporter)).zip(new) {
            *kept = new;
        }
    }
}

impl Head {
    fn new(reader: Reader, head: &[u8], origin: &Origin<'_>) -> Option<Self> {
        let mut bytes = [0; LEN_MAX];
        bytes.get_mut(..head.len())?.copy_from_slice(head);
        let mut names = [(0, 0); 3];
        for (place, name) in names.iter_mut().zip(origin.names) {
            if !name.is_empty() {
                let start = name.as_ptr().addr().checked_sub(head.as_ptr().addr())?;
                *place = (u8::try_from(start).ok()?, u8::try_from(start + name.len()).ok()?);
            }
        }
        let (mut time, mut seconds_at) = (origin.time, LEN_MAX);
        if let Some((at, seconds)) = only_seconds(head) {
            seconds_at = at;
            time.as_mut()?.unix_nanos -= seconds * 1_000_000_000;
        }
        Some(Self { reader, len: head.len(), bytes, seconds_at, time, names })
    }
}

/// Where the seconds stand, and how many they are, in a text with one `hh:mm:ss`. All times that
/// readers know have one; a host may be called so, too.
fn only_seconds(text: &[u8]) -> Option<(usize, i64)> {
    let mut clocks = text.windows(8).enumerate().filter_map(|(at, window)| match window {
        [a, b, b':', c, d, b':', e, f] => {
            two_digits(*a, *b).and(two_digits(*c, *d))?;
            Some((at + 6, two_digits(*e, *f)?))
        }
        _ => None,
    });
    clocks.next().filter(|_| clocks.next().is_none())
}

/// A number of two digits that a clock may show.
#[inline(always)]
fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 6 && ones < 10).then_some(i64::from(tens) * 10 + i64::from(ones))
}

/// Whether a time that was read for another arrival, and may have had its year from that, is right
/// for this one: no year later it would not be of the future ([`super::time::nearest_year`]).
#[inline(always)]
fn is_of_year(time: HeaderTime, received_at: UnixNanos) -> bool {
    let latest = received_at.saturating_add(AHEAD_MAX_NS);
    (0..YEAR_MIN_NS).contains(&latest.saturating_sub(time.unix_nanos))
}

/// The place of an exporter.
#[inline]
pub fn place(exporter: IpAddr) -> usize {
    let last = match exporter {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    };
    usize::from(last) % PLACES
}
