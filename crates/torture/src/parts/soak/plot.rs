//! p99 and p99.9 of reads and writes over time, drawn as SVG.

use std::fmt::Write;
use std::time::Duration;

use super::samples::Sample;
use crate::histogram::Histogram;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 420.0;

/// The room around the drawing: left, top, right, bottom.
const MARGIN: [f64; 4] = [70.0, 40.0, 20.0, 40.0];

/// The axis of times goes from 10^this to 10^that microseconds, in powers of ten.
const POWERS: [i32; 2] = [1, 7];

/// A line: its name, its colour, and the duration of a sample.
type Line = (&'static str, &'static str, fn(&Sample) -> Duration);

const LINES: [Line; 4] = [
    ("reads, p99", "#1f77b4", |sample| quantile(&sample.tally.reads, 0.99)),
    ("reads, p99.9", "#aec7e8", |sample| quantile(&sample.tally.reads, 0.999)),
    ("writes, p99", "#d62728", |sample| quantile(&sample.tally.writes, 0.99)),
    ("writes, p99.9", "#ff9896", |sample| quantile(&sample.tally.writes, 0.999)),
];

fn quantile(histogram: &Histogram, share: f64) -> Duration {
    histogram.quantile(share)
}

/// The drawing. A grey line stands where the sidecar was ended; seconds without an answer are gaps.
pub(super) fn svg(samples: &[Sample]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    axes(&mut svg, samples.len());
    for (second, _) in samples.iter().enumerate().filter(|(_, sample)| sample.has_end) {
        let x = x_of(second, samples.len());
        line(&mut svg, [x, MARGIN[1], x, HEIGHT - MARGIN[3]], "#dddddd");
    }
    for (number, (name, colour, duration)) in LINES.into_iter().enumerate() {
        let micros: Vec<u128> = samples.iter().map(|sample| duration(sample).as_micros()).collect();
        for run in runs(&micros) {
            let point =
                |(second, micros): &(usize, u128)| format!("{:.1},{:.1}", x_of(*second, samples.len()), y_of(*micros));
            let points: Vec<String> = run.iter().map(point).collect();
            let points = points.join(" ");
            // Writing to a text never fails.
            let _ =
                writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.2\"/>");
        }
        text(&mut svg, [MARGIN[0] + 150.0 * number as f64, 20.0], colour, name);
    }
    text(&mut svg, [MARGIN[0] + 620.0, 20.0], "#888888", "grey: the sidecar was ended");
    svg.push_str("</svg>\n");
    svg
}

/// The seconds with an answer, in runs without a gap.
fn runs(micros: &[u128]) -> Vec<Vec<(usize, u128)>> {
    let numbered: Vec<(usize, u128)> = micros.iter().copied().enumerate().collect();
    numbered.split(|(_, micros)| *micros == 0).filter(|run| !run.is_empty()).map(<[_]>::to_vec).collect()
}

fn axes(svg: &mut String, seconds: usize) {
    const NAMES: [&str; 7] = ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"];
    for (power, name) in (POWERS[0]..=POWERS[1]).zip(NAMES) {
        let y = y_of(10u128.pow(power as u32));
        line(svg, [MARGIN[0], y, WIDTH - MARGIN[2], y], "#eeeeee");
        text(svg, [10.0, y + 4.0], "black", name);
    }
    let step = (seconds / 8).max(1);
    for second in (0..seconds).step_by(step) {
        text(svg, [x_of(second, seconds), HEIGHT - 15.0], "black", &format!("{second} s"));
    }
}

fn x_of(second: usize, seconds: usize) -> f64 {
    MARGIN[0] + (WIDTH - MARGIN[0] - MARGIN[2]) * second as f64 / seconds.max(1) as f64
}

fn y_of(micros: u128) -> f64 {
    let [least, most] = POWERS.map(f64::from);
    let share = ((micros as f64).max(1.0).log10().clamp(least, most) - least) / (most - least);
    HEIGHT - MARGIN[3] - (HEIGHT - MARGIN[1] - MARGIN[3]) * share
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str) {
    let ends = format!("x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"");
    let _ = writeln!(svg, "<line {ends} stroke=\"{colour}\"/>");
}

fn text(svg: &mut String, [x, y]: [f64; 2], colour: &str, text: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{text}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_without_an_answer_are_gaps_and_longer_is_higher() {
        assert_eq!(runs(&[0, 5, 6, 0, 0, 7]), [vec![(1, 5), (2, 6)], vec![(5, 7)]]);
        assert!(y_of(1_000_000) < y_of(1_000));
        let mut sample = Sample { has_end: true, ..Sample::default() };
        sample.tally.reads.record(Duration::from_millis(1));
        let svg = svg(&[sample, Sample::default()]);
        assert_eq!(svg.matches("<polyline").count(), 2, "p99 and p99.9 of reads");
        assert!(svg.contains("stroke=\"#dddddd\"") && svg.ends_with("</svg>\n"));
    }
}
