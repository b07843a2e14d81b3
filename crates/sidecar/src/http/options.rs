//! Limits of the HTTP door.

use std::time::Duration;

use asofdb::{Error, Result};

use super::token::HttpToken;
use crate::access::Access;

/// Options of the HTTP door.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The users that may connect to the Unix socket, and whether anybody may write.
    pub access: Access,
    /// The token that callers over TCP must have. Without one only loopback addresses are served.
    pub token: Option<HttpToken>,
    /// Most bytes of a request's body; a longer one is answered 413.
    pub body_bytes_max: usize,
    /// Most bytes of all bodies and answers that are held at one time, an answer until its client has read it; a request
    /// that would go over it is answered 503.
    pub memory_bytes_max: usize,
    /// Most bytes of one answer; a request for more is answered 422.
    pub answer_bytes_max: usize,
    /// Most connections; further ones are closed at once.
    pub connections_max: usize,
    /// Most requests that work at one time; further ones are answered 503.
    pub requests_in_flight_max: usize,
    /// Most values, entities times features, of one answer; a request for more is answered 422.
    pub answer_values_max: usize,
    /// The longest time that a client may take to send the head of a request, and how long it may be idle between two.
    pub header_timeout: Duration,
    /// The longest time that a client may take to send a body; then it is answered 408.
    pub body_timeout: Duration,
    /// The longest time that a client may not read an answer; then its connection is closed. A client that reads less than
    /// 256 KiB a second uses it up bit by bit.
    pub stall_timeout: Duration,
    /// The longest time that a request may take in all; then it is answered 503, though its work goes on to its end.
    pub request_timeout: Duration,
}

impl HttpOptions {
    /// A training set's worth of rows belongs into bulk loading, not into one request.
    pub const BODY_BYTES_MAX_DEFAULT: usize = 16 << 20;
    /// One of the longest bodies with what is made of it, and four of the longest answers besides.
    pub const MEMORY_BYTES_MAX_DEFAULT: usize = 512 << 20;
    /// More than the values of an answer take, unless they are long texts.
    pub const ANSWER_BYTES_MAX_DEFAULT: usize = 64 << 20;
    /// Some Feast clients with their pools of fifty.
    pub const CONNECTIONS_MAX_DEFAULT: usize = 512;
    /// Each takes a thread while it works; more than these only wait for the cores.
    pub const REQUESTS_IN_FLIGHT_MAX_DEFAULT: usize = 64;
    /// 2,500 entities of 100 features: some 25 MB of JSON.
    pub const ANSWER_VALUES_MAX_DEFAULT: usize = 250_000;
    /// Heads are small: who takes longer is not sending one.
    pub const HEADER_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
    /// The longest body over a slow network.
    pub const BODY_TIMEOUT_DEFAULT: Duration = Duration::from_secs(20);
    /// As the native protocol has it.
    pub const STALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
    /// Longer than any point read or write takes; Feast's clients wait for ever.
    pub const REQUEST_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

    /// Refuses values that would serve nobody.
    pub(super) fn check(&self) -> Result<()> {
        for (name, value) in [
            ("body_bytes_max", self.body_bytes_max),
            ("memory_bytes_max", self.memory_bytes_max),
            ("answer_bytes_max", self.answer_bytes_max),
            ("connections_max", self.connections_max),
            ("requests_in_flight_max", self.requests_in_flight_max),
            ("answer_values_max", self.answer_values_max),
        ] {
            if value == 0 || u32::try_from(value).is_err() {
                return Err(Error::invalid(format!("option {name} is from 1 to {}: {value}", u32::MAX)));
            }
        }
        for (name, one) in [("body_bytes_max", self.body_bytes_max), ("answer_bytes_max", self.answer_bytes_max)] {
            if self.memory_bytes_max < one {
                let all = self.memory_bytes_max;
                return Err(Error::invalid(format!("option memory_bytes_max is at least {name}, {one}: {all}")));
            }
        }
        for (name, value) in [
            ("header_timeout", self.header_timeout),
            ("body_timeout", self.body_timeout),
            ("stall_timeout", self.stall_timeout),
            ("request_timeout", self.request_timeout),
        ] {
            if value.is_zero() {
                return Err(Error::invalid(format!("option {name} is above zero")));
            }
        }
        Ok(())
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            access: Access::default(),
            token: None,
            body_bytes_max: Self::BODY_BYTES_MAX_DEFAULT,
            memory_bytes_max: Self::MEMORY_BYTES_MAX_DEFAULT,
            answer_bytes_max: Self::ANSWER_BYTES_MAX_DEFAULT,
            connections_max: Self::CONNECTIONS_MAX_DEFAULT,
            requests_in_flight_max: Self::REQUESTS_IN_FLIGHT_MAX_DEFAULT,
            answer_values_max: Self::ANSWER_VALUES_MAX_DEFAULT,
            header_timeout: Self::HEADER_TIMEOUT_DEFAULT,
            body_timeout: Self::BODY_TIMEOUT_DEFAULT,
            stall_timeout: Self::STALL_TIMEOUT_DEFAULT,
            request_timeout: Self::REQUEST_TIMEOUT_DEFAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_would_serve_nobody_are_refused_by_name() {
        HttpOptions::default().check().unwrap();
        let message = |options: HttpOptions| options.check().unwrap_err().to_string();
        assert_eq!(
            message(HttpOptions { connections_max: 0, ..HttpOptions::default() }),
            "option connections_max is from 1 to 4294967295: 0"
        );
        assert_eq!(
            message(HttpOptions { memory_bytes_max: 1, ..HttpOptions::default() }),
            "option memory_bytes_max is at least body_bytes_max, 16777216: 1"
        );
        assert_eq!(
            message(HttpOptions { body_timeout: Duration::ZERO, ..HttpOptions::default() }),
            "option body_timeout is above zero"
        );
    }
}
