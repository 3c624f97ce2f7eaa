//! Arithmetic on JSON, for unary calls and for trying a pipeline out.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::data::{DataKind, RuntimeData, TransportData};
use crate::node::{Node, NodeContext, NodeError, NodeSpec, Outputs, PortSpec};

/// Computes one operation per JSON item.
///
/// In: `{"op": "add", "a": 2, "b": 3}`, or with any number of operands, taken from left to right,
/// `{"operation": "add", "operands": [2, 3, 4]}`. Out: `{"operation": "add", "operands": [2, 3], "result": 5}`.
/// Numbers are 64-bit floats; a result without a fraction comes out as an integer while it is exact.
#[derive(Debug)]
pub struct Calculator;

/// [`Calculator`] takes no params.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct CalculatorParams {}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalculatorError {
    /// The item is not of one of the two shapes.
    #[error("{got} is not {{\"op\", \"a\", \"b\"}} or {{\"operation\", \"operands\"}}")]
    Shape {
        /// The item, shortened.
        got: String,
    },
    /// The operation is none that the node knows.
    #[error("operation {operation:?} is unknown, expected one of {}", Operation::NAMES.join(", "))]
    UnknownOperation {
        /// What was asked for.
        operation: String,
    },
    /// An operand is not a number.
    #[error("operand {position} is {got}, expected a number")]
    NotANumber {
        /// Its position, from 0 (`a` is 0).
        position: usize,
        /// What it is, shortened.
        got: String,
    },
    /// There are fewer operands than two.
    #[error("{operation} needs at least 2 operands, got {got}")]
    TooFewOperands {
        /// The operation.
        operation: &'static str,
        /// Number of operands given.
        got: usize,
    },
    /// The divisor is 0.
    #[error("{dividend} cannot be divided by zero")]
    DivisionByZero {
        /// What was to be divided.
        dividend: f64,
    },
    /// The result is not a finite number.
    #[error("{operation} of {operands:?} is not a finite number")]
    NotFinite {
        /// The operation.
        operation: &'static str,
        /// Its operands.
        operands: Vec<f64>,
    },
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Min,
    Max,
}

/// Largest integer up to which every integer is a 64-bit float: 2^53.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Longest piece of a wrong item that stands in an error, characters.
const MAX_QUOTED: usize = 80;

impl Node for Calculator {
    type Params = CalculatorParams;

    const SPEC: NodeSpec = NodeSpec::new("Calculator", "Computes one arithmetic operation per JSON item.")
        .inputs(&[PortSpec::new("in", &[DataKind::Json])])
        .outputs(&[PortSpec::new("out", &[DataKind::Json])]);

    fn create(_: Self::Params, _: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self)
    }

    fn process(&mut self, port: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let RuntimeData::Json(request) = &item.data else {
            return Err(NodeError::Kind { port: port.to_owned(), kind: item.data.kind() });
        };
        let answer = answer(request).map_err(NodeError::failed)?;
        outputs.send(item.with_data(answer));
        Ok(())
    }

    fn reconfigure(&mut self, _: Self::Params) -> Result<(), NodeError> {
        Ok(())
    }
}

impl Operation {
    const NAMES: [&str; 8] = ["add", "subtract", "multiply", "divide", "remainder", "power", "min", "max"];

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "add" => Self::Add,
            "subtract" => Self::Subtract,
            "multiply" => Self::Multiply,
            "divide" => Self::Divide,
            "remainder" => Self::Remainder,
            "power" => Self::Power,
            "min" => Self::Min,
            "max" => Self::Max,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    fn apply(self, a: f64, b: f64) -> Result<f64, CalculatorError> {
        if matches!(self, Self::Divide | Self::Remainder) && b == 0.0 {
            return Err(CalculatorError::DivisionByZero { dividend: a });
        }
        Ok(match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Remainder => a % b,
            Self::Power => a.powf(b),
            Self::Min => a.min(b),
            Self::Max => a.max(b),
        })
    }
}

