//! How long the steps of a session may take.

use std::time::Duration;

/// How long the steps of a session may take. Together, draining and joining bound its close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionDeadlines {
    /// For the nodes that are there from the start to be made. Default 10 s: models load slowly.
    pub start: Duration,
    /// For what is under way to get through, at the end of the session or of a stream. Default 800 ms.
    pub drain: Duration,
    /// For what did not to stop after that. Default 150 ms; a node that takes longer is named in the
    /// report and left behind.
    pub join: Duration,
    /// For a node to answer to new params. Default 2 s: it may be at work on an item first.
    pub answer: Duration,
    /// For the one item of a unary call to get through. Default 30 s.
    pub unary: Duration,
}

impl Default for SessionDeadlines {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(10),
            drain: Duration::from_millis(800),
            join: Duration::from_millis(150),
            answer: Duration::from_secs(2),
            unary: Duration::from_secs(30),
        }
    }
}
