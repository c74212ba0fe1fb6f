//! The committed object file, without any privilege.

use std::{fmt::Write as _, fs, path::PathBuf};

use aya_obj::{Object, ProgramSection};
use logweir_abi::{
    ALLOW_MAX, Counter, LISTENERS_MAX, ListenerKey, PORTS, SOCKETS_MAX, Settings, names,
};
use sha2::{Digest as _, Sha256};

fn committed(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ebpf/object").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_program_is_an_xdp_program_for_frames_in_several_buffers() {
    let object = Object::parse(&committed("steer.o")).expect("an eBPF object");
    let program = object.programs.get(names::PROGRAM).expect("the program");
    assert!(matches!(program.section, ProgramSection::Xdp { frags: true, .. }));
    assert_eq!(object.programs.len(), 1);
    assert_eq!(object.license.to_bytes(), b"Dual MIT/GPL");
    assert!(object.btf.is_some(), "BTF, for names and lines in the verifier's log");
}

#[test]
fn the_maps_have_the_sizes_that_the_contract_says() {
    const HASH: u32 = 1;
    const ARRAY: u32 = 2;
    const PER_CPU_ARRAY: u32 = 6;
    const LPM_TRIE: u32 = 11;
    const XSKMAP: u32 = 17;
    let object = Object::parse(&committed("steer.o")).expect("an eBPF object");
    let mut maps: Vec<_> = object
        .maps
        .iter()
        .map(|(name, map)| {
            let sizes = (map.key_size(), map.value_size(), map.max_entries());
            (name.as_str(), map.map_type(), sizes)
        })
        .collect();
    maps.sort_unstable();
    let listener_key = size_of::<ListenerKey>() as u32;
    let mut expected = [
        (names::SOCKETS, XSKMAP, (4, 4, SOCKETS_MAX)),
        (names::PORTS, ARRAY, (4, 4, PORTS)),
        (names::LISTENERS, HASH, (listener_key, 4, LISTENERS_MAX)),
        (names::ALLOW_V4, LPM_TRIE, (4 + 4, 4, ALLOW_MAX)),
        (names::ALLOW_V6, LPM_TRIE, (4 + 16, 4, ALLOW_MAX)),
        (names::COUNTERS, PER_CPU_ARRAY, (4, 8, Counter::COUNT as u32)),
        (names::SETTINGS, ARRAY, (4, 4 * Settings::WORDS as u32, 1)),
    ];
    expected.sort_unstable();
    assert_eq!(maps, expected);
}

#[test]
fn the_checksum_is_that_of_the_object() {
    let mut line = String::new();
    for byte in Sha256::digest(committed("steer.o")) {
        write!(line, "{byte:02x}").expect("a string grows");
    }
    line.push_str("  steer.o\n");
    assert_eq!(String::from_utf8_lossy(&committed("steer.o.sha256")), line);
}

#[test]
fn the_object_names_no_path_of_the_machine_that_built_it() {
    let object = committed("steer.o");
    for path in ["/home/", "/root/", "/tmp/", "/Users/", ".cargo/"] {
        let found = object.windows(path.len()).any(|window| window == path.as_bytes());
        assert!(!found, "{path} stands in the object");
    }
}
