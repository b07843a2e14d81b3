//! The report of an audit as one page, with its plots.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::against::Against;
use super::difference::{Difference, Side};
use super::drift::Drift;
use super::reason::Reason;
use super::{Audit, AuditedFeature};

/// The policy of the page: it has its looks within, and asks nobody for anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("report.css");

/// Features whose distributions are drawn, those that are farthest apart first.
const DRAWN_MAX: usize = 100;

/// The size of plots.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 120.0;

/// Writes an audit, and what a training set says if it was compared with one, as a page of HTML that needs nothing
/// else.
pub fn audit_html(audit: &Audit, against: Option<&Against>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Audit of what was served" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Audit of what was served" }
                (findings(audit, against))
            }
        }
    };
    page.into_string()
}

/// All that was found, without the page around it.
pub(crate) fn findings(audit: &Audit, against: Option<&Against>) -> Markup {
    html! {
        (summary(audit))
        h2 { "By hour of serving" }
        (hours(audit))
        h2 { "By feature" }
        (features(audit))
        @if !audit.examples.is_empty() {
            h2 { "Differences in full" }
            (examples(&audit.examples))
        }
        @if let Some(against) = against { (compared(against)) }
    }
}

fn summary(audit: &Audit) -> Markup {
    let (values, differing) = (audit.values(), audit.differing());
    html! {
        p {
            (audit.rows) " rows of " (audit.answers) " answers, " (values) " values, of which "
            strong { (differing) } " are not what was served"
            @if let Some((from, to)) = audit.served { ", served from " (from) " to " (to) }
            "."
        }
    }
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// Bars, a bar an hour: the share of values that differ.
fn hours(audit: &Audit) -> Markup {
    let step = WIDTH / audit.hours.len().max(1) as f64;
    let bar = |(at, (values, differing)): (usize, &(u64, u64))| {
        let height = HEIGHT * share(*differing, *values);
        (at as f64 * step, HEIGHT - height, height)
    };
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="share of values that differ, by hour" {
            rect.back x="0" y="0" width=(WIDTH) height=(HEIGHT) {}
            @for (place, (hour, counts)) in audit.hours.iter().enumerate() {
                @let (x, y, height) = bar((place, counts));
                rect.differing x=(x) y=(y) width=((step - 1.0).max(0.5)) height=(height) {
                    title { (hour) ": " (counts.1) " of " (counts.0) " values differ" }
                }
            }
        }
    }
}

fn features(audit: &Audit) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "feature" }
                    th scope="col" { "shares" }
                    th.number scope="col" { "values" }
                    @for reason in Reason::ALL { th.number scope="col" { (reason) } }
                }
            }
            tbody {
                @for (reference, feature) in &audit.features {
                    tr {
                        td { (reference) }
                        td { (reasons(feature)) }
                        td.number { (feature.values) }
                        @for reason in Reason::ALL {
                            td.number { (feature.differences.get(&reason).copied().unwrap_or(0)) }
                        }
                    }
                }
            }
        }
    }
}

/// A bar whose parts are the reasons, each in its colour; what is left is the same.
fn reasons(feature: &AuditedFeature) -> Markup {
    let mut x = 0.0;
    let parts: Vec<_> = feature
        .differences
        .iter()
        .map(|(reason, count)| {
            let width = 100.0 * share(*count, feature.values);
            x += width;
            (*reason, x - width, width)
        })
        .collect();
    html! {
        svg.line viewBox="0 0 100 10" role="img" aria-label="shares of the reasons" {
            rect.back x="0" y="0" width="100" height="10" {}
            @for (reason, x, width) in &parts {
                rect class=(reason) x=(x) y="0" width=(width) height="10" { title { (reason) } }
            }
        }
    }
}

fn side(side: &Side) -> Markup {
    html! {
        @if let Some(value) = &side.value { code { (value) } " " }
        "(" (side.status)
        @if let Some(event) = side.event { ", of " (event) }
        ")"
    }
}

fn examples(examples: &[Difference]) -> Markup {
    html! {
        table {
            thead {
                tr { @for head in ["reason", "feature", "entity", "at", "served", "now", "because"] {
                    th scope="col" { (head) }
                } }
            }
            tbody {
                @for one in examples {
                    tr {
                        td { span class={ "mark " (one.reason) } {} (one.reason) }
                        td { (one.feature) }
                        td { @for (at, (name, value)) in one.entity.iter().enumerate() {
                            @if at > 0 { ", " }
                            (name) "=" @if let Some(value) = value { (value) } @else { "null" }
                        } }
                        td { (one.at) }
                        td { (side(&one.served)) }
                        td { @if let Some(again) = &one.again { (side(again)) } @else { "nothing" } }
                        td { (one.detail) }
                    }
                }
            }
        }
    }
}

fn compared(against: &Against) -> Markup {
    let psi = |drift: &Option<Drift>| drift.as_ref().map_or(0.0, |drift| drift.psi);
    let mut features: Vec<_> = against.features.iter().collect();
    features.sort_by(|(_, a), (_, b)| psi(&b.drift).total_cmp(&psi(&a.drift)));
    html! {
        h2 { "Against the training set" }
        p {
            (against.served_rows) " rows were served, " (against.training_rows) " are in the training set, "
            (against.matched_rows) " in both."
            @if !against.absent.is_empty() { " It has no column for " (against.absent.join(", ")) "." }
        }
        table {
            thead { tr { @for head in ["feature", "in both", "same", "PSI", "KS"] { th scope="col" { (head) } } } }
            tbody {
                @for (reference, feature) in &features {
                    tr {
                        td { (reference) }
                        td.number { (feature.matched) }
                        td.number { (feature.same) }
                        @if let Some(drift) = &feature.drift {
                            td.number { (format!("{:.3}", drift.psi)) }
                            td.number { @if let Some(ks) = drift.ks { (format!("{ks:.3}")) } }
                        } @else { td {} td {} }
                    }
                }
            }
        }
        p { span.mark.served {} "served " span.mark.training {} "training set" }
        @for (reference, feature) in features.iter().take(DRAWN_MAX) {
            @if let Some(drift) = &feature.drift {
                h3 { (reference) }
                (distributions(drift))
            }
        }
    }
}

/// Two bars a bin: its share of what was served, and of the training set.
fn distributions(drift: &Drift) -> Markup {
    let step = WIDTH / drift.bins.len().max(1) as f64;
    let greatest = drift.bins.iter().flat_map(|bin| [bin.served, bin.training]).fold(f64::MIN_POSITIVE, f64::max);
    let height = |share: f64| HEIGHT * share / greatest;
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="distributions" {
            rect.back x="0" y="0" width=(WIDTH) height=(HEIGHT) {}
            @for (at, bin) in drift.bins.iter().enumerate() {
                @for (place, class, share) in [(0.0, "served", bin.served), (0.45, "training", bin.training)] {
                    rect class=(class) x=((at as f64 + place) * step) y=(HEIGHT - height(share)) width=(0.45 * step)
                        height=(height(share)) {
                        title { (bin.label) ": " (format!("{:.1} %", 100.0 * share)) }
                    }
                }
            }
        }
    }
}
