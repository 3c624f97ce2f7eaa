//! The in-process transport does what every transport must.

use remotemedia_runtime_core::node::NodeRegistry;
use remotemedia_runtime_core::runner::PipelineRunner;
use remotemedia_runtime_core::transport::PipelineTransport;
use remotemedia_tests::transport_conformance;
use remotemedia_tests::transport_conformance::TransportFixture;

struct InProcess(PipelineRunner);

impl TransportFixture for InProcess {
    fn transport(&self) -> &dyn PipelineTransport {
        &self.0
    }
}

transport_conformance!(InProcess(PipelineRunner::new(NodeRegistry::with_builtins())));
