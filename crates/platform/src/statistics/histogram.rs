//! Histograms as drawings of the server.

use asofdb::{NumberProfile, ValueType};
use maud::{Markup, html};

use super::words::number;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 120.0;

/// Room for the words below the bars.
const FOOT: f64 = 22.0;

/// The least height of a bar with anything in it.
const BAR_MIN: f64 = 2.0;

/// A drawing of a histogram: a bar a bucket, all equally wide. `id` is its own in the page, `of` says what it shows.
pub(super) fn drawing(id: &str, of: &str, numbers: &NumberProfile, ty: Option<ValueType>) -> Markup {
    let (title, description) = (format!("{id}-title"), format!("{id}-description"));
    let most = numbers.histogram.iter().map(|bucket| bucket.count).max().unwrap_or(0).max(1);
    let width = WIDTH / numbers.histogram.len().max(1) as f64;
    let bar = |count: u64| match count {
        0 => 0.0,
        count => (count as f64 / most as f64 * HEIGHT).max(BAR_MIN),
    };
    let [low, middle, high] = [numbers.min, numbers.quantiles[3], numbers.max].map(|at| number(ty, at));
    let told = format!(
        "{} buckets from {low} to {high}; half of the numbers are at most {middle}; the fullest bucket has {most} of {}",
        numbers.histogram.len(),
        numbers.ranked
    );
    html! {
        svg.histogram viewBox={ "0 0 " (WIDTH) " " (HEIGHT + FOOT) } role="img"
            aria-labelledby=(title) aria-describedby=(description) {
            title id=(title) { "Histogram of the " (of) }
            desc id=(description) { (told) }
            @for (at, bucket) in numbers.histogram.iter().enumerate() {
                @let height = bar(bucket.count);
                rect x=(format!("{:.1}", at as f64 * width + 0.5)) y=(format!("{:.1}", HEIGHT - height))
                    width=(format!("{:.1}", (width - 1.0).max(0.5))) height=(format!("{height:.1}")) {}
            }
            line x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
            text x="0" y=(HEIGHT + FOOT - 6.0) { (low) }
            text x=(WIDTH) y=(HEIGHT + FOOT - 6.0) text-anchor="end" { (high) }
        }
    }
}
