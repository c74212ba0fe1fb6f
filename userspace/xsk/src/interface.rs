//! A network interface by name and index.

use core::fmt;

use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::XskError;

/// A network interface of the calling thread's network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    name: String,
    index: u32,
}

impl Interface {
    /// Looks an interface up by its name.
    pub fn by_name(name: &str) -> Result<Self, XskError> {
        let index = any_socket().and_then(|socket| name_to_index(socket, name));
        let index =
            index.map_err(|errno| XskError::NoInterface { interface: name.to_owned(), errno })?;
        Ok(Self { name: name.to_owned(), index })
    }

    /// Looks an interface up by its index.
    pub fn by_index(index: u32) -> Result<Self, XskError> {
        let name = any_socket().and_then(|socket| index_to_name(socket, index));
        let name =
            name.map_err(|errno| XskError::NoInterface { interface: index.to_string(), errno })?;
        Ok(Self { name, index })
    }

    /// The name when it was looked up.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The index (`ifindex`).
    pub fn index(&self) -> u32 {
        self.index
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Any socket answers questions about interfaces.
fn any_socket() -> rustix::io::Result<rustix::fd::OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_interface_is_named() {
        let error = Interface::by_name("no-such-if0").expect_err("there is none");
        assert!(error.to_string().contains("\"no-such-if0\""), "{error}");
    }

    #[test]
    fn name_and_index_agree() {
        let by_name = Interface::by_name("lo").expect("every namespace has lo");
        assert_eq!(Interface::by_index(by_name.index()).expect("lo"), by_name);
    }
}
