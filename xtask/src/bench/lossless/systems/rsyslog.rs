//! rsyslog: lines as they came, to one file.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::{RECEIVE_BUFFER_BYTES, System, lines, write};
use crate::{
    bench::lossless::{place::Place, traffic::Traffic},
    shell,
};

pub struct Rsyslog;

impl System for Rsyslog {
    fn name(&self) -> String {
        "rsyslog".into()
    }

    fn traffic(&self) -> Traffic {
        Traffic::Syslog
    }

    fn install(&self) -> Result<()> {
        if shell::find("rsyslogd").is_some() {
            return Ok(());
        }
        shell::apt_install(&["rsyslog"], "the comparison with rsyslog")
    }

    fn command(&self, place: &Place, directory: &Path) -> Result<Command> {
        let text = format!(
            "module(load=\"imudp\" threads=\"2\" batchSize=\"128\")\n\
             main_queue(queue.type=\"FixedArray\" queue.size=\"500000\" \
                        queue.dequeueBatchSize=\"2048\" queue.timeoutShutdown=\"30000\")\n\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
             input(type=\"imudp\" address=\"{}\" port=\"{}\" rcvbufSize=\"{RECEIVE_BUFFER_BYTES}\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"raw\" ioBufferSize=\"256k\" \
                    flushOnTXEnd=\"off\")\n",
            place.address,
            self.traffic().port(),
            directory.join("lines").display(),
        );
        let mut run = place.collector(Path::new("rsyslogd"));
        run.arg("-n").arg("-f").arg(write(directory.join("rsyslog.conf"), &text)?);
        run.arg("-i").arg(directory.join("pid"));
        Ok(run)
    }

    fn stored(&self, directory: &Path) -> Result<u64> {
        lines(&directory.join("lines"))
    }
}
