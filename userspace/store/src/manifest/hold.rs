//! Legal holds: parts that must not be deleted while a case is open.

use super::Part;
use crate::schema::Family;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What is held for a case: the parts that all of it applies to; all parts, where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The reference of the case.
    pub case: String,
    /// The first moment, by the time of arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The last moment, by the time of arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// The family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// An address that a record of the part names, inside, public or destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

impl Hold {
    /// Whether it may hold a part, as far as the family and the hour tell. Whether the part names
    /// the address is for its rows to tell.
    pub fn concerns(&self, part: &Part) -> bool {
        let after = |bound: Timestamp| i128::from(part.hour.end()) > bound.as_nanosecond();
        let before = |bound: Timestamp| i128::from(part.hour.begin()) <= bound.as_nanosecond();
        self.family.is_none_or(|family| family == part.family)
            && self.from.is_none_or(after)
            && self.to.is_none_or(before)
    }
}
