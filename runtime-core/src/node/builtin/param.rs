//! Checks of param values, for params that reach a node without having passed a schema.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::node::ParamError;

/// Refuses a `value` that does not lie in `range`.
pub(super) fn in_range<T: PartialOrd + Display>(
    param: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), ParamError> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("{} to {}", range.start(), range.end());
    Err(ParamError::Value { param, got: value.to_string(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_range_are_taken_and_what_lies_past_them_is_refused_by_value() {
        assert!(in_range("radius", 0, 0..=64).is_ok() && in_range("radius", 64, 0..=64).is_ok());
        let refused = in_range("radius", 65, 0..=64).expect_err("one past the end");
        assert_eq!(refused.to_string(), "param radius is 65, expected 0 to 64");
        assert!(in_range("gain_db", f32::NAN, -60.0..=30.0).is_err());
    }
}
