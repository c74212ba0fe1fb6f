//! What the index keeps of a record: its key, its times, whose session it is, and its inside.

use super::key::Key;
use crate::{
    error::StoreError, found::ENDING_EVENTS, nulls::is_null, schema::Family,
    session_key::SessionKey,
};
use arrow_array::{
    Array, ArrowPrimitiveType, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray,
    cast::AsArray,
    types::{Int32Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type},
};
use arrow_schema::ArrowError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A record. Times are microseconds by the device's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub key: Key,
    /// When what it tells of began; where that is not known, when it happened.
    pub begin: i64,
    /// Whether `begin` is told, and not only the time of the record.
    pub begins: bool,
    /// When it ended, if it did.
    pub end: Option<i64>,
    /// When it arrived.
    pub received: i64,
    /// How long after its event.
    pub delay: i64,
    /// [`SessionKey::hash`]; of a port block, that of none.
    pub session: u64,
    /// Ports that the record is about behind that of its key.
    pub further_ports: u16,
    /// See [`Summary::has_other_public`](super::Summary::has_other_public).
    pub other_public: bool,
}

/// The numbers that stand for what a record can be found by, besides its key.
pub(super) type Terms = [Option<u64>; 4];

/// The term of an inside address: a session's source or tunnel, a port block's subscriber.
pub fn address_term(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => xxh3_64(&v4.octets()),
        IpAddr::V6(v6) => xxh3_64(&v6.octets()),
    }
}

/// The term of a user.
pub fn user_term(user: &str) -> u64 {
    xxh3_64_with_seed(user.as_bytes(), USER_SEED)
}

/// So that no user's name is an address.
const USER_SEED: u64 = 1;

/// The names of the columns that an index is made of; none where the family has no index.
pub const fn columns(family: Family) -> &'static [&'static str] {
    match family {
        Family::Session => &[
            "received_at",
            "event_time",
            "event",
            "protocol",
            "src_addr_v4",
            "src_addr_v6",
            "src_port",
            "dst_addr_v4",
            "dst_addr_v6",
            "dst_port",
            "nat_src_addr_v4",
            "nat_src_addr_v6",
            "nat_src_port",
            "tunnel_addr_v6",
            "start_time",
            "end_time",
            "user",
        ],
        Family::PortBlock => &[
            "received_at",
            "event_time",
            "private_addr_v4",
            "private_addr_v6",
            "public_addr_v4",
            "public_addr_v6",
            "port_first",
            "port_last",
        ],
        Family::Im | Family::Filter | Family::Unparsed => &[],
    }
}

/// The columns that the index needs.
pub(super) enum Columns<'a> {
    Session(Box<SessionColumns<'a>>),
    PortBlock(Box<BlockColumns<'a>>),
}

impl<'a> Columns<'a> {
    /// # Errors
    /// If a column is missing or of another type, or the family has no index.
    pub fn of(family: Family, rows: &'a RecordBatch) -> Result<Self, StoreError> {
        let named = Named(rows);
        Ok(match family {
            Family::Session => Self::Session(Box::new(SessionColumns::of(&named)?)),
            Family::PortBlock => Self::PortBlock(Box::new(BlockColumns::of(&named)?)),
            Family::Im | Family::Filter | Family::Unparsed => return Err(wrong_type().into()),
        })
    }

    pub fn row(&self, row: usize) -> (Row, Terms) {
        match self {
            Columns::Session(columns) => columns.row(row),
            Columns::PortBlock(columns) => columns.row(row),
        }
    }
}

pub(super) struct SessionColumns<'a> {
    received_at: &'a Times,
    event_time: &'a Times,
    event: Names<'a>,
    /// Of each text of `event` whether it tells an end.
    ends: Vec<bool>,
    protocol: &'a PrimitiveArray<UInt8Type>,
    src: Addresses<'a>,
    src_port: &'a Ports,
    dst: Addresses<'a>,
    dst_port: &'a Ports,
    nat_src: Addresses<'a>,
    nat_src_port: &'a Ports,
    tunnel_v6: Octets<'a>,
    start_time: &'a Times,
    end_time: &'a Times,
    user: Names<'a>,
}

