//! The page for those who write a client, `docs/signaling.md`, against the protocol's types.

use std::collections::BTreeSet;

use remotemedia_signaling::openrpc_document;
use remotemedia_signaling::protocol::{EVENTS_METHOD, ErrorCode, METHODS};
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/signaling.md");

/// Returns what stands below a heading, up to the next of the same or a higher level.
fn section(heading: &str) -> &'static str {
    let start = PAGE.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let text = &PAGE[start + heading.len() + 2..];
    let level = heading.bytes().take_while(|&b| b == b'#').count();
    let end = (2..=level).filter_map(|level| text.find(&format!("\n{} ", "#".repeat(level)))).min();
    &text[..end.unwrap_or(text.len())]
}

/// Returns the first cells of the tables in a section, without their backquotes.
fn first_cells(section: &str) -> BTreeSet<&str> {
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    rows.map(|cell| cell.trim_matches('`')).filter(|cell| !cell.is_empty()).collect()
}

/// That the table has the methods of the trait and no others, the server's own tests show.
#[test]
fn every_method_has_a_section_and_no_other_has() {
    let documented: BTreeSet<&str> = section("## Methods")
        .lines()
        .filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
        .collect();
    let methods: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
    assert_eq!(documented, methods);
}

#[test]
fn a_methods_section_names_its_parameters_and_the_errors_of_its_own() {
    let document = openrpc_document();
    let described = document["methods"].as_array().expect("methods");
    for (method, described) in METHODS.iter().zip(described) {
        let section = section(&format!("### `{}`", method.name));
        assert_eq!(described["name"], method.name);
        for param in described["params"].as_array().expect("params") {
            let name = param["name"].as_str().expect("a name");
            let optional = if param["required"] == true { "" } else { "?" };
            let in_table = format!("`{name}`{optional}");
            let in_braces = format!("{name}{optional}");
            let braces = section.split(['{', '}']).nth(1).unwrap_or_default();
            let named = section.contains(&in_table) || braces.split(", ").any(|word| word == in_braces);
            // A candidate may be null, but must be there or be taken for null.
            assert!(named || braces.contains(name), "{}: no word on {in_braces}", method.name);
        }
        for code in method.errors {
            assert!(section.contains(&code.code().to_string()), "{}: no word on {code}", method.name);
        }
    }
}

#[test]
fn every_event_stands_in_the_table_with_all_its_fields() {
    let document = openrpc_document();
    let notification = &document["x-notifications"][0];
    let section = section("## Events");
    assert_eq!(notification["name"], EVENTS_METHOD);
    assert!(section.contains(&format!("\"method\": \"{EVENTS_METHOD}\"")));

    let event = &document["components"]["schemas"]["SignalingEvent"];
    let variants = event["oneOf"].as_array().expect("an event is one of several");
    let mut types = BTreeSet::from(["type"]);
    for variant in variants {
        let properties = variant["properties"].as_object().expect("fields");
        let name = properties["type"]["const"].as_str().expect("a type");
        let row = section.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        for field in properties.keys().filter(|field| *field != "type") {
            assert!(row.contains(&format!("`{field}`")), "{name}: no word on {field}");
        }
        types.insert(name);
    }
    let rows: BTreeSet<&str> =
        first_cells(section).into_iter().filter(|cell| !cell.contains("---")).collect();
    assert_eq!(rows, types);
}

#[test]
fn every_reason_to_leave_is_explained() {
    let document = openrpc_document();
    let reasons =
        document["components"]["schemas"]["LeaveReason"]["oneOf"].as_array().expect("reasons").clone();
    assert!(!reasons.is_empty());
    for reason in reasons {
        let name = reason["const"].as_str().expect("a reason");
        assert!(section("## Events").contains(&format!("`{name}` (")), "no word on {name}");
    }
}

#[test]
fn every_error_code_stands_in_the_table_with_its_name_and_no_other_does() {
    let section = section("## Errors");
    for code in ErrorCode::ALL {
        let row = format!("| {} | `{}` | ", code.code(), code.name());
        assert!(section.contains(&row), "no row {row:?}");
    }
    let rows: BTreeSet<i32> = first_cells(section).iter().filter_map(|cell| cell.parse().ok()).collect();
    assert_eq!(rows, ErrorCode::ALL.iter().map(|code| code.code()).collect());
}

#[test]
fn the_errors_of_every_method_are_listed_above_the_methods() {
    let document = openrpc_document();
    let intro = section("## Methods").split("\n### ").next().expect("an introduction");
    let first = METHODS[0].errors;
    assert!(first.is_empty(), "{first:?}: the first method has none of its own");
    for error in document["methods"][0]["errors"].as_array().expect("errors") {
        let code = error["code"].as_i64().map(|code| code.to_string()).expect("a code");
        assert!(intro.contains(&code), "no word on {}", Value::clone(error));
    }
}
