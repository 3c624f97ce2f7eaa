//! `remotemedia demo-source` and `demo-processor`: the demo's own processes, not shown in the help.

use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;

use super::Verdict;
use crate::demo::{self, ProcessorSettings, SourceSettings, film};
use crate::failure::Failure;
use crate::process::{self, interrupted, unless};

pub(crate) fn run_source(settings: SourceSettings) -> Result<Verdict, Failure> {
    process::run(async { unless(interrupted()?, film(settings, runner())).await })?;
    Ok(Verdict::Good)
}

pub(crate) fn run_processor(settings: ProcessorSettings) -> Result<Verdict, Failure> {
    process::run(async { unless(interrupted()?, demo::process(settings, runner())).await })?;
    Ok(Verdict::Good)
}

fn runner() -> PipelineRunner {
    PipelineRunner::new(NodeRegistry::with_builtins())
}
