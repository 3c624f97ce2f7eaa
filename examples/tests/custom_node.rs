//! The example with a node of one's own does what it says.

#[path = "../examples/custom_node.rs"]
#[allow(dead_code, reason = "the example's own `main`")]
mod custom_node;

#[tokio::test]
async fn the_custom_node_counts_the_words_that_are_long_enough() {
    let counted = custom_node::count_words(&["one sentence is enough", ""]).await.expect("it runs");
    assert_eq!(counted, [r#""one sentence is enough": {"words":2}"#, r#""": {"words":0}"#]);
}
