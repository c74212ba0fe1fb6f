//! Where a running collector is asked.

use crate::service::control;
use std::path::{Path, PathBuf};

/// One of the two.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct Place {
    /// Directory of the collector's store [default: /var/lib/logweir]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Its control socket
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
}

impl Place {
    /// The socket.
    pub(super) fn socket(&self) -> PathBuf {
        let data = || self.data.as_deref().unwrap_or(Path::new(super::DATA));
        self.control.clone().unwrap_or_else(|| data().join(control::FILE_NAME))
    }
}