fn answer(request: &Value) -> Result<Value, CalculatorError> {
    let field = |name, other| request.get(name).or_else(|| request.get(other));
    let shape = || CalculatorError::Shape { got: quoted(request) };
    let name = field("op", "operation").and_then(Value::as_str).ok_or_else(shape)?;
    let operation = Operation::parse(name).ok_or_else(|| CalculatorError::UnknownOperation {
        operation: name.chars().take(MAX_QUOTED).collect(),
    })?;
    let given: Vec<&Value> = match (request.get("operands"), request.get("a"), request.get("b")) {
        (Some(Value::Array(operands)), None, None) => operands.iter().collect(),
        (None, Some(a), Some(b)) => vec![a, b],
        _ => return Err(shape()),
    };
    let number = |(position, value): (usize, &&Value)| {
        value.as_f64().ok_or_else(|| CalculatorError::NotANumber { position, got: quoted(value) })
    };
    let operands: Vec<f64> = given.iter().enumerate().map(number).collect::<Result<_, _>>()?;
    let operation_name = operation.name();
    let [first, rest @ ..] = operands.as_slice() else {
        return Err(CalculatorError::TooFewOperands { operation: operation_name, got: 0 });
    };
    if rest.is_empty() {
        return Err(CalculatorError::TooFewOperands { operation: operation_name, got: 1 });
    }
    let result = rest.iter().try_fold(*first, |a, &b| operation.apply(a, b))?;
    if !result.is_finite() {
        return Err(CalculatorError::NotFinite { operation: operation_name, operands });
    }
    Ok(json!({ "operation": operation_name, "operands": given, "result": number_value(result) }))
}

fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= MAX_EXACT_INTEGER {
        return Value::from(number as i64);
    }
    Value::from(number)
}

fn quoted(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::builtin::input::tests::{make, run};

    #[test]
    fn each_operation_computes_in_either_spelling() {
        for (operation, a, b, expected) in [
            ("add", json!(2), json!(3), json!(5)),
            ("subtract", json!(2), json!(3.5), json!(-1.5)),
            ("multiply", json!(6), json!(7), json!(42)),
            ("divide", json!(1), json!(4), json!(0.25)),
            ("remainder", json!(7), json!(4), json!(3)),
            ("power", json!(2), json!(10), json!(1024)),
            ("min", json!(2), json!(-3), json!(-3)),
            ("max", json!(2), json!(-3), json!(2)),
        ] {
            for request in [
                json!({"op": operation, "a": a, "b": b}),
                json!({"operation": operation, "operands": [a, b]}),
            ] {
                let result = answer(&request).expect("computes");
                let expected = json!({"operation": operation, "operands": [a, b], "result": expected});
                assert_eq!(result, expected, "{request}");
            }
        }
    }

    #[test]
    fn more_than_two_operands_are_taken_from_left_to_right() {
        let result = answer(&json!({"operation": "subtract", "operands": [10, 2, 3]})).expect("computes");
        assert_eq!(result["result"], json!(5));
    }

    #[test]
    fn wrong_requests_are_refused_by_value() {
        for (request, message) in [
            (json!({"op": "divide", "a": 5, "b": 0}), "5 cannot be divided by zero"),
            (
                json!({"op": "plus", "a": 5, "b": 0}),
                "operation \"plus\" is unknown, expected one of add, subtract, multiply, divide, remainder, power, min, max",
            ),
            (json!({"op": "add", "a": "5", "b": 0}), "operand 0 is \"5\", expected a number"),
            (json!({"operation": "add", "operands": [5]}), "add needs at least 2 operands, got 1"),
            (json!({"operation": "add", "operands": []}), "add needs at least 2 operands, got 0"),
            (json!({"op": "power", "a": 1e300, "b": 2}), "power of [1e300, 2.0] is not a finite number"),
            (
                json!({"op": "add", "a": 5}),
                r#"{"a":5,"op":"add"} is not {"op", "a", "b"} or {"operation", "operands"}"#,
            ),
            (json!([1]), r#"[1] is not {"op", "a", "b"} or {"operation", "operands"}"#),
        ] {
            assert_eq!(answer(&request).expect_err("no result").to_string(), message);
        }
    }

    #[test]
    fn a_long_wrong_request_is_quoted_shortened() {
        let message = answer(&json!("ü".repeat(1000))).expect_err("no result").to_string();
        assert!(message.len() < 300 && message.contains('…'), "{message}");
    }

    #[test]
    fn the_node_answers_json_and_refuses_text() {
        let mut node: Calculator = make(json!({})).expect("no params");
        let out = run(&mut node, json!({"op": "add", "a": 1, "b": 1})).expect("computes");
        let [("out", RuntimeData::Json(answer))] = out.as_slice() else { panic!("{out:?}") };
        assert_eq!(answer["result"], 2);
        assert!(run(&mut node, RuntimeData::text("1 + 1")).is_err());
    }
}
