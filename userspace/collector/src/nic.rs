//! What the kernel says about a network interface.

use serde::{Deserialize, Serialize};
use std::{fs, path::PathBuf};

/// Receive counters of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicCounters {
    /// Packets received.
    pub rx_packets: u64,
    /// Packets dropped in the hardware, the driver or the stack: for want of room, and also those
    /// of a protocol that the stack does not know, such as LLDP.
    pub rx_dropped: u64,
    /// Of these, those that the hardware had no room for, where the driver tells them apart.
    #[serde(default)]
    pub rx_missed: u64,
    /// Packets lost in a full receive FIFO.
    pub rx_fifo_errors: u64,
}

impl NicCounters {
    /// Reads the counters (`/proc/net/dev`); `None` where there is no such interface.
    pub fn read(interface: &str) -> Option<Self> {
        // The calling thread's network namespace, which need not be the process's first.
        let table = fs::read_to_string("/proc/thread-self/net/dev").ok()?;
        let missed = fs::read_to_string(sysfs(interface).join("statistics/rx_missed_errors"));
        let rx_missed = missed.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Some(Self { rx_missed, ..Self::parse(&table, interface)? })
    }

    fn parse(table: &str, interface: &str) -> Option<Self> {
        let named = table.lines().filter_map(|line| line.split_once(':'));
        let (_, columns) = named.into_iter().find(|(name, _)| name.trim() == interface)?;
        let mut columns = columns.split_whitespace().map(|column| column.parse().unwrap_or(0));
        let _bytes = columns.next()?;
        let rx_packets = columns.next()?;
        let _errors = columns.next()?;
        let (rx_dropped, rx_fifo_errors) = (columns.next()?, columns.next()?);
        Some(Self { rx_packets, rx_dropped, rx_fifo_errors, ..Self::default() })
    }

    /// What was counted since `start`. A driver may count losses anew when the interface is reset.
    #[must_use]
    pub fn since(self, start: Self) -> Self {
        Self {
            // What is taken off may be more than was counted; see `pipeline::settled`.
            rx_packets: self.rx_packets.wrapping_sub(start.rx_packets),
            rx_dropped: self.rx_dropped.saturating_sub(start.rx_dropped),
            rx_missed: self.rx_missed.saturating_sub(start.rx_missed),
            rx_fifo_errors: self.rx_fifo_errors.saturating_sub(start.rx_fifo_errors),
        }
    }
}

fn sysfs(interface: &str) -> PathBuf {
    PathBuf::from("/sys/class/net").join(interface)
}

/// Number of RX queues of an interface; `None` where there is no such interface.
pub fn rx_queues(interface: &str) -> Option<u32> {
    let entries = fs::read_dir(sysfs(interface).join("queues")).ok()?.flatten();
    let rx = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("rx-"));
    u32::try_from(rx.count()).ok()
}

/// The names of all interfaces.
pub fn interfaces() -> Vec<String> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The sentence about an interface that is not there, with the nearest that is.
pub fn unknown_interface(name: &str) -> String {
    let names = interfaces();
    if names.is_empty() {
        return format!("no interface '{name}': /sys/class/net has none, is /sys mounted?");
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    format!("no interface '{name}'{}", logweir_decode::nearest::meant_of(name, &names))
}

/// The interface's own Ethernet address.
pub fn mac_address(interface: &str) -> Option<[u8; 6]> {
    parse_mac(fs::read_to_string(sysfs(interface).join("address")).ok()?.trim())
}

/// An Ethernet address, `xx:xx:xx:xx:xx:xx`.
pub fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

/// Whether this is a veth: a device without hardware behind it, of no special kind.
///
/// veth counts exactly the packets that its XDP program sees; hardware drivers differ in what
/// they count.
pub fn is_veth(interface: &str) -> bool {
    let directory = sysfs(interface);
    let uevent = fs::read_to_string(directory.join("uevent")).unwrap_or_default();
    interface != "lo" && !directory.join("device").exists() && !uevent.contains("DEVTYPE=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_devices_is_read() {
        let table = "Inter-|   Receive                                                |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes\n  \
              lo: 1000      10    0    0    0     0          0         0     1000      10\n\
            veth0:2000      20    1    2    3     0          0         0        0       0\n";
        let counters = NicCounters::parse(table, "veth0");
        let expected =
            NicCounters { rx_packets: 20, rx_dropped: 2, rx_missed: 0, rx_fifo_errors: 3 };
        assert_eq!(counters, Some(expected));
        assert_eq!(NicCounters::parse(table, "eth9"), None);
        assert!(NicCounters::read("lo").is_some());
        assert_eq!(NicCounters::read("no-such-one"), None);
        assert_eq!(NicCounters::default().since(expected).rx_dropped, 0, "it was reset");
    }

    #[test]
    fn ethernet_addresses() {
        assert_eq!(parse_mac("02:00:00:00:00:0f"), Some([2, 0, 0, 0, 0, 15]));
        for bad in ["", "02:00", "02:00:00:00:00:00:00", "0g:00:00:00:00:00"] {
            assert_eq!(parse_mac(bad), None);
        }
    }
}
