//! Servers for mail and webhooks that hang: they take connections and never say a word.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdout, Stdio},
    thread,
};

use anyhow::{Context as _, Result};

use super::place::Place;

/// Connections that are held; an older one is closed for a newer one.
const HELD_MAX: usize = 64;

/// Hangs at two ports of loopback, which it prints a line each, until it is killed.
pub fn hang() -> Result<()> {
    let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    for listener in &listeners {
        println!("{}", listener.local_addr()?.port());
    }
    thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(|| hold(listener));
        }
    });
    Ok(())
}

/// Takes all connections.
fn hold(listener: &TcpListener) {
    let mut held = VecDeque::new();
    for stream in listener.incoming().flatten() {
        if held.len() == HELD_MAX {
            held.pop_front();
        }
        held.push_back(stream);
    }
}

/// Such servers beside the collector, as long as this lives.
pub struct Deaf {
    process: Child,
    pub mail: u16,
    pub web: u16,
}

impl Deaf {
    pub fn start(place: &Place, program: &Path) -> Result<Self> {
        let mut command = place.collector(program);
        command.args(["soak", "--hang"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().context("cannot start servers that hang")?;
        let mut said = BufReader::new(process.stdout.take().context("it has no output")?);
        let port = |said: &mut BufReader<ChildStdout>| -> Result<u16> {
            let mut line = String::new();
            said.read_line(&mut line)?;
            line.trim().parse().context("no port")
        };
        let (mail, web) = (port(&mut said)?, port(&mut said)?);
        Ok(Self { process, mail, web })
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
