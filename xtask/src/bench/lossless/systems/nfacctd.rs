//! nfacctd of pmacct: NetFlow, aggregated to two keys, with the number of flows of each. It is not
//! built to store each session.

use std::{fs, path::Path, process::Command};

use anyhow::Result;

use super::{RECEIVE_BUFFER_BYTES, System, write};
use crate::{
    bench::lossless::{place::Place, traffic::Traffic},
    shell,
};

pub struct Nfacctd;

impl System for Nfacctd {
    fn name(&self) -> String {
        "nfacctd (aggregates)".into()
    }

    fn traffic(&self) -> Traffic {
        Traffic::NetFlow
    }

    fn install(&self) -> Result<()> {
        if shell::find("nfacctd").is_some() {
            return Ok(());
        }
        shell::apt_install(&["pmacct"], "the comparison with nfacctd")
    }

    fn command(&self, place: &Place, directory: &Path) -> Result<Command> {
        let text = format!(
            "daemonize: false\n\
             nfacctd_ip: {}\n\
             nfacctd_port: {}\n\
             nfacctd_pipe_size: {RECEIVE_BUFFER_BYTES}\n\
             plugins: print\n\
             aggregate: peer_src_ip, proto, flows\n\
             plugin_pipe_size: 67108864\n\
             plugin_buffer_size: 65536\n\
             print_output: csv\n\
             print_output_file: {}\n\
             print_output_file_append: true\n\
             print_refresh_time: 3600\n",
            place.address,
            self.traffic().port(),
            directory.join("flows.csv").display(),
        );
        let mut run = place.collector(Path::new("nfacctd"));
        run.arg("-f").arg(write(directory.join("nfacctd.conf"), &text)?);
        Ok(run)
    }

    /// Then its plugins write what they have.
    fn stops_by_interrupt(&self) -> bool {
        true
    }

    fn stored(&self, directory: &Path) -> Result<u64> {
        let Ok(text) = fs::read_to_string(directory.join("flows.csv")) else { return Ok(0) };
        let mut rows = text.lines().map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
        let column = rows.next().and_then(|head| head.iter().position(|name| *name == "FLOWS"));
        let Some(column) = column else { return Ok(0) };
        let flows = |row: Vec<&str>| row.get(column)?.parse::<u64>().ok();
        Ok(rows.filter_map(flows).sum())
    }
}
