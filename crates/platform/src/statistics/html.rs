//! Statistics as a part of a page.

use asofdb::{FeatureProfile, NumberProfile, ViewProfile, ViewStatistics};
use maud::{Markup, html};

use super::histogram::drawing;
use super::words::{counted, distinct, number, ranked_type, ranked_words, sample, size, value};

/// The part of a view's page about its values.
pub(crate) fn section(statistics: &ViewStatistics) -> Markup {
    let Some(profile) = &statistics.profile else {
        return html! {
            h2 #the-values { "Values" }
            p.hint { "No statistics were taken. " code { "asof profile " (statistics.view) } " takes them." }
        };
    };
    html! {
        h2 #the-values { "Values" }
        p {
            "Of " (sample(profile)) ", as of "
            time datetime=(profile.taken) { (profile.taken) } ", by revision " (profile.revision) " of the catalog."
            @if let Some(size) = size(profile) { " The view had " (size) "." }
        }
        @if !statistics.outdated.is_empty() {
            p.refusal { "Of an older definition, to be taken again: " (statistics.outdated.join(", ")) "." }
        }
        @if !statistics.withheld.is_empty() {
            p.hint { "Not told, because the policy does not let you read them: " (statistics.withheld.join(", ")) "." }
        }
        @if !profile.features.is_empty() {
            (overview(profile))
            @for feature in &profile.features { (details(feature, counted(profile))) }
        }
    }
}

fn overview(profile: &ViewProfile) -> Markup {
    let name = if profile.events.is_some() { "column" } else { "feature" };
    html! {
        table {
            thead { tr {
                @for head in [name, "values", "null", "missing", "expired", "different", "least", "median",
                              "greatest", "mean"] {
                    th scope="col" { (head) }
                }
            } }
            tbody { @for feature in &profile.features { (overview_row(feature)) } }
        }
    }
}

fn overview_row(feature: &FeatureProfile) -> Markup {
    let counts = feature.counts;
    let share = |count: u64| percent(counts.share(count));
    let numbers = feature.numbers.as_ref();
    let cell = |at: Option<f64>| at.map(|at| number(Some(feature.ty), at)).unwrap_or_default();
    html! { tr {
        th scope="row" { a href={ "#values-" (feature.name) } { (feature.name) } }
        td { (counts.present) }
        td { (share(counts.null)) } td { (share(counts.missing)) } td { (share(counts.expired)) }
        td { (distinct(feature)) }
        td { (cell(numbers.map(|numbers| numbers.min))) }
        td { (cell(numbers.map(|numbers| numbers.quantiles[3]))) }
        td { (cell(numbers.map(|numbers| numbers.max))) }
        td { (cell(numbers.and_then(|numbers| numbers.mean))) }
    } }
}

/// One feature: its histogram with the numbers beside, and its most frequent values. `counted` are entities or events.
fn details(feature: &FeatureProfile, counted: &str) -> Markup {
    let [below, above] = feature.infinite;
    let apart: Vec<_> = [("NaN", feature.nan), ("-infinity", below), ("infinity", above)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    html! {
        details.values {
            summary { (feature.name) " " small { (feature.ty) } }
            // A browser opens what has the target of a link in it.
            span id={ "values-" (feature.name) } {}
            @if !apart.is_empty() { p.hint { "Not among the numbers: " (apart.join(", ")) "." } }
            @if let Some(ranked) = feature.ranked() { (histogram(feature, ranked, counted)) }
            @if !feature.top.is_empty() { (top(feature, counted)) }
            @if feature.ranked().is_none() && feature.top.is_empty() { p.hint { "There is no value." } }
        }
    }
}

fn histogram(feature: &FeatureProfile, ranked: &NumberProfile, counted: &str) -> Markup {
    let ty = ranked_type(feature);
    let of = format!("{} of {}", ranked_words(feature), feature.name);
    let quantiles = NumberProfile::QUANTILES.iter().zip(ranked.quantiles);
    let is_drawn = ranked.ranked < ranked.count;
    html! {
        div.beside {
            figure {
                (drawing(&format!("histogram-{}", feature.name), &of, ranked, ty))
                figcaption {
                    "The " (of)
                    @if is_drawn { ", from " (ranked.ranked) " of " (ranked.count) " that were drawn from all" }
                }
            }
            table tabindex="0" aria-label={ "Histogram of the " (of) } {
                thead { tr { th scope="col" { "from" } th scope="col" { "to" } th scope="col" { (counted) } } }
                tbody { @for bucket in &ranked.histogram { tr {
                    td { (number(ty, bucket.from)) } td { (number(ty, bucket.to)) } td { (bucket.count) }
                } } }
            }
        }
        dl {
            @for (q, at) in quantiles { dt { (format!("{:.0} %", q * 100.0)) " are at most" } dd { (number(ty, at)) } }
            @if let Some(mean) = ranked.mean { dt { "mean" } dd { (number(ty, mean)) } }
        }
    }
}

fn top(feature: &FeatureProfile, counted: &str) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "most frequent" }
                th scope="col" { (counted) @if !feature.is_top_exact { ", at least" } }
                th scope="col" { "share" }
            } }
            tbody { @for one in &feature.top { tr {
                td.value { (value(one)) } td { (one.count) } td { (percent(feature.share_of_present(one.count))) }
            } } }
        }
    }
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 { "< 0.1 %".to_owned() } else { format!("{percent:.1} %") }
}
