//! The first bytes of an index: where the rest is, and between which times its part's rows are.

use super::{
    block,
    pages::{self, CHECKSUM, PAGE},
    row::Row,
    varint::Bytes,
};
use crate::schema::Family;

const MAGIC: u64 = u64::from_le_bytes(*b"LWTRACE\x02");

const NUMBERS: usize = 16;

/// Bytes of a header.
pub(super) const LEN: usize = 8 * NUMBERS + CHECKSUM;

/// What all rows of a part have in common. Times are microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The family.
    pub family: Family,
    /// Rows of the part.
    pub rows: u64,
    /// Whether a row has a public address that is not that of its key and must be looked for as an
    /// inside address is: without NAT the source's, or the IPv6 address beside an IPv4 one.
    pub has_other_public: bool,
    /// The most ports that a record is about behind that of its key.
    pub further_ports: u16,
    /// The earliest begin, by the device's clock.
    pub begin_min: i64,
    /// The latest end; the least number where no row has an end.
    pub end_max: i64,
    /// The earliest begin of an open row; the largest number where there is none.
    pub open_min: i64,
    /// How long after their events the rows arrived, at least and at most.
    pub delay: [i64; 2],
    /// When the first row arrived, and the last.
    pub received: [i64; 2],
}

impl Summary {
    /// Of no rows.
    pub(super) const fn new(family: Family) -> Self {
        Self {
            family,
            rows: 0,
            has_other_public: false,
            further_ports: 0,
            begin_min: i64::MAX,
            end_max: i64::MIN,
            open_min: i64::MAX,
            delay: [i64::MAX, i64::MIN],
            received: [i64::MAX, i64::MIN],
        }
    }

    pub(super) fn add(&mut self, row: &Row) {
        let widen = |bounds: &mut [i64; 2], value: i64| {
            *bounds = [bounds[0].min(value), bounds[1].max(value)];
        };
        self.rows += 1;
        self.has_other_public |= row.other_public;
        self.further_ports = self.further_ports.max(row.further_ports);
        self.begin_min = self.begin_min.min(row.begin);
        match row.end {
            Some(end) => self.end_max = self.end_max.max(end),
            None => self.open_min = self.open_min.min(row.begin),
        }
        widen(&mut self.delay, row.delay);
        widen(&mut self.received, row.received);
    }
}

/// Where what is. The sections follow each other in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub summary: Summary,
    /// Bytes of the blocks, which begin behind the header.
    pub blocks_len: u64,
    /// Pages of fences, and of the directory.
    pub pages: [u64; 2],
    /// Buckets, a power of two.
    pub buckets: u64,
    /// Bytes of the buckets.
    pub buckets_len: u64,
}

impl Header {
    pub fn block_count(&self) -> u64 {
        self.summary.rows.div_ceil(block::ROWS as u64)
    }

    pub fn blocks_at(&self) -> u64 {
        LEN as u64
    }

    pub fn fences_at(&self) -> u64 {
        self.blocks_at().saturating_add(self.blocks_len)
    }

    pub fn directory_at(&self) -> u64 {
        self.fences_at().saturating_add(self.pages[0].saturating_mul(PAGE as u64))
    }

    pub fn buckets_at(&self) -> u64 {
        self.directory_at().saturating_add(self.pages[1].saturating_mul(PAGE as u64))
    }

    /// The numbers, 64 bits each, little-endian, and their checksum.
    pub fn to_bytes(&self) -> Vec<u8> {
        let summary = &self.summary;
        let signed = |number: i64| number as u64;
        let numbers: [u64; NUMBERS] = [
            MAGIC,
            summary.family as u64,
            summary.rows,
            summary.has_other_public.into(),
            summary.further_ports.into(),
            signed(summary.begin_min),
            signed(summary.end_max),
            signed(summary.open_min),
            signed(summary.delay[0]),
            signed(summary.delay[1]),
            signed(summary.received[0]),
            signed(summary.received[1]),
            self.blocks_len,
            self.pages[0] << 32 | self.pages[1],
            self.buckets,
            self.buckets_len,
        ];
        let mut bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        pages::seal(&mut bytes);
        bytes
    }

    /// What is wrong with the bytes, if they are no header.
    pub fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let bytes = pages::unseal(bytes).ok_or("is damaged: the checksum of its header differs")?;
        let mut bytes = Bytes(bytes);
        let mut numbers = [0; NUMBERS];
        for number in &mut numbers {
            *number = u64::from_le_bytes(bytes.array().ok_or("is too short")?);
        }
        let [
            magic,
            family,
            rows,
            other_public,
            further_ports,
            times @ ..,
            blocks_len,
            pages,
            buckets,
            buckets_len,
        ] = numbers;
        if magic != MAGIC {
            return Err("is of another version, or no index");
        }
        let [begin_min, end_max, open_min, delay_min, delay_max, first, last] =
            times.map(|time: u64| time as i64);
        let family = Family::ALL.into_iter().find(|known| *known as u64 == family);
        Ok(Self {
            summary: Summary {
                family: family.ok_or("is of an unknown family")?,
                rows,
                has_other_public: other_public != 0,
                further_ports: u16::try_from(further_ports).unwrap_or(u16::MAX),
                begin_min,
                end_max,
                open_min,
                delay: [delay_min, delay_max],
                received: [first, last],
            },
            blocks_len,
            pages: [pages >> 32, pages & 0xffff_ffff],
            buckets,
            buckets_len,
        })
    }
}
