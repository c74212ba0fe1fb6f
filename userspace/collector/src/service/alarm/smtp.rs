//! Just enough of SMTP (RFC 5321) to hand a mail to a relay: in the clear, by STARTTLS (RFC 3207) or
//! TLS from the first byte (RFC 8314), and with a password where it wants one (RFC 4954).

mod letter;
mod login;
mod session;

pub use letter::Letter;
pub use login::Login;

use super::tls::{self, Authorities};
use crate::service::timed::Timed;
use session::Session;
use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

/// How long one of a server's addresses may take to answer at all, and all of the mail then. Servers
/// let whom they do not know wait.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to; in the clear where there is nothing.
    pub tls: Option<Tls>,
}

/// How TLS is spoken with a relay. Nothing of a mail, and no password, goes another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// When it begins.
    pub begins: Begins,
    /// Whose certificates are believed.
    pub authorities: Authorities,
    /// Who logs in, if anybody does.
    pub login: Option<Login>,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With the first byte.
    AtOnce,
    /// Behind the command `STARTTLS`.
    AfterStarttls,
}

/// Hands a mail to a relay; `host` is this one's name. What it has answered about recipients that it
/// does not take: the others have the mail.
///
/// # Errors
/// Says what the relay has answered, or why there is no answer.
pub fn send(relay: &Relay, host: &str, letter: &Letter<'_>) -> Result<Vec<String>, String> {
    let failed = |error: io::Error| tls::sentence(&error);
    let stream = relay.connect().map_err(failed)?;
    let Some(tls) = &relay.tls else {
        return hand_over(Session::greeted(stream)?, None, host, letter);
    };
    let begin = |stream| tls.authorities.begin(stream, &relay.host).map_err(failed);
    let session = match tls.begins {
        Begins::AtOnce => Session::greeted(begin(stream)?)?,
        Begins::AfterStarttls => Session::new(begin(Session::greeted(stream)?.starttls(host)?)?),
    };
    hand_over(session, tls.login.as_ref(), host, letter)
}

impl Relay {
    fn connect(&self) -> io::Result<Timed<TcpStream>> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
                Ok(stream) => return Ok(Timed::new(stream, PATIENCE)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn hand_over<S: Read + Write>(
    mut session: Session<S>,
    login: Option<&Login>,
    host: &str,
    letter: &Letter<'_>,
) -> Result<Vec<String>, String> {
    let offers = session.hello(host)?;
    login.map_or(Ok(()), |login| login.log_in(&mut session, &offers))?;
    let can_8bit = offers.get("8BITMIME").is_some();
    let body = if can_8bit { " BODY=8BITMIME" } else { "" };
    session.command(&format!("MAIL FROM:<{}>{body}", letter.from), "250")?;
    let mut refused = Vec::new();
    for to in letter.to {
        let answer = session.command(&format!("RCPT TO:<{to}>"), "25");
        refused.extend(answer.err().map(|error| format!("{to}: {error}")));
    }
    if refused.len() == letter.to.len() {
        return Err(refused.join("; "));
    }
    session.command("DATA", "354")?;
    session.say(&format!("{}.", letter.text(can_8bit)), "250", "the mail")?;
    // It has taken the mail: how it says good-bye does not matter.
    let _ = session.command("QUIT", "221");
    Ok(refused)
}

#[cfg(test)]
mod tests;
