//! Figures in words.

use crate::bench::{
    result::{Against, Figure, Head},
    table,
};

/// `196 M records/s`.
pub fn quantity(value: f64, unit: &str) -> String {
    let number = table::short(value);
    // A unit that begins with a sign stands by itself: "99 %" and "58 ns" alike.
    format!("{number} {unit}")
}

/// `81 × netflow_parser (2.4 M)`.
pub fn comparison(against: &Against) -> String {
    format!("{} × {} ({})", ratio(against.ratio), against.what, table::short(against.value))
}

/// All of a figure's comparisons, the best competitor first.
pub fn comparisons(figure: &Figure) -> String {
    let mut against: Vec<&Against> = figure.against.iter().collect();
    against.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    against.into_iter().map(comparison).collect::<Vec<_>>().join("; ")
}

/// Whether the target was met, in words.
pub fn verdict(figure: &Figure) -> &'static str {
    match &figure.target {
        Some(target) if target.met => "met",
        Some(_) => "not met",
        None => "no target",
    }
}

/// The machine.
pub fn machine(head: &Head) -> String {
    format!("{}, {} cores, Linux {}, {}", head.cpu, head.cores, head.kernel, head.rustc)
}

fn ratio(ratio: f64) -> String {
    let places = match ratio.abs() {
        10.0.. => 0,
        1.0.. => 1,
        _ => 2,
    };
    format!("{ratio:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_has_two_digits_that_count() {
        assert_eq!([81.23, 1.25, 0.268].map(ratio), ["81", "1.2", "0.27"]);
    }
}
