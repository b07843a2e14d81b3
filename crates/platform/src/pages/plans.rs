//! Plans that wait for approval, and the approvals that were given.

use asofdb::{Approval, Approvals, Catalog, Proposal};
use maud::{Markup, html};

use super::changes::lines;
use super::figures::{count, time};
use super::frame::Page;

/// The page of plans that wait for the catalog of now: what each would change, who wants it and why, and who has
/// approved it, of `needed` others. Last come approvals of plans that nobody has proposed.
pub fn plans(catalog: &Catalog, waiting: &[Proposal], approvals: &Approvals, needed: u32) -> Page {
    let others: Vec<_> =
        approvals.given.iter().filter(|(plan, _)| waiting.iter().all(|proposal| proposal.plan != *plan)).collect();
    let main = html! {
        h1 { "Plans" }
        p {
            @match needed {
                0 => "The policy wants no approvals: whoever may change definitions applies them.",
                1 => "The policy wants the approval of somebody else before a plan is applied.",
                needed => { "The policy wants approvals by " (needed) " others before a plan is applied." }
            }
            " Plans and approvals end with the next change of what is defined; "
            a href="/changes" { "what was changed" } " is on a page of its own."
        }
        @if waiting.is_empty() { p role="status" { "No plan waits." } }
        ol.changes { @for proposal in waiting.iter().rev() { (proposed(catalog, proposal, approvals, needed)) } }
        @if !others.is_empty() {
            h2 { "Approvals of other plans" }
            p.hint { "Of plans that nobody has made known with " code { "asof plan --propose" } " or " code { "asof policy propose" } "." }
            ul { @for (plan, approval) in others { li { code.hash { (plan) } " " (by(approval)) } } }
        }
    };
    Page { title: "Plans".to_owned(), place: "/plans", main }
}

fn proposed(catalog: &Catalog, proposal: &Proposal, approvals: &Approvals, needed: u32) -> Markup {
    let given: Vec<_> = approvals.of(&proposal.plan).collect();
    let others = given.iter().filter(|approval| approval.who != proposal.who).count();
    html! {
        li id={ "p" (proposal.plan) } {
            p.kind { (time(proposal.at)) " by " strong { (proposal.who) } }
            @if !proposal.message.is_empty() { p.message { (proposal.message) } }
            (lines(catalog, &proposal.changes, proposal.left_out))
            p {
                @match needed {
                    0 => "It needs no approval.",
                    needed => { (count(others as u64)) " of " (needed) @if needed == 1 { " approval" } @else { " approvals" } " by others" }
                }
                @for approval in &given { "; " (by(approval)) }
            }
            @if needed > 0 {
                pre tabindex="0" aria-label="How to approve it" { code { "asof approve " (proposal.plan) } }
            }
        }
    }
}

fn by(approval: &Approval) -> Markup {
    html! { "approved by " (approval.who) " at " (time(approval.at)) }
}
