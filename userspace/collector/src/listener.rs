//! A listener: a UDP port to collect from, as `--listen` and the configuration name it.

use logweir_decode::{declared::Formats, decoder::FormatHint};
use std::net::{IpAddr, SocketAddr};

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its number in FrameMeta and among the worker's formats.
    pub number: u16,
    /// The destination address; any where it is `None`.
    pub address: Option<IpAddr>,
    /// The destination port.
    pub port: u16,
    /// The format of what arrives.
    pub format: FormatHint,
}

impl Listener {
    /// Where it listens.
    pub fn place(&self) -> (Option<IpAddr>, u16) {
        (self.address, self.port)
    }
}

/// `PORT`, `PORT=FORMAT`, `ADDRESS:PORT` or `ADDRESS:PORT=FORMAT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenSpec {
    address: Option<IpAddr>,
    port: u16,
    format: FormatHint,
}

impl ListenSpec {
    /// The listener of this number.
    pub fn listener(self, number: u16) -> Listener {
        Listener { number, address: self.address, port: self.port, format: self.format }
    }
}

impl ListenSpec {
    /// Reads one, whose format may be a declared one.
    ///
    /// # Errors
    /// One sentence that says what is wrong.
    pub fn parse(spec: &str, declared: &Formats) -> Result<Self, String> {
        let (place, format) = match spec.split_once('=') {
            Some((place, name)) => (place, parse_format(name, declared)?),
            None => (spec, FormatHint::Auto),
        };
        let (address, port) = match place.parse::<SocketAddr>() {
            // The unspecified address of either family means any address of both.
            Ok(address) => {
                let specified = Some(address.ip()).filter(|address| !address.is_unspecified());
                (specified, address.port())
            }
            Err(_) => {
                let port = place.parse().map_err(|_| {
                    format!(
                        "'{place}' is neither a port nor ADDRESS:PORT ([ADDRESS]:PORT for IPv6)"
                    )
                })?;
                (None, port)
            }
        };
        if port == 0 {
            return Err("port 0 is no port to listen on".into());
        }
        Ok(Self { address, port, format })
    }
}

/// A format by its name; the error names the nearest right word.
pub fn parse_format(name: &str, declared: &Formats) -> Result<FormatHint, String> {
    FormatHint::from_name(name, declared).ok_or_else(|| {
        let programmed = FormatHint::NAMES.iter().map(|(name, _)| *name);
        let names: Vec<_> = programmed.chain(declared.names()).collect();
        format!("unknown format '{name}'{}", logweir_decode::nearest::meant_of(name, &names))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        let parse = |spec| ListenSpec::parse(spec, &Formats::default());
        let spec = parse("2055").unwrap();
        assert_eq!((spec.address, spec.port, spec.format), (None, 2055, FormatHint::Auto));
        let spec = parse("[2001:db8::1]:514=huawei-usg-syslog").unwrap();
        assert_eq!(spec.address, Some("2001:db8::1".parse().unwrap()));
        assert_eq!((spec.port, spec.format), (514, FormatHint::HuaweiUsgSyslog));
    }

    #[test]
    fn a_wrong_one_is_told_in_words() {
        for (spec, word) in [
            ("0", "port 0"),
            ("x", "'x' is neither"),
            ("514=huawei-usg-sylog", "did you mean 'huawei-usg-syslog'"),
            ("70000", "'70000'"),
        ] {
            let error = ListenSpec::parse(spec, &Formats::default()).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
