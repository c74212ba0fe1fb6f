//! What other hosts say, as their tools print it.

use crate::doctor::{interface, netlink::XdpFeatures, queues, read::Said};
use rustix::io::Errno;

/// A host with one NIC, `eth0`.
pub struct Host {
    driver: &'static str,
    mtu: u32,
    features: Result<XdpFeatures, Errno>,
    offloads: &'static str,
    rx_queues: u32,
    channels: Option<[u32; 2]>,
    rings: Option<[u32; 2]>,
    hash: Option<&'static str>,
}

impl Host {
    pub fn interface(&self) -> interface::Reading {
        interface::Reading {
            name: "eth0".into(),
            driver: Some(self.driver.into()),
            up: true,
            carrier: Some(true),
            mtu: self.mtu,
            features: self.features,
            programs: Ok(Vec::new()),
            offloads: Said::Told(self.offloads.into()),
        }
    }

    pub fn queues(&self) -> queues::Reading {
        let refused = || Said::Refused("netlink error: Operation not supported".into());
        let channels = self.channels.map_or_else(refused, |[most, now]| {
            Said::Told(format!(
                "Channel parameters for eth0:\nPre-set maximums:\nRX:\t\tn/a\nTX:\t\tn/a\n\
                 Other:\t\t1\nCombined:\t{most}\nCurrent hardware settings:\nRX:\t\tn/a\n\
                 TX:\t\tn/a\nOther:\t\t1\nCombined:\t{now}\n"
            ))
        });
        let rings = self.rings.map_or_else(refused, |[most, now]| {
            Said::Told(format!(
                "Ring parameters for eth0:\nPre-set maximums:\nRX:\t\t{most}\nRX Mini:\tn/a\n\
                 RX Jumbo:\tn/a\nTX:\t\t{most}\nCurrent hardware settings:\nRX:\t\t{now}\n\
                 RX Mini:\tn/a\nRX Jumbo:\tn/a\nTX:\t\t512\n"
            ))
        });
        let hash = self.hash.map_or_else(refused, |fields| {
            let head = "UDP over IPV4 flows use these fields for computing Hash flow key:\n";
            Said::Told(format!("{head}{fields}\n\n"))
        });
        queues::Reading {
            name: "eth0".into(),
            rx_queues: self.rx_queues,
            driver: Said::Told(format!("driver: {}\nversion: 6.1.0\n", self.driver)),
            channels,
            rings,
            hash_v4: hash.clone(),
            hash_v6: hash,
        }
    }
}

const BY_ADDRESSES: &str = "IP SA\nIP DA";
const BY_PORTS: &str = "IP SA\nIP DA\nL4 bytes 0 & 1 [TCP/UDP src port]\n\
                        L4 bytes 2 & 3 [TCP/UDP dst port]";

/// Intel X520 under Linux 6.1, which does not tell what drivers can do.
pub const IXGBE: Host = Host {
    driver: "ixgbe",
    mtu: 9_000,
    features: Err(Errno::NOENT),
    offloads: "Features for eth0:\nlarge-receive-offload: on\nntuple-filters: off\n",
    rx_queues: 8,
    channels: Some([63, 8]),
    rings: Some([4_096, 512]),
    hash: Some(BY_ADDRESSES),
};

/// Intel X710.
pub const I40E: Host = Host { driver: "i40e", mtu: 1_500, rings: Some([4_096, 4_096]), ..IXGBE };

/// Mellanox ConnectX-6 under Linux 6.12, of which more queues are in use than there are processors.
pub const MLX5: Host = Host {
    driver: "mlx5_core",
    mtu: 9_000,
    features: Ok(XdpFeatures { native: true, zero_copy: true, several_buffers: true }),
    offloads: "Features for eth0:\nlarge-receive-offload: off\n",
    rx_queues: 32,
    channels: Some([63, 32]),
    rings: Some([8_192, 1_024]),
    hash: Some(BY_PORTS),
};

/// Elastic Network Adapter of a cloud.
pub const ENA: Host = Host {
    driver: "ena",
    mtu: 1_500,
    features: Ok(XdpFeatures { native: true, zero_copy: false, several_buffers: false }),
    offloads: "Features for eth0:\nlarge-receive-offload: off [fixed]\n",
    rx_queues: 8,
    channels: Some([8, 8]),
    rings: Some([16_384, 1_024]),
    hash: None,
};

/// A pair of virtual devices.
pub const VETH: Host = Host {
    driver: "veth",
    mtu: 1_500,
    features: Ok(XdpFeatures { native: true, zero_copy: false, several_buffers: true }),
    offloads: "Features for eth0:\nlarge-receive-offload: off [fixed]\n",
    rx_queues: 1,
    channels: None,
    rings: None,
    hash: None,
};

pub const INTERRUPTS_IXGBE: &str = "\
           CPU0       CPU1
  16:          0          0   IO-APIC   16-fasteoi   i801_smbus
  64:    1000000          0   PCI-MSI 524288-edge      eth0-TxRx-0
  65:          0    1000000   PCI-MSI 524289-edge      eth0-TxRx-1
  66:          1          0   PCI-MSI 524290-edge      eth0:fdir-TxRx-0
  67:          5          0   PCI-MSI 524291-edge      eth1-TxRx-0
 NMI:          0          0   Non-maskable interrupts
";

pub const INTERRUPTS_MLX5: &str = "\
 100:         12          0  IR-PCI-MSIX-0000:3b:00.0    0-edge      mlx5_async0@pci:0000:3b:00.0
 101:    1000000          0  IR-PCI-MSIX-0000:3b:00.0    1-edge      mlx5_comp0@pci:0000:3b:00.0
 102:          0    1000000  IR-PCI-MSIX-0000:3b:00.0    2-edge      mlx5_comp1@pci:0000:3b:00.0
 103:          0          0  IR-PCI-MSIX-0000:af:00.0    1-edge      mlx5_comp0@pci:0000:af:00.0
";

pub const INTERRUPTS_VIRTIO: &str = "\
 37:          0          0 PCI-MSIX-0000:00:03.0   0-edge      virtio2-config
 38:          0      29819 PCI-MSIX-0000:00:03.0   1-edge      virtio2-input.0
 39:      24683          0 PCI-MSIX-0000:00:03.0   2-edge      virtio2-output.0
 41:      11147          0 PCI-MSIX-0000:00:04.0   1-edge      virtio3-rx
";
