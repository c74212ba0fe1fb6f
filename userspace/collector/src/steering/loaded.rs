//! The programs that the kernel has loaded, ours or not.

use aya::programs::loaded_programs;
use logweir_abi::names;

/// The name of a program by its number; `None` where there is no such program, or the process may
/// not ask (`CAP_SYS_ADMIN`).
pub fn name_of_program(id: u32) -> Option<String> {
    let program = loaded_programs().flatten().find(|program| program.id() == id)?;
    program.name_as_str().map(str::to_owned)
}

/// Whether a program of this name is one of ours.
pub fn is_ours(name: &str) -> bool {
    name == names::PROGRAM
}
