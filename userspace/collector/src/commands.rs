//! The commands, one file each.

pub mod check_config;
pub mod decode;
pub mod generate;
pub mod ledger;
pub mod run;
pub mod trace;
