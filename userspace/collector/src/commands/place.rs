//! Where a running collector is asked.

use crate::service::control;
use std::path::PathBuf;

/// One of the two.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// Directory of the collector's store
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Its control socket
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
}

impl Place {
    /// The socket.
    pub(super) fn socket(&self) -> PathBuf {
        let beside = || self.data.as_ref().map(|data| data.join(control::FILE_NAME));
        self.control.clone().or_else(beside).unwrap_or_default()
    }
}
