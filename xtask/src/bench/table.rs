//! Tables and numbers for the terminal.

/// Columns side by side: the first to the left, all others to the right.
pub fn text(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}

/// `196.1 M`, `20.0 k`, `5.1`: a number of three digits or so and its thousands.
pub fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        1e9.. => (value / 1e9, " G"),
        1e6.. => (value / 1e6, " M"),
        1e3.. => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let places = if scaled.abs() >= 100.0 { 0 } else { 1 };
    if scaled == scaled.trunc() && unit.is_empty() {
        return format!("{scaled}");
    }
    format!("{scaled:.places$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".into(), "1".into()], vec!["bcd".into(), "234".into()]];
        assert_eq!(text(&["n", "x"], &rows), "n      x\na      1\nbcd  234\n");
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [196_078_431.0, 42_229_729.0, 1_530.0, 5.14, 7.0].map(short);
        assert_eq!(shown, ["196 M", "42.2 M", "1.5 k", "5.1", "7"]);
    }
}
