//! NetFlow v9 (RFC 3954): templates, and data moved into columns by them.
//!
//! [`v9`] takes a datagram apart. A [`template`] is compiled once into a [`plan`] by the meaning
//! that a [`profile`] gives to its elements; [`execute`] moves the records of a data flowset into
//! columns by that plan. Templates live in a [`registry`] that all workers share; data that comes
//! before its template is in the [`waiting`] room.

pub mod execute;
pub mod huawei_usg;
pub mod plan;
pub mod profile;
pub mod registry;
pub mod template;
pub mod v9;
pub mod waiting;
