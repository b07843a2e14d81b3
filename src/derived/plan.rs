//! The stage of a read that computes derived features.

use asofdb_expression::{Expression, Name, Program};
use asofdb_storage::{Catalog, Error, Feature, FeatureView, RequestValue, Result, ValueType};

use crate::derived::scope::Names;
use crate::read::slot::ValueSlot;

/// The stage that computes derived features: its steps, in an order in which inputs come first.
#[derive(Debug, Default)]
pub struct Derived {
    /// The values of the request, of all views that are computed; each name once.
    pub request: Vec<RequestValue>,
    pub(crate) steps: Vec<Step>,
}

/// One feature that is computed.
#[derive(Debug)]
pub(crate) struct Step {
    /// The feature, `view:feature`.
    pub(crate) reference: String,
    /// The slot that it fills.
    pub(crate) slot: ValueSlot,
    pub(crate) ty: ValueType,
    pub(crate) program: Program,
    /// In the order of the program's inputs.
    pub(crate) inputs: Vec<StepInput>,
}

/// The place of an input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StepInput {
    /// A feature, with what stands in for it.
    Feature {
        /// Its slot.
        slot: ValueSlot,
        /// Its default, encoded.
        default: Option<Vec<u8>>,
    },
    /// A value of the request, by its number in [`Derived::request`].
    Request(usize),
}

impl Derived {
    /// Takes the request values of a view, beside those of others.
    ///
    /// # Errors
    /// `Invalid` when two views have one name for values of two types.
    pub(crate) fn add_request(&mut self, view: &FeatureView) -> Result<()> {
        for value in view.expressions().iter().flat_map(|expressions| &expressions.request) {
            match self.request.iter_mut().find(|known| known.name == value.name) {
                None => self.request.push(value.clone()),
                Some(known) if known.ty == value.ty => known.required |= value.required,
                Some(known) => {
                    let (name, ty, other) = (&value.name, value.ty, known.ty);
                    return Err(Error::invalid(format!(
                        "request value {name:?} is {other} in one view and {ty} in view {:?}; read them apart",
                        view.name
                    )));
                }
            }
        }
        Ok(())
    }

    /// Gives the sources of slots their final numbers.
    pub(crate) fn move_sources(&mut self, places: &[usize]) {
        for step in &mut self.steps {
            step.slot.source = places[step.slot.source];
            for input in &mut step.inputs {
                if let StepInput::Feature { slot, .. } = input {
                    slot.source = places[slot.source];
                }
            }
        }
    }

    /// The place of a request value by name.
    pub(crate) fn request_input(&self, name: &Name) -> Result<StepInput> {
        let found = self.request.iter().position(|value| value.name == name.name);
        found.map(StepInput::Request).ok_or_else(|| Error::internal(format!("no request value {:?}", name.name)))
    }
}

/// Compiles the expression of a derived feature.
///
/// # Errors
/// `Invalid` or `NotFound` for the expression, with its place in lines below.
pub(crate) fn compile(catalog: &Catalog, view: &FeatureView, feature: &Feature) -> Result<Program> {
    let no_expression = || Error::internal(format!("{}:{} has no expression", view.name, feature.name));
    let expressions = view.expressions().ok_or_else(no_expression)?;
    let text = expressions.of.get(&feature.name).ok_or_else(no_expression)?;
    let names = Names { catalog, request: &expressions.request };
    let compiled = Expression::parse(text).and_then(|expression| Program::compile_as(&expression, &names, feature.ty));
    compiled.map_err(|bad| {
        let error = bad.located(text);
        Error::new(error.kind(), format!("feature {}:{}: {}", view.name, feature.name, error.message()))
    })
}
