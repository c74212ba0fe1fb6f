//! Findings for people, and for programs.

use super::{Finding, Group, Severity};
use serde_json::json;

/// Lines for people: what is good in one line, everything else with what should be, and why.
pub fn table(groups: &[Group]) -> Vec<String> {
    let mut lines = Vec::new();
    for group in groups {
        lines.push(group.name.clone());
        for finding in &group.findings {
            lines.extend(rows(finding));
        }
    }
    lines.push(summary(groups));
    lines
}

fn rows(finding: &Finding) -> Vec<String> {
    const INDENT: &str = "                            ";
    let Finding { check, severity, is, should, why, command } = finding;
    let mut rows = vec![format!("  {:<8} {check:<16} {is}", severity.word())];
    if *severity != Severity::Good {
        rows.push(format!("{INDENT}should be: {should}"));
        rows.push(format!("{INDENT}because {why}"));
    }
    let commands = command.iter().flat_map(|command| command.lines());
    rows.extend(commands.map(|command| format!("{INDENT}# {command}")));
    rows
}

fn summary(groups: &[Group]) -> String {
    let findings = groups.iter().flat_map(|group| &group.findings);
    let mut counts = [0usize; 4];
    for finding in findings {
        counts[finding.severity as usize] += 1;
    }
    let [good, advice, unknown, wrong] = counts;
    format!("{good} good, {advice} could be better, {unknown} not known, {wrong} wrong")
}

/// A JSON object for each finding, a line each.
pub fn json(groups: &[Group]) -> Vec<String> {
    let lines = groups.iter().flat_map(|group| {
        group.findings.iter().map(|finding| {
            let Finding { check, severity, is, should, why, command } = finding;
            json!({
                "group": group.name, "check": check, "severity": severity, "is": is,
                "should": should, "why": why, "command": command,
            })
            .to_string()
        })
    });
    lines.collect()
}
