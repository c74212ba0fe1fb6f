//! The service manager: systemd, or whoever else started the collector and wants to hear of it
//! (`sd_notify(3)`). A message is lines of `KEY=value` in a datagram to the Unix socket that the
//! environment names.

use std::{
    env,
    ffi::OsString,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::Duration,
};

/// Where the service manager listens.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    /// How often it wants to hear that all is well.
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`);
    /// `None` where it names none.
    ///
    /// # Errors
    /// One sentence, where nobody listens there.
    pub fn from_environment() -> Result<Option<Self>, String> {
        let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Ok(None) };
        let socket = connect(&name).map_err(|error| {
            format!("cannot reach the service manager at {}: {error}", name.display())
        })?;
        Ok(Some(Self { socket, watchdog: watchdog() }))
    }

    /// How often it wants to hear that all is well, where it does.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Collecting has begun.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// How it goes, in a line.
    pub fn status(&self, line: &str) {
        self.tell(&format!("STATUS={line}"));
    }

    /// All is well.
    pub fn is_well(&self) {
        self.tell("WATCHDOG=1");
    }

    /// It ends, and stores what it has.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=storing what was received");
    }

    /// A manager that does not take it in is none of the collector's business, and is not waited for.
    fn tell(&self, message: &str) {
        let _ = self.socket.send(message.as_bytes());
    }
}

fn connect(name: &OsString) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    socket.connect_addr(&address)?;
    Ok(socket)
}

fn watchdog() -> Option<Duration> {
    let of_another = env::var("WATCHDOG_PID").is_ok_and(|pid| pid != process::id().to_string());
    let microseconds = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    (!of_another && microseconds > 0).then(|| Duration::from_micros(microseconds))
}

/// Which threads go round.
#[derive(Debug, Default)]
pub struct Rounds(Vec<(String, u64)>);

impl Rounds {
    /// The threads that have not gone round since this was asked last, given how often each has.
    /// One that has just begun is not among them.
    pub fn stuck(&mut self, now: Vec<(String, u64)>) -> Vec<String> {
        let stuck = now.iter().filter(|thread| self.0.contains(thread));
        let stuck = stuck.map(|(name, _)| name.clone()).collect();
        self.0 = now;
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_go_round_is_stuck() {
        let rounds =
            |queue, writer| vec![("queue".to_owned(), queue), ("writer".to_owned(), writer)];
        let mut seen = Rounds::default();
        assert!(seen.stuck(rounds(0, 7)).is_empty(), "so far nobody knows");
        assert!(seen.stuck(rounds(1, 8)).is_empty());
        assert_eq!(seen.stuck(rounds(2, 8)), ["writer"]);
        assert_eq!(seen.stuck(rounds(2, 8)), ["queue", "writer"]);
        assert!(seen.stuck(rounds(3, 9)).is_empty(), "they go on");
    }
}