impl<'a> SessionColumns<'a> {
    fn of(named: &Named<'a>) -> Result<Self, ArrowError> {
        let event = named.text("event")?;
        let ends = |text: Option<&str>| text.is_some_and(|text| ENDING_EVENTS.contains(&text));
        Ok(Self {
            received_at: named.numbers("received_at")?,
            event_time: named.numbers("event_time")?,
            ends: event.values.iter().map(ends).collect(),
            event,
            protocol: named.numbers("protocol")?,
            src: named.addresses("src_addr")?,
            src_port: named.numbers("src_port")?,
            dst: named.addresses("dst_addr")?,
            dst_port: named.numbers("dst_port")?,
            nat_src: named.addresses("nat_src_addr")?,
            nat_src_port: named.numbers("nat_src_port")?,
            tunnel_v6: named.octets("tunnel_addr_v6")?,
            start_time: named.numbers("start_time")?,
            end_time: named.numbers("end_time")?,
            user: named.text("user")?,
        })
    }

    fn row(&self, row: usize) -> (Row, Terms) {
        let event_time = self.event_time.value(row);
        let received = self.received_at.value(row);
        let public = self.nat_src.of(row);
        let start = number(self.start_time, row);
        let ends = self.event.number(row).and_then(|number| self.ends.get(number));
        let ends = ends.is_some_and(|ends| *ends);
        let session = SessionKey {
            protocol: number(self.protocol, row),
            ports: [self.src_port, self.dst_port, self.nat_src_port].map(|port| number(port, row)),
            addresses: [
                self.src.of(row),
                self.dst.v6(row).or_else(|| self.dst.v4(row)),
                octets(self.tunnel_v6, row),
                public,
            ],
        };
        let [src, _, tunnel, _] = session.addresses;
        let user = self.user.get(row).map(user_term);
        let indexed = Row {
            key: Key::new(public, number(self.nat_src_port, row)),
            begin: start.unwrap_or(event_time),
            begins: start.is_some(),
            end: number(self.end_time, row).or(ends.then_some(event_time)),
            received,
            delay: received.saturating_sub(event_time),
            session: session.hash(),
            further_ports: 0,
            other_public: match public {
                Some(public) => public.is_ipv4() && self.nat_src.v6(row).is_some(),
                None => src.is_some(),
            },
        };
        let other = indexed.other_public.then(|| self.nat_src.v6(row)).flatten();
        (indexed, [src.map(address_term), tunnel.map(address_term), user, other.map(address_term)])
    }
}

pub(super) struct BlockColumns<'a> {
    received_at: &'a Times,
    event_time: &'a Times,
    private: Addresses<'a>,
    public: Addresses<'a>,
    port_first: &'a Ports,
    port_last: &'a Ports,
}

impl<'a> BlockColumns<'a> {
    fn of(named: &Named<'a>) -> Result<Self, ArrowError> {
        Ok(Self {
            received_at: named.numbers("received_at")?,
            event_time: named.numbers("event_time")?,
            private: named.addresses("private_addr")?,
            public: named.addresses("public_addr")?,
            port_first: named.numbers("port_first")?,
            port_last: named.numbers("port_last")?,
        })
    }

    /// A record of a port block is only a point in time: what comes before and after it tells how
    /// long the block was held.
    fn row(&self, row: usize) -> (Row, Terms) {
        let event_time = self.event_time.value(row);
        let received = self.received_at.value(row);
        let private = self.private.of(row);
        let public = self.public.of(row);
        let first = number(self.port_first, row);
        let indexed = Row {
            key: Key::new(public, first),
            begin: event_time,
            begins: false,
            end: None,
            received,
            delay: received.saturating_sub(event_time),
            session: 0,
            further_ports: number(self.port_last, row)
                .map_or(0, |last| last.saturating_sub(first.unwrap_or(0))),
            other_public: false,
        };
        (indexed, [private.map(address_term), None, None, None])
    }
}

