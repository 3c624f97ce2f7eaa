//! Why params cannot be used although they may fit their schema.

/// Why a node type does not take its params.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// A param has a value that the node cannot work with, by itself or beside the others.
    #[error("param {param} is {got}, expected {expected}")]
    Value {
        /// The param's name, in snake_case.
        param: &'static str,
        /// What it is.
        got: String,
        /// What would do.
        expected: String,
    },
    /// The params do not have the shape that the node's schema asks for.
    #[error("params do not fit the node")]
    Shape(#[source] serde_json::Error),
}
