//! Loading the XDP program, attaching it to an interface, and the maps it is run by.
//!
//! The program itself is in `ebpf/steer`; what both sides agree on is in `logweir_abi`. This is the
//! only module that knows aya.

mod allow;
mod error;
mod loaded;
mod prefix;
pub mod timing;
mod trial;

use std::{collections::BTreeMap, fmt, io, net::IpAddr, ops::Index, os::fd::BorrowedFd};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, XskMap},
    programs::{ProgramError, Xdp, XdpError, XdpMode, xdp::XdpLinkId},
};
use logweir_abi::{
    Counter, LISTENERS_MAX, ListenerKey, PortListeners, SOCKETS_MAX, Settings, names,
};

use allow::AllowMaps;
pub use error::SteeringError;
pub use loaded::{is_ours, name_of_program};
pub use prefix::{Prefix, PrefixError};
pub use trial::{Trial, Verdict};

/// The XDP program as it is committed.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../ebpf/object/steer.o");

/// What a UMEM frame of 4096 bytes holds behind the headroom that XDP keeps in front of it.
pub const FRAME_LEN_MAX_DEFAULT: u32 = 4096 - 256;

/// A loaded XDP program with its maps. Dropping it detaches the program.
pub struct Steering {
    ebpf: Ebpf,
    attached: Option<(String, XdpLinkId)>,
    sockets: XskMap<MapData>,
    counters: PerCpuArray<MapData, u64>,
    settings: Array<MapData, [u32; Settings::WORDS]>,
    set: Settings,
    allow: AllowMaps,
}

impl Steering {
    /// Loads the program into the kernel, with listeners and allow-list set; attached to nothing.
    pub fn load(config: &SteeringConfig) -> Result<Self, SteeringError> {
        let mut loader = EbpfLoader::new();
        AllowMaps::make_room(&mut loader);
        let mut ebpf = loader.load(OBJECT).map_err(SteeringError::from_load)?;
        let program: &mut Xdp = ebpf
            .program_mut(names::PROGRAM)
            .ok_or(SteeringError::Object { missing: names::PROGRAM })?
            .try_into()
            .map_err(|source| SteeringError::Load { source: Box::new(EbpfError::from(source)) })?;
        program.load().map_err(|source| SteeringError::from_load(source.into()))?;

        set_listeners(&mut ebpf, &config.listeners)?;
        let mut steering = Self {
            sockets: take(&mut ebpf, names::SOCKETS)?,
            counters: take(&mut ebpf, names::COUNTERS)?,
            settings: take(&mut ebpf, names::SETTINGS)?,
            set: Settings::default(),
            allow: AllowMaps::of(&mut ebpf)?,
            attached: None,
            ebpf,
        };
        steering.set_allow_list(&config.allow)?;
        steering.set_frame_len_max(FRAME_LEN_MAX_DEFAULT)?;
        Ok(steering)
    }

    /// Attaches the program to an interface, and says in which mode.
    ///
    /// Sockets are bound and inserted after this: some drivers want it in that order.
    pub fn attach(
        &mut self,
        interface: &str,
        mode: AttachMode,
    ) -> Result<AttachedMode, SteeringError> {
        if let Some((attached, _)) = &self.attached {
            return Err(SteeringError::AlreadyAttached { interface: attached.clone() });
        }
        let attached = match mode {
            AttachMode::Native => {
                self.attach_in(interface, XdpMode::Driver)?;
                AttachedMode::Native
            }
            AttachMode::Generic => {
                self.attach_in(interface, XdpMode::Skb)?;
                AttachedMode::Generic { native_refused: None }
            }
            AttachMode::Auto => match self.attach_in(interface, XdpMode::Driver) {
                Ok(()) => AttachedMode::Native,
                Err(SteeringError::Attach { source, .. }) => {
                    self.attach_in(interface, XdpMode::Skb)?;
                    AttachedMode::Generic { native_refused: Some(source.to_string()) }
                }
                // Not a matter of the mode: generic mode would only repeat the complaint.
                Err(other) => return Err(other),
            },
        };
        Ok(attached)
    }