/// A column of text: as it is, or as the numbers of the texts in a dictionary.
struct Names<'a> {
    keys: Option<&'a PrimitiveArray<Int32Type>>,
    values: &'a StringArray,
}

impl Names<'_> {
    /// Which of the texts the row has.
    fn number(&self, row: usize) -> Option<usize> {
        match self.keys {
            Some(keys) => usize::try_from(number(keys, row)?).ok(),
            None => Some(row),
        }
    }

    fn get(&self, row: usize) -> Option<&str> {
        let number = self.number(row)?;
        self.values.is_valid(number).then(|| self.values.value(number))
    }
}

type Ports = PrimitiveArray<UInt16Type>;
type Times = PrimitiveArray<TimestampMicrosecondType>;

/// The two columns of an address.
struct Addresses<'a> {
    v4: &'a PrimitiveArray<UInt32Type>,
    v6: Octets<'a>,
}

impl Addresses<'_> {
    /// The address; of a row that has both, the IPv4 one.
    fn of(&self, row: usize) -> Option<IpAddr> {
        self.v4(row).or_else(|| self.v6(row))
    }

    fn v4(&self, row: usize) -> Option<IpAddr> {
        number(self.v4, row).map(|v4| Ipv4Addr::from(v4).into())
    }

    fn v6(&self, row: usize) -> Option<IpAddr> {
        octets(self.v6, row)
    }
}

/// A column of IPv6 addresses; `None` where it has no value, as most have none.
type Octets<'a> = Option<&'a FixedSizeBinaryArray>;

fn octets(column: Octets<'_>, row: usize) -> Option<IpAddr> {
    let column = column.filter(|column| column.is_valid(row))?;
    let octets: [u8; 16] = column.value(row).try_into().ok()?;
    Some(Ipv6Addr::from(octets).into())
}

fn number<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}

/// Columns by their names.
struct Named<'a>(&'a RecordBatch);

impl<'a> Named<'a> {
    fn column(&self, name: &str) -> Result<&'a dyn Array, ArrowError> {
        self.0.column_by_name(name).map(AsRef::as_ref).ok_or_else(wrong_type)
    }

    fn numbers<T: ArrowPrimitiveType>(
        &self,
        name: &str,
    ) -> Result<&'a PrimitiveArray<T>, ArrowError> {
        self.column(name)?.as_primitive_opt().ok_or_else(wrong_type)
    }

    fn text(&self, name: &str) -> Result<Names<'a>, ArrowError> {
        let column = self.column(name)?;
        let dictionary = column.as_any_dictionary_opt();
        let values = dictionary.map_or(column, |dictionary| dictionary.values().as_ref());
        let values = values.as_string_opt().ok_or_else(wrong_type)?;
        let keys = match dictionary {
            Some(dictionary) => Some(dictionary.keys().as_primitive_opt().ok_or_else(wrong_type)?),
            None => None,
        };
        Ok(Names { keys, values })
    }

    fn octets(&self, name: &str) -> Result<Octets<'a>, ArrowError> {
        let column = self.column(name)?.as_fixed_size_binary_opt().ok_or_else(wrong_type)?;
        Ok(Some(column).filter(|column| !is_null(*column)))
    }

    fn addresses(&self, name: &str) -> Result<Addresses<'a>, ArrowError> {
        Ok(Addresses {
            v4: self.numbers(&format!("{name}_v4"))?,
            v6: self.octets(&format!("{name}_v6"))?,
        })
    }
}

fn wrong_type() -> ArrowError {
    ArrowError::SchemaError("these are not the columns of a family with an index".to_owned())
}
