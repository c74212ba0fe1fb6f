//! The smallest XDP program that a socket test needs, as instructions: it writes 16 bytes of
//! metadata and redirects every packet into the socket of the queue that it came by.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use logweir_xsk::Receiver;

/// First 8 bytes of the metadata; the other 8 hold the queue number.
pub const METADATA_MARK: u64 = 0x1065_7e12;

/// The program and its map; detached when dropped.
pub struct Redirect {
    sockets: OwnedFd,
    _link: OwnedFd,
}

impl Redirect {
    /// Attaches the program to an interface in driver mode. `fragments` says that it can take
    /// packets of several buffers.
    pub fn attach(interface_index: u32, fragments: bool) -> Self {
        let sockets = create_socket_map(8).expect("XSKMAP");
        let program = load(&instructions(sockets.as_raw_fd()), fragments).expect("program");
        let link = attach(&program, interface_index).expect("attach");
        Self { sockets, _link: link }
    }

    /// Puts a receiver's sockets into the map.
    pub fn insert(&self, receiver: &Receiver) {
        for (queue, socket) in receiver.sockets() {
            self.insert_socket(queue, socket).expect("update of the XSKMAP");
        }
    }

    fn insert_socket(&self, queue: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
        let socket = socket.as_raw_fd() as u32;
        let attributes = MapUpdate {
            map: self.sockets.as_raw_fd() as u32,
            reserved: 0,
            key: core::ptr::from_ref(&queue).expose_provenance() as u64,
            value: core::ptr::from_ref(&socket).expose_provenance() as u64,
            flags: 0,
        };
        bpf(BPF_MAP_UPDATE_ELEM, &attributes).map(|_| ())
    }
}

// `enum bpf_cmd` and others of `include/uapi/linux/bpf.h`.
const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_MAP_TYPE_XSKMAP: u32 = 17;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
const XDP_PASS: i32 = 2;

#[repr(C)]
struct MapCreate {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entries_max: u32,
    flags: u32,
}

#[repr(C)]
struct MapUpdate {
    map: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgramLoad {
    kind: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface_index: u32,
    expected_attach_type: u32,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    interface_index: u32,
    attach_type: u32,
    flags: u32,
}

/// `T` is the part of `union bpf_attr` that the command reads; the kernel takes the rest as zero.
fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<RawFd> {
    // SAFETY: the pointer and length are those of a live, fully initialised struct without
    // padding; the pointers in it are to values that the callers keep alive through the call.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, core::ptr::from_ref(attributes), size_of::<T>())
    };
    RawFd::try_from(result).ok().filter(|&fd| fd >= 0).ok_or_else(io::Error::last_os_error)
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: called with descriptors that bpf(2) has just made for this process alone.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn create_socket_map(entries_max: u32) -> io::Result<OwnedFd> {
    let attributes =
        MapCreate { kind: BPF_MAP_TYPE_XSKMAP, key_size: 4, value_size: 4, entries_max, flags: 0 };
    bpf(BPF_MAP_CREATE, &attributes).map(owned)
}

fn load(instructions: &[Instruction], fragments: bool) -> io::Result<OwnedFd> {
    let license = c"Dual MIT/GPL";
    let attributes = ProgramLoad {
        kind: BPF_PROG_TYPE_XDP,
        instruction_count: instructions.len() as u32,
        instructions: instructions.as_ptr().expose_provenance() as u64,
        license: license.as_ptr().expose_provenance() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: if fragments { BPF_F_XDP_HAS_FRAGS } else { 0 },
        name: *b"test_redirect\0\0\0",
        interface_index: 0,
        expected_attach_type: BPF_XDP,
    };
    bpf(BPF_PROG_LOAD, &attributes).map(owned)
}

fn attach(program: &OwnedFd, interface_index: u32) -> io::Result<OwnedFd> {
    let attributes = LinkCreate {
        program: program.as_raw_fd() as u32,
        interface_index,
        attach_type: BPF_XDP,
        flags: XDP_FLAGS_DRV_MODE,
    };
    bpf(BPF_LINK_CREATE, &attributes).map(owned)
}

/// `struct bpf_insn`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Instruction {
    opcode: u8,
    /// Destination in the low half, source in the high half.
    registers: u8,
    offset: i16,
    immediate: i32,
}

const fn instruction(opcode: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { opcode, registers: to | from << 4, offset, immediate }
}

/// Opcodes of `Documentation/bpf/standardization/instruction-set.rst`, as far as they are used.
fn instructions(sockets: RawFd) -> Vec<Instruction> {
    const MOVE: u8 = 0xbf;
    const MOVE_IMMEDIATE: u8 = 0xb7;
    const ADD_IMMEDIATE: u8 = 0x07;
    const LOAD_U32: u8 = 0x61;
    const LOAD_IMMEDIATE_U64: u8 = 0x18;
    const STORE_IMMEDIATE_U64: u8 = 0x7a;
    const STORE_U64: u8 = 0x7b;
    const JUMP_IF_GREATER: u8 = 0x2d;
    const JUMP_IF_NOT_IMMEDIATE: u8 = 0x55;
    const CALL: u8 = 0x85;
    const EXIT: u8 = 0x95;
    const MAP_FD: u8 = 1;
    const REDIRECT_MAP: i32 = 51;
    const ADJUST_META: i32 = 54;
    // Offsets in `struct xdp_md`.
    const DATA: i16 = 0;
    const DATA_META: i16 = 8;
    const RX_QUEUE_INDEX: i16 = 16;
    vec![
        instruction(MOVE, 6, 1, 0, 0),
        instruction(MOVE_IMMEDIATE, 2, 0, 0, -16),
        instruction(CALL, 0, 0, 0, ADJUST_META),
        instruction(JUMP_IF_NOT_IMMEDIATE, 0, 0, 14, 0),
        instruction(LOAD_U32, 2, 6, DATA_META, 0),
        instruction(LOAD_U32, 3, 6, DATA, 0),
        instruction(MOVE, 4, 2, 0, 0),
        instruction(ADD_IMMEDIATE, 4, 0, 0, 16),
        instruction(JUMP_IF_GREATER, 4, 3, 9, 0),
        instruction(STORE_IMMEDIATE_U64, 2, 0, 0, METADATA_MARK as i32),
        instruction(LOAD_U32, 5, 6, RX_QUEUE_INDEX, 0),
        instruction(STORE_U64, 2, 5, 8, 0),
        instruction(MOVE, 2, 5, 0, 0),
        instruction(LOAD_IMMEDIATE_U64, 1, MAP_FD, 0, sockets),
        instruction(0, 0, 0, 0, 0),
        instruction(MOVE_IMMEDIATE, 3, 0, 0, XDP_PASS),
        instruction(CALL, 0, 0, 0, REDIRECT_MAP),
        instruction(EXIT, 0, 0, 0, 0),
        instruction(MOVE_IMMEDIATE, 0, 0, 0, XDP_PASS),
        instruction(EXIT, 0, 0, 0, 0),
    ]
}
