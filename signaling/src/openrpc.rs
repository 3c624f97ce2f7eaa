//! The OpenRPC document, made from the types and the method table of the protocol.
//!
//! Source: OpenRPC specification 1.3.2.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::protocol::{EVENTS_METHOD, ErrorCode, METHODS, MethodSpec, PROTOCOL_VERSION, SignalingEvent};

/// Describes the protocol as an OpenRPC document.
///
/// Events are a notification from the server to the client, which OpenRPC has no word for: they stand in the
/// extension `x-notifications`.
pub fn openrpc_document() -> Value {
    let mut generator = SchemaSettings::draft07().with(openrpc_paths).into_generator();
    // The schemas first, then their definitions: a definition is complete only when all have been asked for.
    let schemas: Vec<_> = METHODS.iter().map(|m| MethodSchemas::new(m, &mut generator)).collect();
    let subscription = generator.subschema_for::<u64>();
    let event = generator.subschema_for::<SignalingEvent>();
    let definitions = Value::Object(generator.take_definitions(true));
    let methods: Vec<_> = METHODS.iter().zip(schemas).map(|(m, s)| describe(m, s, &definitions)).collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "RemoteMedia signaling",
            "version": format!("{PROTOCOL_VERSION}.0.0"),
            "description": "JSON-RPC 2.0 over WebSocket, one JSON object per text frame, parameters by name.",
            "license": {"name": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [{"name": "signaling", "url": "ws://localhost/ws"}],
        "methods": methods,
        "x-notifications": [{
            "name": EVENTS_METHOD,
            "summary": "An event of the subscription.",
            "params": [
                {"name": "subscription", "required": true, "schema": subscription},
                {"name": "result", "required": true, "schema": event},
            ],
        }],
        "components": {"schemas": definitions},
    })
}

fn openrpc_paths(settings: &mut SchemaSettings) {
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
}

/// References to the schemas of one method.
struct MethodSchemas {
    params: Option<Value>,
    result: Value,
}

impl MethodSchemas {
    fn new(method: &MethodSpec, generator: &mut SchemaGenerator) -> Self {
        let params = method.params.map(|schema| schema(generator).to_value());
        Self { params, result: (method.result)(generator).to_value() }
    }
}

fn describe(method: &MethodSpec, schemas: MethodSchemas, definitions: &Value) -> Value {
    let params = schemas.params.map(|reference| {
        let name = reference["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        content_descriptors(&definitions[name.expect("the parameters of a method are a named type")])
    });
    let errors = method.errors.iter().chain(ERRORS_OF_ALL).map(|code| code.openrpc());
    json!({
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "by-name",
        "params": params.unwrap_or_default(),
        "result": {"name": "result", "schema": schemas.result},
        "errors": errors.collect::<Vec<_>>(),
    })
}

/// Turns the schema of a parameter object into one content descriptor per parameter.
fn content_descriptors(object: &Value) -> Vec<Value> {
    let required = object["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(properties) = object["properties"].as_object() else { return Vec::new() };
    // OpenRPC wants the required ones first.
    let mut descriptors: Vec<Value> = properties
        .iter()
        .map(|(name, schema)| {
            json!({"name": name, "required": required.iter().any(|r| r == name), "schema": schema})
        })
        .collect();
    descriptors.sort_by_key(|descriptor| descriptor["required"] != true);
    descriptors
}

/// Errors that any request can get.
const ERRORS_OF_ALL: &[ErrorCode] = &[
    ErrorCode::ParseError,
    ErrorCode::InvalidRequest,
    ErrorCode::MethodNotFound,
    ErrorCode::InvalidParams,
    ErrorCode::InternalError,
    ErrorCode::MessageTooLarge,
    ErrorCode::RateLimited,
    ErrorCode::TooManyConnections,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = openrpc_document();
        let mut references = BTreeSet::new();
        collect_references(&document, &mut references);
        assert!(references.contains("#/components/schemas/PeerInfo"), "{references:?}");
        for reference in references {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn a_parameter_says_whether_it_is_required() {
        let document = openrpc_document();
        let methods = document["methods"].as_array().expect("methods");
        let announce = methods.iter().find(|m| m["name"] == "peer.announce").expect("peer.announce");
        let required = |name: &str| {
            let params = announce["params"].as_array().expect("params");
            params.iter().find(|p| p["name"] == name).expect(name)["required"].clone()
        };
        assert_eq!((required("session"), required("resume_token")), (true.into(), false.into()));
    }

    #[test]
    fn every_error_code_stands_with_some_method() {
        let document = openrpc_document();
        for code in ErrorCode::ALL {
            let methods = document["methods"].as_array().expect("methods");
            let mut errors = methods.iter().flat_map(|m| m["errors"].as_array().expect("errors"));
            assert!(errors.any(|e| e["code"] == code.code()), "{code} stands nowhere");
        }
    }

    fn collect_references(value: &Value, references: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    references.insert(reference.clone());
                }
                map.values().for_each(|v| collect_references(v, references));
            }
            Value::Array(items) => items.iter().for_each(|v| collect_references(v, references)),
            _ => {}
        }
    }
}
