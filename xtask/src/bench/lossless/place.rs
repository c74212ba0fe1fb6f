//! Where the traffic runs: over a veth pair made anew for each trial, or over an interface of this
//! host, from another one of it or from another host.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow};

use crate::{netns::Link, shell};

mod hop;
mod veth;

/// What holds for all trials.
pub struct Stage {
    pub logweir: PathBuf,
    /// The interface to collect from; a veth pair where there is none.
    pub interface: Option<String>,
    pub sender_interface: Option<String>,
    /// A program and its arguments that run the generator, on another host as a rule.
    pub sender_command: Option<String>,
    pub collector_cpus: String,
    pub sender_cpus: String,
}

/// How packets come from the interface to the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiving {
    /// By the kernel's own thread, beside the collector and on its processors.
    Thread,
    /// By the collector itself, which never sleeps.
    BusyPolling,
}

/// Where one trial runs. Dropping it removes what was made for it.
pub struct Place {
    link: Option<Link>,
    /// The collector's.
    pub interface: String,
    pub sender_interface: Option<String>,
    pub address: String,
    pub mac: String,
    pub collector_cpus: String,
}

impl Stage {
    /// Where the next trial runs.
    pub fn place(&self, receiving: Receiving) -> Result<Place> {
        match &self.interface {
            None => veth::place(self, receiving),
            Some(interface) => self.interface(interface),
        }
    }

    fn interface(&self, interface: &str) -> Result<Place> {
        let mut show = Command::new("ip");
        let text = shell::output(show.args(["-4", "-o", "addr", "show", "dev", interface]))?;
        let address = text.split_whitespace().skip_while(|word| *word != "inet").nth(1);
        let address = address.and_then(|prefix| prefix.split('/').next());
        let address = address.with_context(|| format!("{interface} has no IPv4 address"))?;
        let mac = fs::read_to_string(format!("/sys/class/net/{interface}/address"))?;
        Ok(Place {
            link: None,
            interface: interface.to_owned(),
            sender_interface: self.sender_interface.clone(),
            address: address.to_owned(),
            mac: mac.trim().to_owned(),
            collector_cpus: self.collector_cpus.clone(),
        })
    }

    /// The generator; none where a person has to start it.
    pub fn generator(&self, place: &Place, arguments: &[String]) -> Result<Option<Command>> {
        let interface = place.sender_interface.as_deref();
        if let Some(command) = &self.sender_command {
            let mut words = command.split_whitespace();
            let program = words.next().ok_or_else(|| anyhow!("--sender-command is empty"))?;
            let mut generator = Command::new(program);
            let interface = interface.context("--sender-command needs --sender-interface")?;
            generator.args(words).args(["generate", "--to", interface]).args(arguments);
            return Ok(Some(generator));
        }
        let Some(interface) = interface else { return Ok(None) };
        let mut generator = match &place.link {
            Some(link) => link.in_exporter("taskset"),
            None => Command::new("taskset"),
        };
        generator.args(["-c", &self.sender_cpus]).arg(&self.logweir);
        generator.args(["generate", "--to", interface]).args(arguments);
        Ok(Some(generator))
    }
}

impl Place {
    /// A program on the collector's side and its processors.
    pub fn collector(&self, program: &Path) -> Command {
        let mut command = match &self.link {
            Some(link) => link.in_collector("taskset"),
            None => Command::new("taskset"),
        };
        command.args(["-c", &self.collector_cpus]).arg(program);
        command
    }

    /// Whether it is a veth pair, of which the kernel's receive thread is known.
    pub fn is_veth(&self) -> bool {
        self.link.is_some()
    }
}
