//! As DuckDB says it. Its functions for addresses are in an extension that it would download; ours
//! are macros. IPv6 addresses are written as RFC 5952 §4 has it.

use super::Dialect;

pub(super) enum DuckDb {}

impl Dialect for DuckDb {
    const HEAD: &'static str = r#"-- Views for DuckDB 1.1 or later.
-- Quick: WHERE nat_src_addr_v4 = ipv4_number('203.0.113.7'), rather than nat_src_addr.

CREATE OR REPLACE MACRO ipv4_number(text) AS
  (split_part(text, '.', 1)::UINTEGER * 16777216 + split_part(text, '.', 2)::UINTEGER * 65536
   + split_part(text, '.', 3)::UINTEGER * 256 + split_part(text, '.', 4)::UINTEGER)::UINTEGER;

CREATE OR REPLACE MACRO ipv4_text(number) AS
  CASE WHEN number IS NOT NULL THEN
    concat_ws('.', number >> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255) END;

-- 16 bytes as :2001:db8:0:0:0:0:0:1:
CREATE OR REPLACE MACRO ipv6_groups(bytes) AS
  regexp_replace(regexp_replace(lower(hex(bytes)), '(....)', ':\1', 'g') || ':', ':0{1,3}', ':', 'g');

-- The first of the longest runs of zeros is left out.
CREATE OR REPLACE MACRO ipv6_shortened(groups) AS
  CASE WHEN contains(groups, ':0:0:0:0:0:0:0:0:') THEN '::'
       WHEN contains(groups, ':0:0:0:0:0:0:0:') THEN regexp_replace(groups, ':0:0:0:0:0:0:0:', '::')
       WHEN contains(groups, ':0:0:0:0:0:0:') THEN regexp_replace(groups, ':0:0:0:0:0:0:', '::')
       WHEN contains(groups, ':0:0:0:0:0:') THEN regexp_replace(groups, ':0:0:0:0:0:', '::')
       WHEN contains(groups, ':0:0:0:0:') THEN regexp_replace(groups, ':0:0:0:0:', '::')
       WHEN contains(groups, ':0:0:0:') THEN regexp_replace(groups, ':0:0:0:', '::')
       WHEN contains(groups, ':0:0:') THEN regexp_replace(groups, ':0:0:', '::')
       ELSE groups END;

CREATE OR REPLACE MACRO ipv6_text(bytes) AS
  regexp_replace(regexp_replace(ipv6_shortened(ipv6_groups(bytes)), '^:([^:])', '\1'), '([^:]):$', '\1');
"#;

    const PARTITION: &'static [&'static str] = &["\"date\"", "\"hour\""];

    fn ipv4(column: &str) -> String {
        format!("ipv4_text({column})")
    }

    fn ipv6(column: &str) -> String {
        format!("ipv6_text({column})")
    }

    fn rows(pattern: &str) -> String {
        format!(
            "read_parquet('{pattern}', hive_partitioning = true, \
             hive_types = {{'date': DATE, 'hour': UTINYINT}})"
        )
    }
}
