//! The rules of a policy for things of one kind.

use std::collections::BTreeMap;

use asofdb_storage::{Entity, Feature, FeatureService, FeatureView, ObjectKind, Span, ValueType};

use super::breach::Breach;
use super::pattern::{Names, Pattern};

/// The bounds of a ttl or a retention.
#[derive(Debug, Clone, Default)]
pub(super) struct SpanRule {
    pub(super) is_required: bool,
    pub(super) min: Option<Span>,
    pub(super) max: Option<Span>,
}

/// The rules for entities, views, features or services; those that were not given forbid nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) names: Vec<Pattern>,
    pub(super) description_min: u32,
    pub(super) owners: Vec<Pattern>,
    pub(super) teams: Vec<Pattern>,
    pub(super) tags: Vec<String>,
    pub(super) ttl: SpanRule,
    pub(super) retention: SpanRule,
    pub(super) is_freshness_required: bool,
    pub(super) width_max: Option<u32>,
    pub(super) types: Vec<ValueType>,
}

/// The thing that rules are held against.
struct Subject<'s> {
    what: ObjectKind,
    /// The word for its kind in a policy.
    section: &'static str,
    /// Its name as breaches tell it.
    shown: String,
    breaches: &'s mut Vec<Breach>,
}

impl Subject<'_> {
    fn breach(&mut self, field: &'static str, rule: &str, message: String) {
        let rule = format!("{}.{rule}", self.section);
        let (what, name) = (self.what, self.shown.clone());
        self.breaches.push(Breach { what, name, field, rule, message, place: None });
    }

    fn name(&mut self, rules: &Rules, name: &str, names: &Names<'_>) {
        self.matching("name", "name", &rules.names, name, names);
    }

    /// A text that has to match one of the patterns, if there are any.
    fn matching(&mut self, field: &'static str, rule: &str, patterns: &[Pattern], text: &str, names: &Names<'_>) {
        if patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(text, names)) {
            return;
        }
        let wanted: Vec<_> = patterns.iter().map(Pattern::as_str).collect();
        let found = if text.is_empty() { "is missing".to_owned() } else { format!("{text:?} does not match") };
        self.breach(field, rule, format!("{field} {found}: {}", wanted.join(" or ")));
    }

    fn description(&mut self, rules: &Rules, description: &str) {
        let count = description.trim().chars().count();
        if count < rules.description_min as usize {
            let least = rules.description_min;
            let message = format!("description has {count} characters of at least {least}");
            self.breach("description", "description_min", message);
        }
    }

    fn tags(&mut self, rules: &Rules, tags: &BTreeMap<String, String>) {
        for tag in rules.tags.iter().filter(|tag| !tags.contains_key(*tag)) {
            self.breach("tags", &format!("tags.{tag}"), format!("tag {tag:?} is missing"));
        }
    }

    fn span(&mut self, field: &'static str, rule: &SpanRule, span: Option<Span>) {
        match span {
            None if rule.is_required => {
                self.breach(field, &format!("{field}.required"), format!("{field} is missing"));
            }
            None => {}
            Some(span) => {
                if let Some(min) = rule.min.filter(|min| span < *min) {
                    self.breach(field, &format!("{field}.min"), format!("{field} {span} is under {min}"));
                }
                if let Some(max) = rule.max.filter(|max| span > *max) {
                    self.breach(field, &format!("{field}.max"), format!("{field} {span} is over {max}"));
                }
            }
        }
    }
}

impl Rules {
    pub(super) fn of_entity(&self, entity: &Entity, breaches: &mut Vec<Breach>) {
        let shown = entity.name.clone();
        let mut subject = Subject { what: ObjectKind::Entity, section: "entity", shown, breaches };
        subject.name(self, &entity.name, &Names::default());
        subject.description(self, &entity.description);
        subject.tags(self, &entity.tags);
    }

    pub(super) fn of_view(&self, view: &FeatureView, breaches: &mut Vec<Breach>) {
        let mut subject = Subject { what: kind_of(view), section: "view", shown: view.name.clone(), breaches };
        let names = Names { team: &view.team, entities: &view.entities, view: &view.name };
        subject.name(self, &view.name, &names);
        subject.description(self, &view.description);
        subject.matching("owner", "owner", &self.owners, &view.owner, &names);
        subject.matching("team", "team", &self.teams, &view.team, &names);
        subject.tags(self, &view.tags);
        if view.is_stored() && !view.holds_events() {
            subject.span("ttl", &self.ttl, view.ttl);
        }
        if view.is_stored() {
            subject.span("retention", &self.retention, view.retention);
            if self.is_freshness_required && view.freshness.is_none() {
                subject.breach("freshness", "freshness_required", "freshness is missing".to_owned());
            }
        }
        if let Some(most) = self.width_max.filter(|most| view.features.len() > *most as usize) {
            let message = format!("it has {} features of at most {most}", view.features.len());
            subject.breach("feature", "width_max", message);
        }
    }

    pub(super) fn of_feature(&self, view: &FeatureView, feature: &Feature, breaches: &mut Vec<Breach>) {
        let shown = format!("{}:{}", view.name, feature.name);
        let mut subject = Subject { what: ObjectKind::Feature, section: "feature", shown, breaches };
        let names = Names { team: &view.team, entities: &view.entities, view: &view.name };
        subject.name(self, &feature.name, &names);
        subject.description(self, &feature.description);
        subject.tags(self, &feature.tags);
        if !self.types.is_empty() && !self.types.contains(&feature.ty) {
            let allowed: Vec<_> = self.types.iter().map(ValueType::to_string).collect();
            subject.breach("type", "types", format!("type {} is none of {}", feature.ty, allowed.join(", ")));
        }
    }

    pub(super) fn of_service(&self, service: &FeatureService, breaches: &mut Vec<Breach>) {
        let shown = service.name.clone();
        let mut subject = Subject { what: ObjectKind::FeatureService, section: "service", shown, breaches };
        subject.name(self, &service.name, &Names::default());
        subject.description(self, &service.description);
        subject.matching("owner", "owner", &self.owners, &service.owner, &Names::default());
        subject.tags(self, &service.tags);
        if let Some(most) = self.width_max.filter(|most| service.features.len() > *most as usize) {
            let message = format!("it has {} references of at most {most}", service.features.len());
            subject.breach("features", "width_max", message);
        }
    }
}

fn kind_of(view: &FeatureView) -> ObjectKind {
    let kind = ObjectKind::ALL.into_iter().find(|kind| kind.as_str() == view.kind());
    kind.unwrap_or(ObjectKind::FeatureView)
}
