//! The Prometheus text format 0.0.4, made of OpenMetrics text: for scrapers that do not ask for
//! OpenMetrics, and for `promtool check metrics`. There counters are described under their full names,
//! an `info` is a gauge, and nothing is said of units or of the end.

/// The same metrics in the older format.
pub(super) fn from_openmetrics(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    let mut help = "";
    for line in text.lines() {
        if line.starts_with("# HELP ") {
            // What it is called depends on the type, which comes next.
            help = line;
        } else if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').unwrap_or((described, "untyped"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                _ => ("", kind),
            };
            let words = help.strip_prefix("# HELP ").and_then(|help| help.strip_prefix(name));
            let words = words.unwrap_or_default();
            classic += &format!("# HELP {name}{suffix}{words}\n# TYPE {name}{suffix} {kind}\n");
        } else if !line.starts_with('#') {
            classic += line;
            classic.push('\n');
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_descriptions_differ() {
        let openmetrics = "# HELP a_seconds How long.\n# TYPE a_seconds counter\n\
            # UNIT a_seconds seconds\na_seconds_total{x=\"# y\"} 1\n# HELP b What.\n# TYPE b info\n\
            b_info{v=\"1\"} 1\n# HELP c How much.\n# TYPE c gauge\nc 2\n# EOF\n";
        let classic = "# HELP a_seconds_total How long.\n# TYPE a_seconds_total counter\n\
            a_seconds_total{x=\"# y\"} 1\n# HELP b_info What.\n# TYPE b_info gauge\n\
            b_info{v=\"1\"} 1\n# HELP c How much.\n# TYPE c gauge\nc 2\n";
        assert_eq!(from_openmetrics(openmetrics), classic);
    }
}
