//! A connection that has so long, whatever the other side does: one that sends or takes a byte now and
//! then is at the end of its time like one that is silent.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// Such a connection.
#[derive(Debug)]
pub(super) struct Timed<S> {
    stream: S,
    deadline: Instant,
}

/// A socket that waits no longer than it is told.
pub(super) trait Socket: Read + Write {
    /// Limits the next read.
    fn read_within(&self, time: Duration) -> io::Result<()>;
    /// Limits the next write.
    fn write_within(&self, time: Duration) -> io::Result<()>;
}

impl<S: Socket> Timed<S> {
    /// This connection, which has so long from now on.
    pub fn new(stream: S, time: Duration) -> Self {
        Self { stream, deadline: Instant::now() + time }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl<S: Socket> Read for Timed<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read_within(self.left()?)?;
        self.stream.read(bytes).map_err(timed_out)
    }
}

impl<S: Socket> Write for Timed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write_within(self.left()?)?;
        self.stream.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// What the kernel says of a socket that was waited for, in words that say so.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Socket for TcpStream {
    fn read_within(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }

    fn write_within(&self, time: Duration) -> io::Result<()> {
        self.set_write_timeout(Some(time))
    }
}

impl Socket for UnixStream {
    fn read_within(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }

    fn write_within(&self, time: Duration) -> io::Result<()> {
        self.set_write_timeout(Some(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn who_says_little_is_not_listened_to_for_ever() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"a").unwrap();
        let mut bytes = [0; 8];
        let mut timed = Timed::new(ours.try_clone().unwrap(), Duration::from_millis(200));
        assert_eq!(timed.read(&mut bytes).unwrap(), 1);
        let dripping = thread::spawn(move || {
            while theirs.write_all(b"a").is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        while timed.read(&mut bytes).is_ok() {}
        let ended = timed.write(b"a").unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
        assert!(ours.write(b"a").is_ok(), "the connection is still there");
        drop((ours, timed));
        dripping.join().unwrap();
    }
}
