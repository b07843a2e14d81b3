//! Reads of models, within messages.

use asofdb::{ModelKey, ModelRow, UsageOf};

use super::usage::CountsMessage;
use super::value::TimeMessage;
use crate::codec::{Decode, Encode};

/// Asks what models have read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ModelsRequest;

/// The reads of one thing by one version of a model.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ModelRowMessage {
    model: String,
    is_service: bool,
    name: String,
    consumer: String,
    serving: CountsMessage,
    training: CountsMessage,
    exports: CountsMessage,
    last: TimeMessage,
}

impl From<ModelRow> for ModelRowMessage {
    fn from(row: ModelRow) -> Self {
        ModelRowMessage {
            model: row.key.model,
            is_service: row.key.of == UsageOf::Service,
            name: row.key.name,
            consumer: row.key.consumer,
            serving: row.serving.into(),
            training: row.training.into(),
            exports: row.exports.into(),
            last: row.last.into(),
        }
    }
}

impl From<ModelRowMessage> for ModelRow {
    fn from(message: ModelRowMessage) -> Self {
        let of = if message.is_service { UsageOf::Service } else { UsageOf::View };
        ModelRow {
            key: ModelKey { model: message.model, of, name: message.name, consumer: message.consumer },
            serving: message.serving.into(),
            training: message.training.into(),
            exports: message.exports.into(),
            last: message.last.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use asofdb::{Timestamp, UsageCounts};

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn reads_of_models_travel_as_these_bytes() {
        assert!(encoded_message(&ModelsRequest).unwrap().is_empty());
        let key = ModelKey { model: "m/1".into(), of: UsageOf::Service, name: "r".into(), consumer: "c".into() };
        let counts = |calls, rows| UsageCounts { calls, rows };
        let (serving, training, exports) = (counts(2, 3), counts(4, 5), counts(6, 7));
        let row = ModelRow { key, serving, training, exports, last: Timestamp::from_micros(8) };
        let bytes = encoded_message(&ModelRowMessage::from(row.clone())).unwrap();
        let number = |number: u64| number.to_le_bytes().to_vec();
        let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
        let start = [text("m/1"), vec![1], text("r"), text("c")].concat();
        assert_eq!(bytes, [start, [2, 3, 4, 5, 6, 7, 8].map(number).concat()].concat());
        assert_eq!(ModelRow::from(decode_message::<ModelRowMessage>(&bytes).unwrap()), row);
    }
}
