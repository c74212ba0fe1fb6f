//! A generator, run to its end.

use std::process::Command;

use serde_json::Value;

/// What a generator said that it sent.
pub struct Generated {
    pub summary: Value,
}

impl Generated {
    /// Runs the command of a generator, which must succeed.
    pub fn by(command: &mut Command) -> Self {
        let output = command.output().expect("the generator starts");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {}: {complaints}", output.status);
        Self { summary: serde_json::from_slice(&output.stdout).expect("one JSON object") }
    }

    /// A number of the summary.
    pub fn count(&self, name: &str) -> u64 {
        self.summary[name].as_u64().expect("a number")
    }
}
