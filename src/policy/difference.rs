//! The lines in which a policy differs from the one that it takes the place of, for those who approve it.

use asofdb_storage::{Catalog, Change, ChangeKind, ObjectKind};

use crate::govern::policy_hash;

/// Pairs of lines that are compared at most. What differs by more is told as all that goes and all that comes.
const PAIRS_MAX: usize = 1 << 22;

/// Lines that are told at most.
const LINES_MAX: usize = 10_000;

/// What a policy changes: the policy itself with its SHA-256, then each line that goes or comes, and how many of these
/// are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDifference {
    /// The changes; none where the policy is the same. A line is named by its number, `line 3`, in the text that it
    /// goes from or comes into. Lines of spaces are none.
    pub changes: Vec<Change>,
    /// The lines beyond the first 10,000.
    pub left_out: u64,
}

impl PolicyDifference {
    /// The difference of a text from the policy of a catalog.
    pub fn new(catalog: &Catalog, policy: &str) -> Self {
        let known = catalog.policy().map(|known| &**known);
        if known == Some(policy) {
            return PolicyDifference { changes: Vec::new(), left_out: 0 };
        }
        let mut changes = vec![policy_change(catalog, policy)];
        let mut lines = differing(&numbered(known.unwrap_or_default()), &numbered(policy));
        let left_out = lines.len().saturating_sub(LINES_MAX) as u64;
        lines.truncate(LINES_MAX);
        changes.extend(lines.into_iter().map(|(kind, (number, text))| Change {
            kind,
            what: ObjectKind::Policy,
            name: format!("line {number}"),
            details: vec![text.trim().to_owned()],
        }));
        PolicyDifference { changes, left_out }
    }
}

/// The change of the policy as the log has it.
pub(crate) fn policy_change(catalog: &Catalog, policy: &str) -> Change {
    let kind = if catalog.policy().is_some() { ChangeKind::Change } else { ChangeKind::Create };
    let details = vec![format!("sha256 {}", policy_hash(policy))];
    Change { kind, what: ObjectKind::Policy, name: "policy".to_owned(), details }
}

/// A line and its number.
type Line<'t> = (usize, &'t str);

fn numbered(text: &str) -> Vec<Line<'_>> {
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(|(at, line)| (at + 1, line)).collect()
}

/// The lines that go and come, in the order of the texts.
fn differing<'t>(old: &[Line<'t>], new: &[Line<'t>]) -> Vec<(ChangeKind, Line<'t>)> {
    let same = |(old, new): &(&Line<'_>, &Line<'_>)| old.1 == new.1;
    let before = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - after], &new[..new.len() - after]);
    match old.len().saturating_mul(new.len()) <= PAIRS_MAX {
        true => by_longest_common(old, new),
        false => goes(old).chain(comes(new)).collect(),
    }
}

fn goes<'l, 't>(lines: &'l [Line<'t>]) -> impl Iterator<Item = (ChangeKind, Line<'t>)> + use<'l, 't> {
    lines.iter().map(|line| (ChangeKind::Drop, *line))
}

fn comes<'l, 't>(lines: &'l [Line<'t>]) -> impl Iterator<Item = (ChangeKind, Line<'t>)> + use<'l, 't> {
    lines.iter().map(|line| (ChangeKind::Create, *line))
}

/// What is left of both besides a longest list of lines that they have in common.
fn by_longest_common<'t>(old: &[Line<'t>], new: &[Line<'t>]) -> Vec<(ChangeKind, Line<'t>)> {
    let width = new.len() + 1;
    // Of the ends of both texts from a place in each, the lines in common.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for from in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            common[from * width + to] = match old[from].1 == new[to].1 {
                true => common[(from + 1) * width + to + 1] + 1,
                false => common[(from + 1) * width + to].max(common[from * width + to + 1]),
            };
        }
    }
    let (mut from, mut to, mut found) = (0, 0, Vec::new());
    while from < old.len() && to < new.len() {
        if old[from].1 == new[to].1 {
            (from, to) = (from + 1, to + 1);
        } else if common[(from + 1) * width + to] >= common[from * width + to + 1] {
            found.push((ChangeKind::Drop, old[from]));
            from += 1;
        } else {
            found.push((ChangeKind::Create, new[to]));
            to += 1;
        }
    }
    found.extend(goes(&old[from..]).chain(comes(&new[to..])));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: Option<&str>, new: &str) -> Vec<String> {
        let catalog = Catalog::default();
        let catalog = old.map_or(catalog.clone(), |old| catalog.with_policy(old));
        PolicyDifference::new(&catalog, new).changes.iter().skip(1).map(Change::to_string).collect()
    }

    #[test]
    fn lines_that_go_and_come_are_told_by_their_numbers() {
        let old = "approvals_min = 1\n\n[view]\nowner = \"*\"\nwidth_max = 5\n";
        let new = "approvals_min = 2\n\n\n[view]\nwidth_max = 5\nteam = [\"a\"]\n";
        let lines = ["- policy line 1 (approvals_min = 1)", "+ policy line 1 (approvals_min = 2)"];
        let of_view = ["- policy line 4 (owner = \"*\")", "+ policy line 6 (team = [\"a\"])"];
        assert_eq!(told(Some(old), new), [lines, of_view].concat());
        assert_eq!(told(None, "a = 1\n"), ["+ policy line 1 (a = 1)"]);
    }

    #[test]
    fn the_policy_itself_comes_first_with_its_hash_and_one_that_is_the_same_changes_nothing() {
        let catalog = Catalog::default();
        let new = PolicyDifference::new(&catalog, "a = 1\n");
        let hash = policy_hash("a = 1\n");
        assert_eq!(new.changes[0].to_string(), format!("+ policy policy (sha256 {hash})"));
        let known = catalog.with_policy("a = 1\n");
        assert_eq!(PolicyDifference::new(&known, "a = 1\n").changes, []);
        let spaces = PolicyDifference::new(&known, "a = 1\n\n").changes;
        assert_eq!((spaces.len(), spaces[0].kind), (1, ChangeKind::Change), "another text, and no other line");
    }

    #[test]
    fn long_texts_without_common_lines_are_told_in_bounded_room() {
        let text = |sign: char| (0..6_000).map(|line| format!("{sign}{line}\n")).collect::<String>();
        let difference = PolicyDifference::new(&Catalog::default().with_policy(&text('a')), &text('b'));
        assert_eq!((difference.changes.len(), difference.left_out), (LINES_MAX + 1, 2_000));
        assert_eq!(difference.changes[1].to_string(), "- policy line 1 (a0)");
        assert_eq!(difference.changes[6_001].to_string(), "+ policy line 1 (b0)");
    }
}
