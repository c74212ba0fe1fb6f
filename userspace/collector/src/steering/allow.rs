//! The allow-list in the kernel: a trie for each family.

use super::{SteeringError, map_error, prefix::Prefix, take};
use aya::{
    Ebpf, EbpfLoader, Pod,
    maps::{LpmTrie, MapData, lpm_trie::Key},
};
use logweir_abi::{ALLOW_MAX, AllowKeyV4, AllowKeyV6, names};
use std::{collections::HashSet, hash::Hash, net::IpAddr};

/// The tries, and what is in them.
pub(super) struct AllowMaps {
    v4: LpmTrie<MapData, AllowKeyV4, u32>,
    v6: LpmTrie<MapData, AllowKeyV6, u32>,
    list: Vec<Prefix>,
}

impl AllowMaps {
    /// Lets them be loaded with room for two lists: one takes the place of another without an exporter
    /// that is on both ever missing.
    pub fn make_room(loader: &mut EbpfLoader<'_>) {
        for name in [names::ALLOW_V4, names::ALLOW_V6] {
            loader.map_max_entries(name, 2 * ALLOW_MAX);
        }
    }

    /// Those of a loaded program, which are empty.
    pub fn of(ebpf: &mut Ebpf) -> Result<Self, SteeringError> {
        let (v4, v6) = (take(ebpf, names::ALLOW_V4)?, take(ebpf, names::ALLOW_V6)?);
        Ok(Self { v4, v6, list: Vec::new() })
    }

    /// What is in them, as far as it could be changed.
    pub fn list(&self) -> &[Prefix] {
        &self.list
    }

    /// Replaces what is in them: what is new comes first, what is gone goes afterwards.
    ///
    /// # Errors
    /// There are too many of a family, and nothing is changed; or the kernel refuses, and some may be.
    pub fn replace(&mut self, list: &[Prefix]) -> Result<(), SteeringError> {
        let (v4, v6) = keys(list);
        check_room(names::ALLOW_V4, v4.len())?;
        check_room(names::ALLOW_V6, v6.len())?;
        replace(&mut self.v4, names::ALLOW_V4, &v4)?;
        replace(&mut self.v6, names::ALLOW_V6, &v6)?;
        self.list = list.to_vec();
        Ok(())
    }
}

/// Splits a list into the keys of the two tries.
fn keys(list: &[Prefix]) -> (Vec<Key<AllowKeyV4>>, Vec<Key<AllowKeyV6>>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for prefix in list {
        match prefix.address() {
            IpAddr::V4(address) => v4.push(Key::new(u32::from(prefix.len()), address.octets())),
            IpAddr::V6(address) => v6.push(Key::new(u32::from(prefix.len()), address.octets())),
        }
    }
    (v4, v6)
}

fn check_room(map: &'static str, count: usize) -> Result<(), SteeringError> {
    super::check_room(map, count, ALLOW_MAX)
}

fn replace<K: Pod + Eq + Hash>(
    trie: &mut LpmTrie<MapData, K, u32>,
    name: &'static str,
    keys: &[Key<K>],
) -> Result<(), SteeringError> {
    let failed = |source| map_error(name, source);
    let identity = |key: &Key<K>| (key.prefix_len(), key.data());
    let old: Vec<Key<K>> = trie.keys().collect::<Result<_, _>>().map_err(failed)?;
    let known: HashSet<(u32, K)> = old.iter().map(identity).collect();
    let wanted: HashSet<(u32, K)> = keys.iter().map(identity).collect();
    for key in keys.iter().filter(|key| !known.contains(&identity(key))) {
        trie.insert(key, 1, 0).map_err(failed)?;
    }
    for key in old.iter().filter(|key| !wanted.contains(&identity(key))) {
        trie.remove(key).map_err(failed)?;
    }
    Ok(())
}
