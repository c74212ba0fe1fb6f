//! The capabilities of the calling thread (`capabilities(7)`).

use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
        set_keep_capabilities,
    },
};

/// What opening sources takes: the XDP program, AF_XDP sockets, receive buffers beyond the limit,
/// ports below 1024, memory for rings; and where nothing is confined, the workers' priority. Where
/// `CAP_PERFMON` is missing, the loader cannot find out that the kernel takes names, and gives the
/// program none.
const FOR_OPENING: CapabilitySet = CapabilitySet::NET_ADMIN
    .union(CapabilitySet::BPF)
    .union(CapabilitySet::PERFMON)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::IPC_LOCK)
    .union(CapabilitySet::SYS_NICE);

/// Keeps them when root becomes somebody else.
pub(super) fn keep_across_users() -> Result<(), Errno> {
    set_keep_capabilities(true)
}

/// Makes it impossible to have any by starting a program. That takes `CAP_SETPCAP`; without it
/// `no_new_privs` comes to the same.
pub(super) fn empty_bounding_set() {
    for capability in all() {
        let _ = remove_capability_from_bounding_set(capability);
    }
}

/// Those that this kernel knows.
fn all() -> impl Iterator<Item = CapabilitySet> {
    (0..u64::BITS)
        .map(|bit| CapabilitySet::from_bits_retain(1 << bit))
        .take_while(|capability| capability_is_in_bounding_set(*capability).is_ok())
}

/// Gives up all but those for opening sources.
pub(super) fn keep_those_for_opening() -> Result<(), String> {
    let permitted = capabilities(None).map_err(kept)?.permitted & FOR_OPENING;
    let inheritable = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: permitted, permitted, inheritable })
        .map_err(kept)
}

/// Gives up all.
pub(super) fn drop_all() -> Result<(), String> {
    let none = CapabilitySet::empty();
    clear_ambient_capability_set().map_err(kept)?;
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(kept)
}

fn kept(error: Errno) -> String {
    format!("it keeps its capabilities ({}): {error}", names())
}

/// The names of those that the calling thread has.
pub(super) fn names() -> String {
    let permitted = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.permitted);
    let names = permitted.iter_names().map(|(name, _)| format!("cap_{}", name.to_lowercase()));
    names.collect::<Vec<_>>().join(" ")
}
