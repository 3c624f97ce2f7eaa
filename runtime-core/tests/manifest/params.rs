//! Params against their type's schema.

use std::sync::Arc;

use remotemedia_runtime_core::data::{NodeId, SessionId};
use remotemedia_runtime_core::manifest::{ManifestFault, ParamSpec};
use remotemedia_runtime_core::node::NodeContext;
use remotemedia_runtime_core::shm::HeapPool;
use serde_json::{Value, json};

use crate::fixture::{
    assert_fault, assert_faults, assert_hint, assert_valid, assert_warnings, document, pipeline, registry,
};

fn blur(params: Value) -> Value {
    pipeline(json!([{"id": "a", "node_type": "Blur", "params": params}]), json!([]))
}

#[track_caller]
fn refused(params: Value, path: &str) -> ManifestFault {
    assert_fault(&blur(params), "invalid_param", &format!("$.nodes[0].params{path}"))
}

#[test]
fn numbers_are_taken_at_their_limits_and_refused_one_past_them() {
    for radius in [1, 99] {
        assert_valid(&blur(json!({"radius": radius})));
    }
    for radius in
        [json!(0), json!(100), json!(-1), json!(5_000_000_000_u64), json!(1.5), json!("8"), json!(true)]
    {
        assert_eq!(refused(json!({"radius": radius}), ".radius").expected, "a whole number from 1 to 99");
    }
    for feather in [json!(0), json!(1), json!(0.0), json!(1.0), json!(0.25)] {
        assert_valid(&blur(json!({"edge_feather": feather})));
    }
    for feather in [json!(-0.001), json!(1.001), json!([0.5])] {
        assert_eq!(
            refused(json!({"edge_feather": feather}), ".edge_feather").expected,
            "a number from 0 to 1"
        );
    }
}

#[test]
fn integer_types_bound_what_the_schema_does_not() {
    assert_valid(&blur(json!({"threads": 255, "area": {"width": 65_535}})));
    assert_eq!(refused(json!({"threads": 256}), ".threads").expected, "a whole number from 1 to 255");
    assert_eq!(
        refused(json!({"area": {"width": 65_536}}), ".area.width").expected,
        "a whole number from 0 to 65535"
    );
}

#[test]
fn a_whole_number_written_with_a_fraction_of_zero_is_one() {
    let checked = document(&blur(json!({"radius": 12.0}))).check(&registry()).expect("valid");
    assert_eq!(checked.graph.nodes[0].params["radius"].to_string(), "12");
}

#[test]
fn choices_are_refused_with_the_nearest() {
    assert_valid(&blur(json!({"mode": "fast", "fallback": "good"})));
    let fault = refused(json!({"mode": "god"}), ".mode");
    assert_eq!(fault.expected, "\"fast\" or \"good\"");
    assert_hint(&fault, "did you mean \"good\"?");
    let fault = refused(json!({"fallback": "fats"}), ".fallback");
    assert_eq!((fault.expected.as_str(), fault.got.as_str()), ("\"fast\" or \"good\"", "\"fats\""));
}

#[test]
fn null_is_taken_where_a_param_is_optional_and_only_there() {
    assert_valid(&blur(json!({"fallback": null, "threads": null, "area": null})));
    refused(json!({"radius": null}), ".radius");
}

#[test]
fn nested_params_are_refused_with_their_whole_path() {
    refused(json!({"weights": [1, "2", 3]}), ".weights[1]");
    assert_eq!(refused(json!({"weights": []}), ".weights").expected, "a list of 1 to 3 items, each a number");
    refused(json!({"weights": [1, 2, 3, 4]}), ".weights");
    let fault = refused(json!({"area": {"height": 3}}), ".area.width");
    assert_eq!((fault.expected.as_str(), fault.got.as_str()), ("a whole number from 0 to 65535", "nothing"));
    assert_eq!(refused(json!({"area": 7}), ".area").expected, "an object of height, width");
    assert_valid(&blur(json!({"label": "ü".repeat(8)})));
    refused(json!({"label": "ü".repeat(9)}), ".label");
}

#[test]
fn text_where_a_number_or_boolean_belongs_gets_a_hint() {
    assert_hint(&refused(json!({"radius": "8"}), ".radius"), "write 8 without quotes");
    assert_hint(&refused(json!({"bypass": "true"}), ".bypass"), "write true without quotes");
}

#[test]
fn every_violation_is_reported() {
    let params = json!({"radius": 0, "edgeFeather": 2, "mode": 3, "weights": [], "bypass": 1});
    let expected = ["bypass", "edgeFeather", "mode", "radius", "weights"];
    let paths: Vec<_> = expected.iter().map(|name| format!("$.nodes[0].params.{name}")).collect();
    let expected: Vec<_> = paths.iter().map(|path| ("invalid_param", path.as_str())).collect();
    assert_faults(&blur(params), &expected);
}

