//! Statistics of views, within messages.

use asofdb::{Error, ProfileSample, Result, ViewProfile, ViewStatistics};

use crate::codec::{Decode, Encode};

/// Asks for the statistics that are kept of a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StatisticsRequest {
    /// Name of the view.
    pub view: String,
}

/// Asks the sidecar to take the statistics of a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ProfileRequest {
    /// Name of the view.
    pub view: String,
    /// Most entities of the sample; `None`: all.
    pub entities: Option<u64>,
}

/// Statistics of a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StatisticsMessage {
    view: String,
    /// The record of the statistics, as the store keeps it.
    profile: Option<Vec<u8>>,
    outdated: Vec<String>,
    withheld: Vec<String>,
}

impl ProfileRequest {
    /// A request for statistics of a sample.
    pub fn new(view: &str, sample: ProfileSample) -> Self {
        let entities = match sample {
            ProfileSample::All => None,
            ProfileSample::Entities(count) => Some(count as u64),
        };
        ProfileRequest { view: view.to_owned(), entities }
    }

    /// The sample that is asked for.
    pub fn sample(&self) -> ProfileSample {
        let entities = |count| ProfileSample::Entities(usize::try_from(count).unwrap_or(usize::MAX));
        self.entities.map_or(ProfileSample::All, entities)
    }
}

impl TryFrom<ViewStatistics> for StatisticsMessage {
    type Error = Error;

    fn try_from(statistics: ViewStatistics) -> Result<Self> {
        let ViewStatistics { view, profile, outdated, withheld } = statistics;
        let profile = profile.map(|profile| profile.encode()).transpose()?;
        Ok(StatisticsMessage { view, profile, outdated, withheld })
    }
}

impl TryFrom<StatisticsMessage> for ViewStatistics {
    type Error = Error;

    fn try_from(message: StatisticsMessage) -> Result<Self> {
        let StatisticsMessage { view, profile, outdated, withheld } = message;
        let profile = profile.map(|record| ViewProfile::decode(&record)).transpose()?;
        Ok(ViewStatistics { view, profile, outdated, withheld })
    }
}

#[cfg(test)]
mod tests {
    use asofdb::Timestamp;

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn statistics_travel_as_these_bytes_and_come_back() {
        let taken = Timestamp::from_micros(1);
        let (of_entities, size, events, features) = (None, None, None, Vec::new());
        let profile = ViewProfile { taken, revision: 2, entities: 3, of_entities, size, events, features };
        let record = profile.encode().unwrap();
        let [view, outdated, withheld] = ["v", "o", "w"].map(str::to_owned);
        let statistics =
            ViewStatistics { view, profile: Some(profile), outdated: vec![outdated], withheld: vec![withheld] };
        let bytes = encoded_message(&StatisticsMessage::try_from(statistics.clone()).unwrap()).unwrap();
        let number = |number: u64| number.to_le_bytes().to_vec();
        let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
        let profile = [vec![1], number(record.len() as u64), record].concat();
        assert_eq!(bytes, [text("v"), profile, number(1), text("o"), number(1), text("w")].concat());
        let back = ViewStatistics::try_from(decode_message::<StatisticsMessage>(&bytes).unwrap());
        assert_eq!(back.unwrap(), statistics);
    }

    #[test]
    fn samples_travel_as_their_number_of_entities() {
        for (sample, bytes) in
            [(ProfileSample::All, &[0][..]), (ProfileSample::Entities(5), &[1, 5, 0, 0, 0, 0, 0, 0, 0])]
        {
            let request = ProfileRequest::new("v", sample);
            assert_eq!(encoded_message(&request).unwrap(), [&[1, 0, 0, 0, 0, 0, 0, 0, b'v'], bytes].concat());
            assert_eq!(request.sample(), sample);
        }
    }
}
