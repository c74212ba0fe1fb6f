//! `[email]`: the relay, how it is spoken to, and from whom to whom mail goes.

use super::{NO_AUTHORITIES, authorities, duration};
use crate::{
    config::word,
    service::alarm::{
        mail::MailConfig,
        smtp::{Begins, Login, Relay, Tls},
    },
};
use serde::{Deserialize, Deserializer};
use std::{net::IpAddr, path::PathBuf, time::Duration};

/// The port of servers that mail is relayed by, and the one of those that speak TLS only (RFC 8314).
const SMTP: u16 = 25;
const SUBMISSIONS: u16 = 465;

/// The table `[email]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Email {
    /// The server: a name or an address, and a port behind a colon unless it is the usual one.
    /// Without one no mail is sent.
    pub server: String,
    /// Whether it is spoken to by TLS.
    #[serde(deserialize_with = "encryption")]
    pub tls: Option<Encryption>,
    /// The file of the authorities that its certificate is signed by.
    pub ca_file: Option<PathBuf>,
    /// The name to log in by.
    pub user: Option<String>,
    /// The file of the password.
    pub password_file: Option<PathBuf>,
    /// The sender.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
    /// How long after the first entry a mail is sent.
    #[serde(deserialize_with = "duration")]
    pub pre_delay: Option<Duration>,
    /// How long after a mail the next one is sent.
    #[serde(deserialize_with = "duration")]
    pub post_delay: Option<Duration>,
}

/// Whether a server is spoken to by TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// In the clear.
    None,
    /// By TLS, which begins so.
    Tls(Begins),
}

fn encryption<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Encryption>, D::Error> {
    let words = [
        ("none", Encryption::None),
        ("starttls", Encryption::Tls(Begins::AfterStarttls)),
        ("implicit", Encryption::Tls(Begins::AtOnce)),
    ];
    word(from, &words).map(Some)
}

impl Email {
    pub(super) fn checked(&self) -> Result<MailConfig, String> {
        let relay = self.relay()?;
        if self.to.is_empty() {
            return Err("to names nobody".into());
        }
        Ok(MailConfig {
            relay,
            from: address(&self.from)?,
            to: self.to.iter().map(address).collect::<Result<_, _>>()?,
            pre_delay: self.pre_delay.unwrap_or(Duration::from_secs(30)),
            post_delay: self.post_delay.unwrap_or(Duration::from_secs(300)),
        })
    }

    fn relay(&self) -> Result<Relay, String> {
        let (host, port) = self.host_and_port()?;
        let is_here = host.parse().map_or(host == "localhost", |ip: IpAddr| ip.is_loopback());
        let encryption = self.tls.unwrap_or(match port {
            Some(SUBMISSIONS) => Encryption::Tls(Begins::AtOnce),
            _ if is_here => Encryption::None,
            _ => Encryption::Tls(Begins::AfterStarttls),
        });
        let login = self.login()?;
        let tls = match encryption {
            Encryption::Tls(begins) => {
                let authorities = authorities(self.ca_file.as_deref())?;
                if authorities.is_empty() {
                    return Err(NO_AUTHORITIES.into());
                }
                Some(Tls { begins, authorities, login })
            }
            Encryption::None if login.is_some() => {
                return Err("no password is sent in the clear: say tls = \"starttls\" or tls = \
                            \"implicit\", or leave user and password_file out"
                    .into());
            }
            Encryption::None => None,
        };
        let usual = match encryption {
            Encryption::Tls(Begins::AtOnce) => SUBMISSIONS,
            _ => SMTP,
        };
        Ok(Relay { host: host.to_owned(), port: port.unwrap_or(usual), tls })
    }

    fn host_and_port(&self) -> Result<(&str, Option<u16>), String> {
        let server = self.server.as_str();
        let (host, port) = match server.rsplit_once(':') {
            // An IPv6 address without a port is full of colons.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let port = port.parse().ok().filter(|port| *port != 0);
                (host, Some(port.ok_or_else(|| format!("server '{server}': its port is no port"))?))
            }
            _ => (server, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(format!("server '{server}' names no host"));
        }
        Ok((host, port))
    }

    fn login(&self) -> Result<Option<Login>, String> {
        match (&self.user, &self.password_file) {
            (None, None) => Ok(None),
            (Some(user), Some(file)) => {
                let login = Login { user: user.clone(), password_file: file.clone() };
                login.password().map(|_| Some(login))
            }
            (Some(_), None) => Err("user needs a password: give password_file = \"FILE\"".into()),
            (None, Some(_)) => Err("password_file needs a name: give user = \"NAME\"".into()),
        }
    }
}

/// An address with nothing in it that an SMTP command could end with.
fn address(text: &String) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_graphic() && !"<>,;:\\\"()[]".contains(c);
    let (name, host) = text.rsplit_once('@').unwrap_or_default();
    if !name.is_empty() && !host.is_empty() && text.chars().all(is_plain) {
        Ok(text.clone())
    } else {
        Err(format!("{text:?} is no address like name@example.net"))
    }
}
