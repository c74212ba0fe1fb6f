//! What an AF_XDP socket sends over veth arrives as the sender's own buffer, which the receiver has
//! to copy before an XDP program may see it, and to free: work that no NIC makes. So there is a hop
//! in between, on the sender's processor: a second pair whose end hands each packet on as a frame of
//! a driver (`XDP_REDIRECT`).

use std::{fs, process};

use anyhow::{Context as _, Result};

use crate::{
    netns::{EXPORTER_INTERFACE, Link},
    shell,
};

/// The interface to send by, and its peer, which hands on.
const SENDER: &str = "lws0";
const HOP: &str = "lwh0";

/// Puts the hop in front of the exporters' interface; the interface to send by.
pub fn attach(link: &Link) -> Result<&'static str> {
    let run = |program: &str, arguments: &[&str]| {
        shell::output(link.in_exporter(program).args(arguments))
    };
    run("ip", &["link", "add", SENDER, "type", "veth", "peer", "name", HOP])?;
    let index = run("cat", &[&format!("/sys/class/net/{EXPORTER_INTERFACE}/ifindex")])?;
    let file = std::env::temp_dir().join(format!("logweir-hop-{}.o", process::id()));
    fs::write(&file, program(index.trim().parse()?))?;
    let path = file.to_str().context("the name of the temporary directory is no text")?;
    let attached = run("ip", &["link", "set", "dev", HOP, "xdp", "obj", path, "sec", "xdp"]);
    fs::remove_file(&file)?;
    attached?;
    for interface in [SENDER, HOP] {
        run("ip", &["link", "set", interface, "up"])?;
    }
    // As on the other pair: a full ring holds the sender back.
    run("tc", &["qdisc", "replace", "dev", SENDER, "root", "pfifo"])?;
    Ok(SENDER)
}

/// `return bpf_redirect(interface, 0);` as an object file.
fn program(interface: i32) -> Vec<u8> {
    const MOV_IMMEDIATE: u8 = 0xb7;
    const CALL: u8 = 0x85;
    const EXIT: u8 = 0x95;
    const BPF_REDIRECT: i32 = 23;
    let instructions = [
        (MOV_IMMEDIATE, 1, interface),
        (MOV_IMMEDIATE, 2, 0),
        (CALL, 0, BPF_REDIRECT),
        (EXIT, 0, 0),
    ];
    let mut code = Vec::new();
    for (operation, register, immediate) in instructions {
        code.extend_from_slice(&[operation, register, 0, 0]);
        code.extend_from_slice(&immediate.to_ne_bytes());
    }
    elf(&code)
}

/// A relocatable object of one function in the section `xdp`, with its licence, for this machine's
/// byte order (`elf(5)`, 64 bits).
fn elf(code: &[u8]) -> Vec<u8> {
    const NAMES: &[u8] = b"\0.strtab\0xdp\0license\0.symtab\0hop\0";
    // Where each of them begins.
    let [strtab, xdp, license, symtab, function] = [1u32, 9, 13, 21, 29];
    const HEADER_BYTES: u64 = 64;
    const SYMBOL_BYTES: u64 = 24;
    let licence = b"GPL\0";
    let mut symbols = vec![0; SYMBOL_BYTES as usize];
    symbols.extend(function.to_ne_bytes());
    // A global function, in section 2, at its start.
    symbols.extend([0x12, 0]);
    symbols.extend(2u16.to_ne_bytes());
    symbols.extend(0u64.to_ne_bytes());
    symbols.extend((code.len() as u64).to_ne_bytes());

    // Name, type, flags, contents, bytes of an entry.
    let sections: [(u32, u32, u64, &[u8], u64); 4] = [
        (strtab, 3, 0, NAMES, 0),
        (xdp, 1, 6, code, 0),
        (license, 1, 3, licence, 0),
        (symtab, 2, 0, &symbols, SYMBOL_BYTES),
    ];
    let mut contents = Vec::new();
    let mut table = vec![0; HEADER_BYTES as usize];
    for (name, kind, flags, bytes, entry_bytes) in sections {
        let at = HEADER_BYTES + contents.len() as u64;
        contents.extend_from_slice(bytes);
        contents.resize(contents.len().next_multiple_of(8), 0);
        let is_symbols = u32::from(entry_bytes > 0);
        table.extend(name.to_ne_bytes());
        table.extend(kind.to_ne_bytes());
        for field in [flags, 0, at, bytes.len() as u64] {
            table.extend(field.to_ne_bytes());
        }
        // Names of symbols are in section 1; the first global symbol is number 1.
        table.extend(is_symbols.to_ne_bytes());
        table.extend(is_symbols.to_ne_bytes());
        table.extend(8u64.to_ne_bytes());
        table.extend(entry_bytes.to_ne_bytes());
    }

    let byte_order = if cfg!(target_endian = "little") { 1 } else { 2 };
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, byte_order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const RELOCATABLE: u16 = 1;
    const BPF: u16 = 247;
    file.extend(RELOCATABLE.to_ne_bytes());
    file.extend(BPF.to_ne_bytes());
    file.extend(1u32.to_ne_bytes());
    for field in [0, 0, HEADER_BYTES + contents.len() as u64] {
        file.extend(field.to_ne_bytes());
    }
    file.extend(0u32.to_ne_bytes());
    // Sizes: of this header, of no program headers, of five section headers, names in the first.
    for field in [HEADER_BYTES as u16, 0, 0, HEADER_BYTES as u16, 5, 1] {
        file.extend(field.to_ne_bytes());
    }
    file.extend(contents);
    file.extend(table);
    file
}
