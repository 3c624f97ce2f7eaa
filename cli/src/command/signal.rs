//! `remotemedia signal`: the signaling server alone.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use remotemedia_signaling::openrpc_document;
use remotemedia_signaling::server::{ServerConfig, SignalingServer};

use super::Verdict;
use crate::failure::Failure;
use crate::process::{self, interrupted};
use crate::terminal::Terminal;
use crate::web_client;

/// Run the signaling server alone, with the browser client.
#[derive(Debug, Args)]
pub(crate) struct SignalArguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Print the OpenRPC document of the protocol, and end.
    #[arg(long)]
    openrpc: bool,
}

pub(crate) fn run(arguments: &SignalArguments, terminal: &mut Terminal) -> Result<Verdict, Failure> {
    if arguments.openrpc {
        terminal.json(&openrpc_document())?;
        return Ok(Verdict::Good);
    }
    let serving = async {
        let interrupted = interrupted()?;
        let config = ServerConfig {
            bind: arguments.listen,
            web_files: web_client::files(),
            ..ServerConfig::default()
        };
        let server = SignalingServer::start(config).await?;
        writeln!(terminal, "signaling at {}\nbrowser client at {}", server.url(), server.page_url())?;
        terminal.flush()?;
        interrupted.await;
        server.stop(Duration::from_secs(1)).await?;
        Ok(())
    };
    process::run(serving)?;
    Ok(Verdict::Good)
}
