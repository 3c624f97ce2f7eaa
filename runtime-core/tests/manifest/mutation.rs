//! A valid manifest, spoilt at random: the check must answer, never panic.

use remotemedia_runtime_core::manifest::{ManifestDocument, ManifestFormat, Severity};
use serde_json::{Value, json};

use crate::fixture::{registry, valid};

/// A linear congruential generator: the same mutations in every run.
///
/// Source: D. E. Knuth, The Art of Computer Programming, vol. 2, §3.3.4 (MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }

    fn value(&mut self) -> Value {
        let values = [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1e300),
            json!(u64::MAX),
            json!(""),
            json!("blur"),
            json!("a.b.c"),
            json!("…'\\\"\u{0}"),
            json!("x".repeat(1000)),
            json!([]),
            json!([[[]]]),
            json!({}),
            json!({"id": "blur", "node_type": "Flip"}),
            json!({"from": "flip", "to": "blur"}),
            json!({"peers": ["ada", 1]}),
            json!({"urls": "turn:[::1]:99999?x"}),
        ];
        values[self.below(values.len())].clone()
    }
}

/// Goes to a random place in the tree and spoils it.
fn mutate(tree: &mut Value, random: &mut Random) {
    let children = match tree {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if children > 0 && random.below(6) > 0 {
        let child = random.below(children);
        match tree {
            Value::Array(items) => return mutate(&mut items[child], random),
            Value::Object(fields) => return mutate(fields.values_mut().nth(child).expect("counted"), random),
            _ => {}
        }
    }
    let value = random.value();
    match (tree, random.below(4)) {
        (Value::Array(items), 0) if !items.is_empty() => drop(items.remove(random.below(items.len()))),
        (Value::Array(items), 1) if !items.is_empty() => items.push(items[random.below(items.len())].clone()),
        (Value::Array(items), 2) => items.push(value),
        (Value::Object(fields), 0) => {
            let key = fields.keys().nth(random.below(fields.len())).cloned();
            key.and_then(|key| fields.remove(&key));
        }
        (Value::Object(fields), 1) => drop(fields.insert("fromPort".to_owned(), value)),
        (Value::Object(fields), 2) => drop(fields.insert("x y".to_owned(), value)),
        (place, _) => *place = value,
    }
}

#[test]
fn random_mutations_are_answered_with_faults_or_a_graph() {
    let registry = registry();
    let (mut valid_count, mut refused_count) = (0, 0);
    for seed in 0..3000 {
        let mut random = Random(seed);
        let mut tree = valid();
        for _ in 0..=random.below(8) {
            mutate(&mut tree, &mut random);
        }
        let document = ManifestDocument::parse(&tree.to_string(), Some(ManifestFormat::Json)).expect("JSON");
        match document.check(&registry) {
            Ok(checked) => {
                valid_count += 1;
                assert!(checked.graph.edges.iter().all(|edge| edge.from < edge.to), "seed {seed}");
            }
            Err(faults) => {
                refused_count += 1;
                assert!(faults.error_count() > 0, "seed {seed}: {faults}");
                for fault in faults.iter().filter(|fault| fault.severity == Severity::Error) {
                    assert!(fault.path.starts_with('$'), "seed {seed}: {fault}");
                    assert!(!fault.expected.is_empty() && !fault.got.is_empty(), "seed {seed}: {fault:?}");
                    // The document's types refuse nothing that the check lets pass.
                    assert!(fault.path != "$" || !tree.is_object(), "seed {seed}: {fault}");
                }
            }
        }
    }
    assert!(valid_count > 100 && refused_count > 1000, "{valid_count} valid, {refused_count} refused");
}

#[test]
fn random_cuts_of_the_text_are_answered() {
    let registry = registry();
    let text = valid().to_string();
    let mut random = Random(1);
    for _ in 0..500 {
        let mut bytes = text.clone().into_bytes();
        let from = random.below(bytes.len());
        let to = from + random.below((bytes.len() - from).min(40));
        bytes.drain(from..to);
        if let Ok(document) = ManifestDocument::read_stream(&bytes[..], "cut") {
            let errors = document.check(&registry).map_or_else(|faults| faults.error_count(), |_| 1);
            assert!(errors > 0, "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
