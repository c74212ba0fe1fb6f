//! A veth pair that receives as a NIC does: packets come as a driver's frames, by NAPI, in a thread
//! whose processor time can be read, so often as a NIC interrupts.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Place, Receiving, Stage, hop};
use crate::{
    bench::lossless::cpu,
    netns::{COLLECTOR_ADDRESS, COLLECTOR_INTERFACE, Link},
    shell,
};

/// Polls that find nothing before an interrupt is asked for again, and nanoseconds between polls:
/// what a NIC's interrupt moderation is.
const MODERATION: [(&str, &str); 2] =
    [("napi_defer_hard_irqs", "10"), ("gro_flush_timeout", "50000")];

/// As the kernel's documentation has it for busy polling: the timer is for a poller that died.
const BUSY_POLLING: [(&str, &str); 2] =
    [("napi_defer_hard_irqs", "2"), ("gro_flush_timeout", "200000")];

/// Makes the pair and what belongs to it.
pub fn place(stage: &Stage, receiving: Receiving) -> Result<Place> {
    let link = Link::new()?;
    let mut read = link.in_collector("cat");
    let mac = shell::output(read.arg(setting("address")))?;
    // With GRO veth receives by NAPI also where no XDP program is.
    in_collector(&link, "ethtool", &["-K", COLLECTOR_INTERFACE, "gro", "on"])?;
    let (settings, collector_cpus) = match receiving {
        Receiving::Thread => (MODERATION, stage.collector_cpus.clone()),
        // A worker that spins leaves its processor to nobody: the others need one, too.
        Receiving::BusyPolling => {
            (BUSY_POLLING, format!("{},{}", stage.collector_cpus, stage.sender_cpus))
        }
    };
    for (name, value) in settings {
        set(&link, name, value)?;
    }
    if receiving == Receiving::Thread {
        set(&link, "threaded", "1")?;
        place_receive_threads(&stage.collector_cpus)?;
    }
    let sender_interface = hop::attach(&link)?;
    Ok(Place {
        link: Some(link),
        interface: COLLECTOR_INTERFACE.to_owned(),
        sender_interface: Some(sender_interface.to_owned()),
        address: COLLECTOR_ADDRESS.to_owned(),
        mac: mac.trim().to_owned(),
        collector_cpus,
    })
}

/// The kernel receives on the collector's processors, not on the sender's, and before others, as
/// an interrupt does.
fn place_receive_threads(cpus: &str) -> Result<()> {
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
        let thread = thread.to_string();
        shell::output(Command::new("taskset").args(["-p", "-c", cpus, &thread]))?;
        shell::output(Command::new("chrt").args(["--fifo", "--pid", "1", &thread]))?;
    }
    Ok(())
}

fn setting(name: &str) -> String {
    format!("/sys/class/net/{COLLECTOR_INTERFACE}/{name}")
}

fn set(link: &Link, name: &str, value: &str) -> Result<()> {
    in_collector(link, "sh", &["-c", &format!("echo {value} > {}", setting(name))])
}

fn in_collector(link: &Link, program: &str, arguments: &[&str]) -> Result<()> {
    shell::output(link.in_collector(program).args(arguments)).map(drop)
}
