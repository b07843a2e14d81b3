//! Results as a plot: a bar a contender, and how many times as long as asofdb each takes.

use crate::report::numbers::{digits, time};
use crate::report::titles::TITLES;
use crate::results::{Board, Entry};

const WIDTH: f64 = 860.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 210.0;
const BARS: f64 = 440.0;
const LINE: f64 = 17.0;
const BAR: f64 = 11.0;
const HEAD: f64 = 30.0;
const OURS: &str = "#1f6f54";
const THEIRS: &str = "#9aa5b1";

/// The plot. Colours are those of a light page on a ground of its own, so that it can be read on a dark one as well.
pub fn svg(board: &Board) -> String {
    let groups = groups(board);
    let mut body = String::new();
    let mut y = 20.0;
    for (title, bars) in &groups {
        body += &format!("<text x=\"12\" y=\"{y:.0}\" font-weight=\"bold\">{}</text>\n", escaped(title));
        y += 8.0;
        let ours = bars.iter().find(|(name, _)| name.contains("asofdb")).map(|(_, ns)| *ns);
        for (name, ns) in bars {
            let is_ours = name.contains("asofdb");
            let times = ours.filter(|_| !is_ours).map_or(String::new(), |ours| format!(", {}×", digits(ns / ours)));
            let (baseline, width) = (y + BAR - 1.0, length(*ns, bars));
            body += &format!(
                "<text x=\"{:.0}\" y=\"{baseline:.0}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{}\"/>\
                 <text x=\"{:.0}\" y=\"{baseline:.0}\">{}{times}</text>\n",
                LEFT - 8.0,
                escaped(name),
                if is_ours { OURS } else { THEIRS },
                LEFT + width + 6.0,
                time(*ns),
            );
            y += LINE;
        }
        y += HEAD - 8.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" width=\"{WIDTH}\" height=\"{y:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\" role=\"img\">\n\
         <title>Median times of requests, logarithmic: asofdb and its peers</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}\
         <text x=\"12\" y=\"{:.0}\" fill=\"#666\">Median time of a request, logarithmic within each group; × is how many \
         times as long as the fastest way to asofdb.</text>\n</svg>\n",
        y - 8.0
    )
}

/// The length of a bar: logarithmic, from half of the shortest of its group to the longest.
fn length(ns: f64, group: &[(&str, f64)]) -> f64 {
    let (Some((_, shortest)), Some((_, longest))) = (group.first(), group.last()) else { return 0.0 };
    let least = shortest / 2.0;
    (ns / least).ln() / (longest / least).ln() * BARS
}

/// Scenarios with the bars of each, the shortest first.
fn groups(board: &Board) -> Vec<(&'static str, Vec<(&str, f64)>)> {
    let bars = |scenario: &str| {
        let measured = |entry: &&Entry| entry.scenario == scenario && entry.failed.is_none();
        let bar = |entry: &'_ Entry| entry.p50().map(|p50| p50.median);
        let entries = board.entries.iter().filter(measured);
        let mut bars: Vec<(&str, f64)> =
            entries.filter_map(|entry| Some((entry.contender.as_str(), bar(entry)?))).collect();
        bars.sort_by(|left, right| left.1.total_cmp(&right.1));
        bars
    };
    let all = TITLES.iter().filter(|title| title.is_plotted).map(|title| (title.title, bars(title.scenario)));
    all.filter(|(_, bars)| !bars.is_empty()).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Round;

    #[test]
    fn a_bar_says_its_time_and_how_many_times_as_long_it_is() {
        let entry = |contender: &str, p50_ns| Entry {
            scenario: "latest".into(),
            contender: contender.into(),
            rounds: vec![Round { p50_ns, ..Round::default() }],
            memory_bytes: 0,
            disk_bytes: 0,
            note: String::new(),
            failed: None,
        };
        let entries = vec![entry("asofdb", 500.0), entry("A & B", 5_000.0)];
        let text = svg(&Board { entries, ..Board::default() });
        assert!(text.contains(">500 ns</text>"), "{text}");
        assert!(text.contains(">5 µs, 10×</text>") && text.contains(">A &amp; B</text>"), "{text}");
    }
}
