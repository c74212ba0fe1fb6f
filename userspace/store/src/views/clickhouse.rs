//! As ClickHouse says it. It has functions for addresses; the partition is read from the path,
//! which is skipped by as well.

use super::Dialect;

pub(super) enum ClickHouse {}

impl Dialect for ClickHouse {
    const HEAD: &'static str = "-- Views for ClickHouse 24 or later.\n\
        -- Quick: WHERE nat_src_addr_v4 = IPv4StringToNum('203.0.113.7'), rather than nat_src_addr.\n";

    const PARTITION: &'static [&'static str] = &[
        "toDate(extract(_path, 'date=([0-9-]+)')) AS \"date\"",
        "toUInt8(extract(_path, 'hour=([0-9]+)')) AS \"hour\"",
    ];

    fn ipv4(column: &str) -> String {
        format!("IPv4NumToString({column})")
    }

    fn ipv6(column: &str) -> String {
        format!("IPv6NumToString({column})")
    }

    fn rows(pattern: &str) -> String {
        format!("file('{pattern}', Parquet)")
    }
}