    fn attach_in(&mut self, interface: &str, mode: XdpMode) -> Result<(), SteeringError> {
        let unknown = || SteeringError::UnknownInterface { interface: interface.to_owned() };
        // aya panics at a zero byte; the kernel has no such interface.
        if interface.contains('\0') {
            return Err(unknown());
        }
        let link = self.program_mut()?.attach(interface, mode).map_err(|error| {
            let interface = interface.to_owned();
            let source = match error {
                ProgramError::UnknownInterface { .. } => return unknown(),
                ProgramError::SyscallError(syscall) => syscall.io_error,
                ProgramError::XdpError(XdpError::NetlinkError(netlink)) => netlink
                    .raw_os_error()
                    .map_or_else(|| io::Error::other(netlink), io::Error::from_raw_os_error),
                other => io::Error::other(other),
            };
            match source.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                Some(rustix::io::Errno::BUSY | rustix::io::Errno::EXIST) => {
                    SteeringError::Occupied { interface }
                }
                Some(rustix::io::Errno::PERM | rustix::io::Errno::ACCESS) => {
                    SteeringError::AttachNotPermitted { interface }
                }
                _ => SteeringError::Attach { interface, mode: mode_name(mode), source },
            }
        })?;
        self.attached = Some((interface.to_owned(), link));
        Ok(())
    }

    /// Takes the program off its interface; does nothing when it is on none.
    pub fn detach(&mut self) -> Result<(), SteeringError> {
        let Some((interface, link)) = self.attached.take() else { return Ok(()) };
        self.program_mut()?
            .detach(link)
            .map_err(|source| SteeringError::Detach { interface, source: Box::new(source) })
    }

    /// Sends the frames of an RX queue to this AF_XDP socket from now on. The socket must be bound
    /// to the queue; the kernel forgets it by itself when it is closed.
    pub fn insert_socket(&mut self, queue: u32, fd: BorrowedFd<'_>) -> Result<(), SteeringError> {
        check_queue(queue)?;
        self.sockets.set(queue, fd, 0).map_err(|source| SteeringError::Socket {
            what: "inserting",
            queue,
            source: Box::new(source),
        })
    }

    /// Leaves the frames of an RX queue to the kernel's stack from now on.
    pub fn remove_socket(&mut self, queue: u32) -> Result<(), SteeringError> {
        check_queue(queue)?;
        match self.sockets.unset(queue) {
            Err(source) if errno(&source) != Some(rustix::io::Errno::NOENT) => {
                Err(SteeringError::Socket { what: "removing", queue, source: Box::new(source) })
            }
            _ => Ok(()),
        }
    }

    /// The frames counted since the program was loaded, over all CPUs.
    pub fn counters(&self) -> Result<Counters, SteeringError> {
        let mut sums = [0; Counter::COUNT];
        for counter in Counter::ALL {
            let per_cpu = self
                .counters
                .get(&(*counter as u32), 0)
                .map_err(|source| map_error(names::COUNTERS, source))?;
            sums[*counter as usize] = per_cpu.iter().sum();
        }
        Ok(Counters(sums))
    }

    /// Replaces the allow-list while the program runs; an empty one lets every exporter send.
    ///
    /// An exporter that is on both the old list and the new is let through at every moment.
    pub fn set_allow_list(&mut self, allow: &[Prefix]) -> Result<(), SteeringError> {
        if allow.is_empty() {
            self.set(Settings { allow_list_enforced: 0, ..self.set })?;
        }
        self.allow.replace(allow)?;
        if !allow.is_empty() {
            self.set(Settings { allow_list_enforced: 1, ..self.set })?;
        }
        Ok(())
    }

    /// The longest frame that goes to a socket, from the Ethernet header on; 0 for no limit. Longer
    /// ones go to the kernel's stack. It is [`FRAME_LEN_MAX_DEFAULT`] at first: raise it where the
    /// sockets take frames in several descriptors, lower it where UMEM frames are smaller.
    pub fn set_frame_len_max(&mut self, bytes: u32) -> Result<(), SteeringError> {
        self.set(Settings { frame_len_max: bytes, ..self.set })
    }

    /// Replaces the allow-list by another, or leaves it as it is.
    ///
    /// # Errors
    /// As [`Steering::set_allow_list`].
    pub fn replace_allow_list(&mut self, allow: &[Prefix]) -> Result<(), SteeringError> {
        if allow == self.allow.list() {
            return Ok(());
        }
        let old = self.allow.list().to_vec();
        self.set_allow_list(allow).inspect_err(|_| {
            // Some of the new list may be there by now.
            let _ = self.set_allow_list(&old);
        })
    }

    fn set(&mut self, settings: Settings) -> Result<(), SteeringError> {
        self.settings
            .set(0, settings.to_words(), 0)
            .map_err(|source| map_error(names::SETTINGS, source))?;
        self.set = settings;
        Ok(())
    }

    fn program(&self) -> Result<&Xdp, SteeringError> {
        self.ebpf
            .program(names::PROGRAM)
            .and_then(|program| program.try_into().ok())
            .ok_or(SteeringError::Object { missing: names::PROGRAM })
    }

    fn program_mut(&mut self) -> Result<&mut Xdp, SteeringError> {
        self.ebpf
            .program_mut(names::PROGRAM)
            .and_then(|program| program.try_into().ok())
            .ok_or(SteeringError::Object { missing: names::PROGRAM })
    }
}

impl fmt::Debug for Steering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interface = self.attached.as_ref().map(|(interface, _)| interface);
        f.debug_struct("Steering").field("attached", &interface).finish_non_exhaustive()
    }
}

/// What the program is loaded with.
#[derive(Clone, Debug, Default)]
pub struct SteeringConfig {
    /// The ports to take datagrams of.
    pub listeners: Vec<Listener>,
    /// The exporters that may send; if empty, every exporter may.
    pub allow: Vec<Prefix>,
}

/// One port, on one address or on all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The destination address; `None` for any address of either family.
    pub address: Option<IpAddr>,
    /// The UDP port.
    pub port: u16,
    /// The number that comes back in `FrameMeta::listener`.
    pub number: u16,
}

