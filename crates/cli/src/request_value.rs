//! Values that come with a request on the command line: `amount=26.0`, `amount:float64=26`.

use std::str::FromStr;

use arrow::datatypes::Field;
use asofdb::parts::{value_at, value_column};
use asofdb::{Error, RequestValue, ScalarType, Value, ValueType, arrow_type, parse_request_value};
use serde_json::value::RawValue;

/// A value that comes with the request, as it is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RequestArgument {
    name: String,
    text: String,
    /// The value of the type that is given with it, if one is.
    typed: Option<Value>,
}

impl FromStr for RequestArgument {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let rule = "a value of a request is NAME=VALUE or NAME:TYPE=VALUE";
        let (name, text) = text.split_once('=').ok_or_else(|| Error::invalid(rule))?;
        let (name, ty) = match name.split_once(':') {
            Some((name, ty)) => (name, Some(ty)),
            None => (name, None),
        };
        if name.is_empty() {
            return Err(Error::invalid(rule));
        }
        let typed = |ty: &str| {
            let known = ScalarType::ALL.into_iter().find(|known| known.name() == ty);
            let names = || ScalarType::ALL.map(ScalarType::name).join(", ");
            let ty = known.ok_or_else(|| Error::invalid(format!("no type {ty:?}: there are {}", names())))?;
            parse_request_value(name, ty, text)
        };
        Ok(RequestArgument { name: name.to_owned(), text: text.to_owned(), typed: ty.map(typed).transpose()? })
    }
}

impl RequestArgument {
    /// The value by itself: of the type that is given with it, or else that it looks like.
    pub(crate) fn plain(&self) -> (&str, Value) {
        (&self.name, self.typed.clone().unwrap_or_else(|| plain(&self.text)))
    }

    /// The value by the type that features take it as. A name that none of them takes stays text: the library refuses
    /// it.
    ///
    /// # Errors
    /// `Invalid` when the text is no value of the type. A list is a list of JSON.
    pub(crate) fn of(&self, wanted: &[RequestValue]) -> Result<(&str, Value), Error> {
        let ty = wanted.iter().find(|value| value.name == self.name).map(|value| value.ty);
        let value = match (&self.typed, ty) {
            (Some(value), _) => value.clone(),
            (None, Some(ValueType::Scalar(ty))) => parse_request_value(&self.name, ty, &self.text)?,
            (None, Some(ty)) => self.list(ty)?,
            (None, None) => Value::String(self.text.clone()),
        };
        Ok((&self.name, value))
    }

    fn list(&self, ty: ValueType) -> Result<Value, Error> {
        let bad = || Error::invalid(format!("request value {:?} is {ty}, in JSON: {:?}", self.name, self.text));
        let json: &RawValue = serde_json::from_str(&self.text).map_err(|_| bad())?;
        let column = value_column(&Field::new(&self.name, arrow_type(ty), true), &[json]).map_err(|_| bad())?;
        value_at(&column, ty, 0).ok_or_else(bad)
    }
}

/// A value whose type is read from it: a whole number, a number, true or false, or else text.
fn plain(text: &str) -> Value {
    if let Ok(number) = text.parse() {
        return Value::Int64(number);
    }
    match text.parse() {
        Ok(number) => Value::Float64(number),
        Err(_) => match text.parse() {
            Ok(truth) => Value::Bool(truth),
            Err(_) => Value::String(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RequestArgument, Error> {
        text.parse()
    }

    #[test]
    fn values_of_a_request_have_the_type_that_they_look_like_or_the_one_that_is_given() {
        let plain = |text: &str| read(text).unwrap().plain().1;
        assert_eq!(plain("a=5"), Value::Int64(5));
        assert_eq!(plain("a=5.5"), Value::Float64(5.5));
        assert_eq!(plain("a=true"), Value::Bool(true));
        assert_eq!(plain("a=x=y"), Value::String("x=y".to_owned()));
        assert_eq!(plain("a:float64=5"), Value::Float64(5.0));
        assert_eq!(plain("a:string=5"), Value::String("5".to_owned()));
        assert!(read("a:float=5").unwrap_err().to_string().starts_with("no type \"float\": there are bool, int32"));
        assert_eq!(read("a:int64=x").unwrap_err().to_string(), "request value \"a\" is int64: \"x\"");
        assert!(read("a").is_err() && read("=5").is_err());
    }

    #[test]
    fn values_of_a_request_are_read_by_the_types_that_features_take() {
        let wanted = |ty| {
            let (name, description) = ("a".to_owned(), String::new());
            [RequestValue { name, ty, required: true, description }]
        };
        let of = |text: &str, ty| read(text).unwrap().of(&wanted(ty)).map(|(_, value)| value);
        let float = ValueType::Scalar(ScalarType::Float64);
        assert_eq!(of("a=5", float).unwrap(), Value::Float64(5.0));
        assert_eq!(of("a=5", ValueType::Scalar(ScalarType::String)).unwrap(), Value::String("5".to_owned()));
        assert_eq!(of("a:int64=5", float).unwrap(), Value::Int64(5), "the library says that it is another type");
        assert_eq!(of("b=5", float).unwrap(), Value::String("5".to_owned()));
        let items = [0.5, 2.0].map(Value::Float64).to_vec();
        let floats = ValueType::List(ScalarType::Float64);
        assert_eq!(of("a=[0.5, 2]", floats).unwrap(), Value::List(ScalarType::Float64, items));
        for text in ["a=[0.5", "a=null", "a=0.5"] {
            assert!(of(text, floats).unwrap_err().to_string().contains("is list<float64>, in JSON"), "{text}");
        }
        assert_eq!(of("a=x", float).unwrap_err().to_string(), "request value \"a\" is float64: \"x\"");
    }
}
