//! Where the traffic runs: over a veth pair made anew for each trial, or over an interface of this
//! host, from another one of it or from another host.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::cpu;
use crate::{
    netns::{COLLECTOR_ADDRESS, COLLECTOR_INTERFACE, EXPORTER_INTERFACE, Link},
    shell,
};

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

/// Where one trial runs. Dropping it removes the pair.
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
            None => self.veth(receiving),
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

    fn veth(&self, receiving: Receiving) -> Result<Place> {
        let link = Link::new()?;
        let mut read = link.in_collector("cat");
        let mac = shell::output(read.arg(format!("/sys/class/net/{COLLECTOR_INTERFACE}/address")))?;
        let place = Place {
            link: Some(link),
            interface: COLLECTOR_INTERFACE.to_owned(),
            sender_interface: Some(EXPORTER_INTERFACE.to_owned()),
            address: COLLECTOR_ADDRESS.to_owned(),
            mac: mac.trim().to_owned(),
            collector_cpus: match receiving {
                Receiving::Thread => self.collector_cpus.clone(),
                // A worker that spins leaves its processor to nobody: the others need one, too.
                Receiving::BusyPolling => format!("{},{}", self.collector_cpus, self.sender_cpus),
            },
        };
        // Then veth receives by NAPI, as a NIC's driver does, also where no XDP program is.
        place.in_collector("ethtool", &["-K", COLLECTOR_INTERFACE, "gro", "on"])?;
        place.in_exporter("ethtool", &["-K", EXPORTER_INTERFACE, "tso", "off"])?;
        match receiving {
            Receiving::Thread => {
                place.set("threaded", "1")?;
                self.pin_receive_threads()?;
            }
            Receiving::BusyPolling => {
                place.set("napi_defer_hard_irqs", "2")?;
                place.set("gro_flush_timeout", "200000")?;
            }
        }
        Ok(place)
    }

    /// The kernel receives on the collector's processors, not on the sender's.
    fn pin_receive_threads(&self) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let deadline = Instant::now() + PATIENCE;
        let threads = loop {
            let threads = cpu::receive_threads(COLLECTOR_INTERFACE);
            if !threads.is_empty() {
                break threads;
            }
            ensure!(Instant::now() < deadline, "the kernel made no thread to receive by");
            thread::sleep(Duration::from_millis(5));
        };
        for thread in threads {
            let mut pin = Command::new("taskset");
            shell::output(pin.args(["-p", "-c", &self.collector_cpus, &thread.to_string()]))?;
        }
        Ok(())
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

    fn in_collector(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let link = self.link.as_ref().context("only a pair of ours is changed")?;
        shell::output(link.in_collector(program).args(arguments)).map(drop)
    }

    fn in_exporter(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let link = self.link.as_ref().context("only a pair of ours is changed")?;
        shell::output(link.in_exporter(program).args(arguments)).map(drop)
    }

    fn set(&self, file: &str, value: &str) -> Result<()> {
        let path = format!("/sys/class/net/{}/{file}", self.interface);
        self.in_collector("sh", &["-c", &format!("echo {value} > {path}")])
    }
}
