//! The commands of all findings as a shell script, to read before it is run.

use super::{Finding, Group, Severity};

/// The script. What was read from the host stands in comments only, on one line each.
pub fn script(groups: &[Group]) -> String {
    let mut script = String::from(HEAD);
    let mut commands = 0;
    for group in groups {
        for finding in group.findings.iter().filter(|finding| finding.severity != Severity::Good) {
            let Some(command) = &finding.command else { continue };
            script.push_str(&part(&group.name, finding, command));
            commands += 1;
        }
    }
    if commands == 0 {
        script.push_str("\n# There is nothing to change that a command could change.\n");
    }
    script.push_str("\nexit \"$failed\"\n");
    script
}

const HEAD: &str = "#!/bin/sh
# What `logweir doctor` would change on this host. Read it first: each command stands for itself
# and can be left out. It is for root and may be run again. What it sets lasts until the next start
# of the host, but for what systemctl and files below /etc keep.
set -u
failed=0
";

fn part(group: &str, finding: &Finding, command: &str) -> String {
    let Finding { check, is, should, why, .. } = finding;
    let mut part = format!("\n# {}, {}: {}\n", comment(group), check, comment(is));
    part.push_str(&format!("# should be: {}\n# because {why}\n", comment(should)));
    for command in command.lines() {
        part.push_str(&format!("{command} || failed=1\n"));
    }
    part
}

/// Text that stays in its line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