#[test]
fn params_that_fit_the_schema_but_not_each_other_are_refused_beside_other_faults() {
    let crop = |params| pipeline(json!([{"id": "a", "node_type": "Crop", "params": params}]), json!([]));
    assert_valid(&crop(json!({"left": 9, "right_edge": 10})));
    let fault = assert_fault(
        &crop(json!({"left": 10, "rightEdge": 10})),
        "invalid_param",
        "$.nodes[0].params.rightEdge",
    );
    assert_eq!((fault.expected.as_str(), fault.got.as_str()), ("more than left (10)", "10"));
    let fault = assert_fault(&crop(json!({"left": 100})), "invalid_param", "$.nodes[0].params.right_edge");
    assert_eq!(fault.got, "100, the default");

    let two = pipeline(
        json!([
            {"id": "a", "node_type": "Crop", "params": {"left": 100}},
            {"id": "b", "node_type": "Blur", "params": {"radius": 0}},
            {"id": "c", "node_type": "Crop", "params": {"left": -1, "right_edge": 0}},
        ]),
        json!([]),
    );
    let expected = [
        ("invalid_param", "$.nodes[0].params.right_edge"),
        ("invalid_param", "$.nodes[1].params.radius"),
        ("invalid_param", "$.nodes[2].params.left"),
    ];
    assert_faults(&two, &expected);
}

#[test]
fn a_node_is_neither_made_nor_changed_with_params_that_it_refuses() {
    let registry = registry();
    let factory = registry.factory("Crop").expect("registered");
    let context = NodeContext {
        node_id: NodeId::new("a").expect("a valid name"),
        session_id: SessionId::new("s").expect("a valid name"),
        stream: None,
        pool: Arc::new(HeapPool::default()),
    };
    let words = "param right_edge is 3, expected more than left (3)";
    let bad = json!({"left": 3, "rightEdge": 3});
    assert_eq!(factory.create(&bad, &context).err().map(|error| error.to_string()).as_deref(), Some(words));
    let mut made = factory.create(&json!(null), &context).expect("the defaults fit");
    assert_eq!(made.reconfigure(&bad).expect_err("refused").to_string(), words);
}

#[test]
fn keys_may_be_camel_case_and_reach_the_node_in_snake_case() {
    let checked = document(&blur(json!({"edgeFeather": 0.5}))).check(&registry()).expect("valid");
    assert_eq!(checked.graph.nodes[0].params, json!({"edge_feather": 0.5}));
    refused(json!({"edgeFeather": 2}), ".edgeFeather");
    let both = blur(json!({"edgeFeather": 0.5, "edge_feather": 0.5}));
    assert_fault(&both, "duplicate_field", "$.nodes[0].params.edgeFeather");
}

#[test]
fn unknown_params_are_warned_of_with_the_nearest() {
    let manifest = blur(json!({"raduis": 3, "edgeFeathr": 1, "colour space": 1}));
    let expected = [
        ("unknown_param", "$.nodes[0].params['colour space']"),
        ("unknown_param", "$.nodes[0].params.edgeFeathr"),
        ("unknown_param", "$.nodes[0].params.raduis"),
    ];
    let warnings = assert_warnings(&manifest, &expected);
    assert_hint(&warnings[0], "no effect");
    assert_hint(&warnings[1], "did you mean \"edge_feather\"?");
    assert_hint(&warnings[2], "did you mean \"radius\"?");

    let none = pipeline(json!([{"id": "a", "node_type": "Any", "params": {"x": 1}}]), json!([]));
    assert_warnings(&none, &[("unknown_param", "$.nodes[0].params.x")]);
}

#[test]
fn a_type_that_refuses_unknown_params_makes_them_errors() {
    let save = |params| pipeline(json!([{"id": "a", "node_type": "Save", "params": params}]), json!([]));
    assert_valid(&save(json!({"path": "x"})));
    let fault = assert_fault(&save(json!({"path": "x", "pth": 1})), "invalid_param", "$.nodes[0].params.pth");
    assert_hint(&fault, "did you mean \"path\"?");
    assert_fault(&save(json!({})), "invalid_param", "$.nodes[0].params.path");
    assert_fault(&save(json!(null)), "invalid_param", "$.nodes[0].params.path");
}

#[test]
fn a_type_whose_schema_is_broken_is_named_as_the_cause() {
    let broken = pipeline(json!([{"id": "a", "node_type": "Broken"}]), json!([]));
    let fault = assert_fault(&broken, "unusable_schema", "$.nodes[0].node_type");
    assert_hint(&fault, "author");
    assert_valid(&pipeline(json!([{"id": "a", "node_type": "Free", "params": {"any": "thing"}}]), json!([])));
}

#[test]
fn params_are_described_for_people() {
    let registry = registry();
    let params = ParamSpec::all_of(&**registry.factory("Blur").expect("registered"));
    let radius = params.iter().find(|param| param.name == "radius").expect("there");
    assert_eq!(radius.expected, "a whole number from 1 to 99");
    assert_eq!((radius.default.as_ref(), radius.required), (Some(&json!(8)), false));
    assert_eq!(radius.doc, "How far it blurs.");
    let feather = params.iter().find(|param| param.name == "edge_feather").expect("there");
    assert_eq!(feather.default.as_ref().map(Value::to_string).as_deref(), Some("0.3"));
    let path = ParamSpec::all_of(&**registry.factory("Save").expect("registered"));
    assert!(path[0].required && path[0].default.is_none());
    assert_eq!(ParamSpec::all_of(&**registry.factory("Free").expect("registered")), []);
}
