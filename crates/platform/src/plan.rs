//! Plans as Markdown, for the review of a change. Texts of definitions are escaped.

use asofdb::{Allow, Change, Impact, Plan};

use super::docs::escaped;
use super::duplicates::duplicate::Duplicate;

/// Writes a plan as Markdown: its changes, those who have read of late what it takes away, and its warnings.
///
/// `impacts` are those of the plan, and `alike` the pairs of features that may be the same; each part is left out where
/// there is nothing to say. Nothing in a text is markup, whatever the definitions have in it.
pub fn plan_markdown(plan: &Plan, impacts: &[Impact], alike: &[Duplicate]) -> String {
    if plan.is_empty() {
        return "### Plan\n\nNothing to do: everything is as defined already.\n".to_owned();
    }
    let changes = plan.changes.len();
    let mut page = format!("### Plan: {changes} {}\n\n", if changes == 1 { "change" } else { "changes" });
    page += "| change | what | name | details |\n| --- | --- | --- | --- |\n";
    plan.changes.iter().for_each(|change| page += &row(change));
    let named = |change: &Change| format!("{} {}", change.what.as_str(), change.name);
    page += &list("Dropped, with the data", plan.drops().map(named));
    page += &list("Computed in another way, so that answers about the past change", plan.redefinitions().map(named));
    let read = format!("Read in the last {} days", Allow::USED_DAYS);
    let (unread, used): (Vec<_>, Vec<_>) = impacts.iter().partition(|impact| impact.readers.is_empty());
    page += &list(&read, used.into_iter().map(Impact::to_string));
    page += &list("Dropped before the day until which it is promised", unread.into_iter().map(Impact::to_string));
    let pair = |pair: &Duplicate| format!("{} and {}: {}", pair.features[0], pair.features[1], pair.reason);
    page + &list("Perhaps the same feature", alike.iter().map(pair))
}

fn row(change: &Change) -> String {
    let (kind, what) = (change.kind.as_str(), escaped(change.what.as_str()));
    format!("| {kind} | {what} | {} | {} |\n", escaped(&change.name), escaped(&change.details.join(", ")))
}

fn list(title: &str, items: impl Iterator<Item = String>) -> String {
    let lines: String = items.map(|item| format!("- {}\n", escaped(&item))).collect();
    if lines.is_empty() { lines } else { format!("\n#### {title}\n\n{lines}") }
}

#[cfg(test)]
mod tests {
    use asofdb::{Allow, ManualClock, Result, Session, Store, Timestamp, Value, parse_definitions};

    use super::*;
    use crate::find_named_alike;

    const BEFORE: &str = r#"
        [[entity]]
        name = "user"
        join_keys = [{ name = "id", type = "int64" }]
        [[feature_view]]
        name = "orders"
        entities = ["user"]
        feature = [{ name = "order_count", type = "int64" }]
    "#;

    const AFTER: &str = r#"
        [[entity]]
        name = "user"
        join_keys = [{ name = "id", type = "int64" }]
        description = "<b>|\n# who"
        [[feature_view]]
        name = "sales"
        entities = ["user"]
        ttl = "2h"
        feature = [{ name = "amount", type = "int64" }]
    "#;

    fn planned(before: &str, after: &str) -> Result<(Store, Plan)> {
        let store = Store::in_memory(ManualClock::new(Timestamp::from_micros(0)));
        store.apply_to(&parse_definitions(before, "before")?, Allow::default(), None)?;
        let plan = store.plan(&parse_definitions(after, "after")?)?;
        Ok((store, plan))
    }

    #[test]
    fn a_plan_in_markdown_has_each_change_and_names_each_drop() -> Result<()> {
        let (store, plan) = planned(BEFORE, AFTER)?;
        let text = plan_markdown(&plan, &[], &find_named_alike(&store.catalog(), plan.catalog()));
        assert!(text.starts_with("### Plan: 3 changes\n\n| change | what | name | details |\n"), "{text}");
        assert!(text.contains("| create | feature\\_view | sales | 1 feature, ttl 2h |\n"), "{text}");
        assert!(text.ends_with("\n#### Dropped, with the data\n\n- feature\\_view orders\n"), "{text}");
        assert!(!text.contains("<b>") && text.lines().filter(|line| line.starts_with('#')).count() == 2, "{text}");
        Ok(())
    }

    #[test]
    fn a_plan_in_markdown_names_those_who_read_what_goes() -> Result<()> {
        let (store, _) = planned(BEFORE, AFTER)?;
        let request = store.for_consumer("ranker")?.prepare(&["orders"])?;
        let mut rows = request.entity_rows();
        rows.push(&[Some(Value::Int64(1))])?;
        store.latest(&request, &rows)?;
        let plan = store.plan(&parse_definitions(AFTER, "after")?)?;
        let text = plan_markdown(&plan, &store.impacts(&plan)?, &[]);
        let read = "#### Read in the last 30 days\n\n- feature\\_view orders by ranker (1 calls, last ";
        assert!(text.contains(read) && !text.contains("promised"), "{text}");
        Ok(())
    }

    #[test]
    fn a_plan_without_changes_says_so() -> Result<()> {
        let (_, plan) = planned(BEFORE, BEFORE)?;
        assert_eq!(plan_markdown(&plan, &[], &[]), "### Plan\n\nNothing to do: everything is as defined already.\n");
        Ok(())
    }
}
