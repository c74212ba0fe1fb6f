//! Tests that need root.

/// Whether the test may go on; says so if not.
#[expect(clippy::print_stdout, reason = "the line that tells a reader what was not tested")]
pub fn is_root(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let required = std::env::var_os("LOGWEIR_REQUIRE_ROOT_TESTS").is_some_and(|value| value == "1");
    assert!(!required, "{test} needs root, and LOGWEIR_REQUIRE_ROOT_TESTS=1 forbids to skip it");
    println!("skipped: needs root: {test}");
    false
}
