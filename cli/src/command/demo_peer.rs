//! `remotemedia demo-source` and `demo-processor`: the demo's own processes, not shown in the help.

use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;

use super::Verdict;
use crate::demo::{ProcessorSettings, SourceSettings, film, process};
use crate::failure::Failure;
use crate::process::run_until_interrupted;

pub(crate) fn run_source(settings: SourceSettings) -> Result<Verdict, Failure> {
    run_until_interrupted(film(settings, runner()))?;
    Ok(Verdict::Good)
}

pub(crate) fn run_processor(settings: ProcessorSettings) -> Result<Verdict, Failure> {
    run_until_interrupted(process(settings, runner()))?;
    Ok(Verdict::Good)
}

fn runner() -> PipelineRunner {
    PipelineRunner::new(NodeRegistry::with_builtins())
}