impl From<&crate::listener::Listener> for Listener {
    fn from(listener: &crate::listener::Listener) -> Self {
        Self { address: listener.address, port: listener.port, number: listener.number }
    }
}

impl Listener {
    /// The key of its address; `None` if it listens on every address.
    fn key(&self) -> Option<ListenerKey> {
        match self.address?.to_canonical() {
            // `0.0.0.0` and `::` mean any address, as they do for a socket.
            address if address.is_unspecified() => None,
            IpAddr::V4(address) => Some(ListenerKey::v4(address.octets(), self.port)),
            IpAddr::V6(address) => Some(ListenerKey::v6(address.octets(), self.port)),
        }
    }
}

/// How the program is to be attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachMode {
    /// In the driver, or generically where the driver refuses.
    #[default]
    Auto,
    /// In the driver or not at all.
    Native,
    /// In the kernel's stack, which every driver supports and which is slower.
    Generic,
}

/// How the program was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachedMode {
    /// In the driver.
    Native,
    /// In the kernel's stack.
    Generic {
        /// Why the driver did not take it, if it was asked.
        native_refused: Option<String>,
    },
}

impl fmt::Display for AttachedMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.write_str("native mode"),
            Self::Generic { native_refused: None } => f.write_str("generic mode"),
            Self::Generic { native_refused: Some(reason) } => {
                write!(f, "generic mode (the driver refused native mode: {reason})")
            }
        }
    }
}

/// Frames by what became of them; their sum is what the program saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters([u64; Counter::COUNT]);

impl Counters {
    /// All frames.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each counter with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().map(|counter| (*counter, self[*counter]))
    }
}

impl Index<Counter> for Counters {
    type Output = u64;

    fn index(&self, counter: Counter) -> &u64 {
        &self.0[counter as usize]
    }
}

fn take<M>(ebpf: &mut Ebpf, name: &'static str) -> Result<M, SteeringError>
where
    M: TryFrom<Map, Error = MapError>,
{
    let map = ebpf.take_map(name).ok_or(SteeringError::Object { missing: name })?;
    M::try_from(map).map_err(|source| map_error(name, source))
}

/// Fills the port map, and the map of single addresses first: it says whether one is there twice.
fn set_listeners(ebpf: &mut Ebpf, listeners: &[Listener]) -> Result<(), SteeringError> {
    let mut on_address: HashMap<_, [u8; 20], u32> = take(ebpf, names::LISTENERS)?;
    let mut on_port: Array<_, u32> = take(ebpf, names::PORTS)?;
    let on_single = listeners.iter().filter(|listener| listener.key().is_some());
    check_room(names::LISTENERS, on_single.count(), LISTENERS_MAX)?;
    let mut ports: BTreeMap<u16, PortListeners> = BTreeMap::new();
    for listener in listeners {
        let duplicate =
            || SteeringError::DuplicateListener { address: listener.address, port: listener.port };
        let port = ports.entry(listener.port).or_default();
        let Some(key) = listener.key() else {
            if port.any_address().is_some() {
                return Err(duplicate());
            }
            *port = port.with_any_address(listener.number);
            continue;
        };
        const NO_REPLACEMENT: u64 = 1; // BPF_NOEXIST
        on_address.insert(key.to_bytes(), u32::from(listener.number), NO_REPLACEMENT).map_err(
            |source| match errno(&source) {
                Some(rustix::io::Errno::EXIST) => duplicate(),
                _ => map_error(names::LISTENERS, source),
            },
        )?;
        *port = port.with_single_addresses();
    }
    for (port, listeners) in ports {
        on_port
            .set(u32::from(port), listeners.to_word(), 0)
            .map_err(|source| map_error(names::PORTS, source))?;
    }
    Ok(())
}

fn check_room(map: &'static str, count: usize, entries_max: u32) -> Result<(), SteeringError> {
    if count > entries_max as usize {
        return Err(SteeringError::TooMany { map, count, entries_max });
    }
    Ok(())
}

fn check_queue(queue: u32) -> Result<(), SteeringError> {
    if queue >= SOCKETS_MAX {
        return Err(SteeringError::QueueOutOfRange { queue });
    }
    Ok(())
}

fn map_error(map: &'static str, source: MapError) -> SteeringError {
    SteeringError::Map { map, source: Box::new(source) }
}

fn errno(error: &MapError) -> Option<rustix::io::Errno> {
    match error {
        MapError::SyscallError(syscall) => {
            syscall.io_error.raw_os_error().map(rustix::io::Errno::from_raw_os_error)
        }
        _ => None,
    }
}

fn mode_name(mode: XdpMode) -> &'static str {
    match mode {
        XdpMode::Skb => "generic",
        _ => "native",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_has_three_spellings() {
        let key = |address: Option<&str>| {
            let address = address.map(|text| text.parse().expect(text));
            Listener { address, port: 514, number: 1 }.key()
        };
        assert_eq!(key(None), None);
        assert_eq!(key(Some("0.0.0.0")), None);
        assert_eq!(key(Some("::")), None);
        assert_eq!(key(Some("::ffff:192.0.2.1")), Some(ListenerKey::v4([192, 0, 2, 1], 514)));
    }
}
