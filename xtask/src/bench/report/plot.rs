//! Plots as SVG. Colours are the page's, by the class of a line; the markers differ too.

use std::fmt::Write as _;

use super::{html::escape, scale::Scale};
use crate::bench::{
    result::{Line, Plot},
    table,
};

/// Units of the drawing. They are few, so that a narrow page shrinks the words but little.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;

/// How many lines the style sheet has colours for.
pub const COLOURS: usize = 6;

/// The drawing, with its title and a legend.
pub fn figure(plot: &Plot) -> String {
    let names = plot.lines.iter().enumerate().map(|(number, line)| {
        let name = escape(&line.name);
        let sample = marker(number, 7.0, 7.0);
        format!(
            "<li><svg class=\"c{}\" width=\"14\" height=\"14\">{sample}</svg>{name}</li>",
            number % COLOURS
        )
    });
    let legend: String = names.collect();
    let title = escape(&plot.title);
    format!(
        "<figure><figcaption>{title}</figcaption>{}<ul class=\"legend\">{legend}</ul></figure>\n",
        drawing(plot, &title)
    )
}

fn drawing(plot: &Plot, title: &str) -> String {
    let points = || plot.lines.iter().flat_map(|line| &line.points);
    let xs = points().map(|(x, _)| *x);
    let x = if plot.log_x { Scale::log(xs) } else { Scale::linear(xs) };
    let y = Scale::linear(points().map(|(_, y)| *y));
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    axes(&mut svg, &x, &y, plot);
    for (number, line) in plot.lines.iter().enumerate() {
        draw(&mut svg, number, line, &x, &y);
    }
    svg + "</svg>"
}

/// A tick is a round number: `50 k`, not `50.0 k`.
fn label(tick: f64) -> String {
    table::short(tick).replace(".0 ", " ")
}

fn at_x(place: f64) -> f64 {
    LEFT + place * (WIDTH - LEFT - RIGHT)
}

fn at_y(place: f64) -> f64 {
    HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM)
}

fn axes(svg: &mut String, x: &Scale, y: &Scale, plot: &Plot) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for tick in y.ticks() {
        let Some(place) = y.place(tick) else { continue };
        let (at, text) = (at_y(place), label(tick));
        let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>");
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    for tick in x.ticks() {
        let Some(place) = x.place(tick) else { continue };
        let (at, text) = (at_x(place), label(tick));
        let _ = write!(svg, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>");
        let _ = write!(
            svg,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>",
            bottom + 16.0
        );
    }
    let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/>");
    let (x, y) = (escape(&plot.x), escape(&plot.y));
    let _ =
        write!(svg, "<text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{x}</text>", HEIGHT - 8.0);
    let _ = write!(svg, "<text x=\"4\" y=\"14\">{y}</text>");
}

fn draw(svg: &mut String, number: usize, line: &Line, x: &Scale, y: &Scale) {
    let place = |(at, value): &(f64, f64)| Some((at_x(x.place(*at)?), at_y(y.place(*value)?)));
    let mut points: Vec<(f64, f64)> = line.points.iter().filter_map(place).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let _ = write!(svg, "<g class=\"c{}\">", number % COLOURS);
    if path.len() > 1 {
        let _ = write!(svg, "<path class=\"line\" d=\"M{}\"/>", path.join("L"));
    }
    // So many that they would hide the line tell nothing.
    if points.len() <= 40 {
        points.iter().for_each(|(x, y)| svg.push_str(&marker(number, *x, *y)));
    }
    svg.push_str("</g>");
}

/// The mark of a line's points: another for each line, for who tells colours badly.
fn marker(number: usize, x: f64, y: f64) -> String {
    match number % 4 {
        0 => format!("<circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"),
        1 => format!("<path class=\"mark\" d=\"M{:.1} {:.1}h6.4v6.4h-6.4z\"/>", x - 3.2, y - 3.2),
        2 => format!("<path class=\"mark\" d=\"M{x:.1} {:.1}l4 7h-8z\"/>", y - 4.0),
        _ => format!(
            "<path class=\"mark\" d=\"M{x:.1} {:.1}l4.4 4.4l-4.4 4.4l-4.4-4.4z\"/>",
            y - 4.4
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_without_a_place_are_left_out() {
        let line =
            Line { name: "a<b".into(), points: vec![(0.0, 1.0), (10.0, 2.0), (100.0, f64::NAN)] };
        let plot = Plot {
            title: "t".into(),
            x: "x".into(),
            y: "y".into(),
            log_x: true,
            lines: vec![line],
        };
        let svg = figure(&plot);
        assert!(svg.contains("a&lt;b"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
