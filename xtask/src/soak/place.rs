//! Where the soak's traffic runs: over a veth pair and AF_XDP as root, over loopback otherwise.

use std::{
    env,
    io::Read as _,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::exporters::Sent;
use crate::{
    chaos::traffic::free_port,
    netns::{COLLECTOR_ADDRESS, COLLECTOR_INTERFACE, Link},
    shell,
};

pub enum Place {
    Veth(Link),
    Loopback(u16),
}

const PORT: u16 = 2055;

impl Place {
    pub fn new() -> Result<Self> {
        if !shell::is_root() || shell::find("ip").is_none() || shell::find("tc").is_none() {
            println!("not root, or no iproute2: over UDP sockets on loopback instead of AF_XDP");
            return Ok(Self::Loopback(free_port()?));
        }
        let link = Link::new()?;
        link.let_exporters_send()?;
        link.raise_loopback()?;
        Ok(Self::Veth(link))
    }

    /// What makes a collector listen there.
    pub fn settings(&self) -> String {
        match self {
            Self::Veth(_) => format!(
                "source = \"xdp\"\ninterface = \"{COLLECTOR_INTERFACE}\"\nlisten = [\"{PORT}\"]\n"
            ),
            Self::Loopback(port) => format!("source = \"udp\"\nlisten = [\"127.0.0.1:{port}\"]\n"),
        }
    }

    pub fn collector(&self, logweir: &Path) -> Command {
        match self {
            Self::Veth(link) => link.in_collector(logweir),
            Self::Loopback(_) => Command::new(logweir),
        }
    }

    /// Lets the exporters send.
    pub fn exporters(&self, rate: u64, duration: Duration) -> Result<Running> {
        let program = env::current_exe()?;
        let (mut command, target) = match self {
            Self::Veth(link) => (link.in_exporter(&program), format!("{COLLECTOR_ADDRESS}:{PORT}")),
            Self::Loopback(port) => (Command::new(&program), format!("127.0.0.1:{port}")),
        };
        let target: SocketAddr = target.parse()?;
        let minutes = duration.as_secs_f64() / 60.0;
        command.args(["soak", "--send-to", &target.to_string(), "--rate", &rate.to_string()]);
        command.args(["--minutes", &minutes.to_string()]);
        let child = command.stdout(Stdio::piped()).spawn().context("cannot start the exporters")?;
        Ok(Running(child))
    }

    /// Datagrams that the exporters' interface could not pass on.
    pub fn dropped_on_the_way(&self) -> Result<u64> {
        match self {
            Self::Veth(link) => link.exporter_drops(),
            Self::Loopback(_) => Ok(0),
        }
    }
}

/// Exporters that send. Dropping ends them.
pub struct Running(Child);

impl Running {
    /// Waits until they are done, which is soon; what they sent.
    pub fn finish(mut self) -> Result<Sent> {
        let mut said = String::new();
        if let Some(stdout) = &mut self.0.stdout {
            stdout.read_to_string(&mut said)?;
        }
        let status = self.0.wait()?;
        ensure!(status.success(), "they failed ({status})");
        Ok(serde_json::from_str(&said)?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Those that have ended already cannot be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
