//! The program under test.

use std::process::{Command, Output};

/// The program.
pub const LOGWEIR: &str = env!("CARGO_BIN_EXE_logweir");

/// Runs a command that must succeed; what it printed to standard output.
pub fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    assert!(status.success(), "{command:?}: {status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}
