//! A node of your own: one trait, and one line to register it.
//!
//! `cargo run -p remotemedia-examples --example custom_node` counts the words of two texts.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context, Result};
use remotemedia_runtime_core::data::{DataKind, RuntimeData, TransportData};
use remotemedia_runtime_core::manifest::Manifest;
use remotemedia_runtime_core::node::{
    Node, NodeContext, NodeError, NodeRegistry, NodeSpec, Outputs, PortSpec,
};
use remotemedia_runtime_core::runner::PipelineRunner;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

struct WordCount(WordCountParams);

#[derive(Deserialize, JsonSchema)]
struct WordCountParams {
    /// Shorter words are not counted.
    #[schemars(range(min = 1, max = 100))]
    min_length: usize,
}

impl Node for WordCount {
    type Params = WordCountParams;
    const SPEC: NodeSpec = NodeSpec::new("WordCount", "Counts the words of a text.")
        .inputs(&[PortSpec::new("in", &[DataKind::Text])])
        .outputs(&[PortSpec::new("out", &[DataKind::Json])]);

    fn create(params: WordCountParams, _: &NodeContext) -> Result<Self, NodeError> {
        Ok(Self(params))
    }

    fn process(&mut self, _: &str, item: TransportData, outputs: &mut Outputs) -> Result<(), NodeError> {
        let RuntimeData::Text(text) = &item.data else { return Ok(()) };
        let words = text.split_whitespace().filter(|word| word.len() >= self.0.min_length).count();
        outputs.send(item.with_data(json!({ "words": words })));
        Ok(())
    }
}

const MANIFEST: &str = r#"{"version": "v1", "nodes": [
    {"id": "count", "node_type": "WordCount", "params": {"minLength": 4}}]}"#;

/// Runs texts through a pipeline of the node.
pub(crate) async fn count_words(texts: &[&str]) -> Result<Vec<String>> {
    let mut runner = PipelineRunner::new(NodeRegistry::with_builtins());
    runner.register::<WordCount>()?;
    let mut session = runner.create_stream_session(&Manifest::parse(MANIFEST)?).await?;
    let mut counted = Vec::new();
    for text in texts {
        session.input(TransportData::new(RuntimeData::text(*text))).await?;
        let output = session.output().await.context("the session has ended")?;
        if let RuntimeData::Json(words) = output.data {
            counted.push(format!("{text:?}: {words}"));
        }
    }
    session.close().await;
    Ok(counted)
}

#[tokio::main]
async fn main() -> Result<()> {
    for line in count_words(&["one sentence is enough", "but two are better still"]).await? {
        println!("{line}");
    }
    Ok(())
}
