//! `remotemedia signal`: the signaling server alone.

use std::io::Write;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use remotemedia_signaling::openrpc_document;
use remotemedia_signaling::server::{ServerConfig, ServerError, ServerLimits, SignalingServer};

use super::Verdict;
use super::ice_servers::IceServerArguments;
use super::listening::ListenArguments;
use super::origins::OriginArguments;
use crate::failure::Failure;
use crate::process::{self, interrupted};
use crate::terminal::Terminal;
use crate::web_client;

/// Run the signaling server alone, with the browser client.
#[derive(Debug, Args)]
pub(crate) struct SignalArguments {
    #[command(flatten)]
    listen: ListenArguments,
    #[command(flatten)]
    origins: OriginArguments,
    #[command(flatten)]
    ice_servers: IceServerArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// Print the OpenRPC document of the protocol, and end.
    #[arg(long)]
    openrpc: bool,
}

/// How much of everything the server takes; defaults and ranges are those of [`ServerLimits`].
#[derive(Debug, Args)]
struct LimitArguments {
    /// Most sessions at a time, 1 to 4096.
    #[arg(long, default_value_t = ServerLimits::default().rooms.sessions, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true)]
    sessions: u32,
    /// Most peers in one session, 1 to 512.
    #[arg(long, default_value_t = ServerLimits::default().rooms.peers_per_session, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true)]
    peers_per_session: u32,
    /// Most WebSocket connections at a time, 1 to 100000.
    #[arg(long, default_value_t = ServerLimits::default().connections, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true)]
    connections: u32,
    /// Requests per second and connection in the long run, 1 to 100000.
    #[arg(long, default_value_t = ServerLimits::default().requests_per_second, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true)]
    requests_per_second: u32,
    /// Requests at once after a pause, 1 to 100000.
    #[arg(long, default_value_t = ServerLimits::default().request_burst, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true)]
    request_burst: u32,
    /// Longest request without a session description, bytes, 1024 to 1048576.
    #[arg(long, default_value_t = ServerLimits::default().control_bytes, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true)]
    control_bytes: u32,
    /// Longest request with a session description, bytes, at least --control-bytes and at most 4194304.
    #[arg(long, default_value_t = ServerLimits::default().sdp_bytes, value_name = "NUMBER", value_parser = number, allow_negative_numbers = true)]
    sdp_bytes: u32,
}

/// The fields of [`ServerConfig`] that an option sets.
const OPTIONS: [(&str, &str); 8] = [
    ("limits.rooms.sessions", "--sessions"),
    ("limits.rooms.peers_per_session", "--peers-per-session"),
    ("limits.connections", "--connections"),
    ("limits.requests_per_second", "--requests-per-second"),
    ("limits.request_burst", "--request-burst"),
    ("limits.control_bytes", "--control-bytes"),
    ("limits.sdp_bytes", "--sdp-bytes"),
    ("ice_servers.len()", "the number of --ice-server"),
];

pub(crate) fn run(arguments: &SignalArguments, terminal: &mut Terminal) -> Result<Verdict, Failure> {
    if arguments.openrpc {
        terminal.json(&openrpc_document())?;
        return Ok(Verdict::Good);
    }
    let serving = async {
        let interrupted = interrupted()?;
        let server = SignalingServer::start(arguments.config()).await.map_err(not_started)?;
        writeln!(terminal, "signaling at {}\nbrowser client at {}", server.url(), server.page_url())?;
        terminal.flush()?;
        interrupted.await;
        server.stop(Duration::from_secs(1)).await?;
        Ok(())
    };
    process::run(serving)?;
    Ok(Verdict::Good)
}

impl SignalArguments {
    fn config(&self) -> ServerConfig {
        ServerConfig {
            bind: self.listen.address,
            web_files: web_client::files(),
            limits: self.limits.limits(),
            allowed_origins: self.origins.allowed(),
            ice_servers: self.ice_servers.told(),
            ..ServerConfig::default()
        }
    }
}

impl LimitArguments {
    /// Returns the limits as given: the server checks their ranges before it listens.
    fn limits(&self) -> ServerLimits {
        let mut limits = ServerLimits {
            control_bytes: self.control_bytes,
            sdp_bytes: self.sdp_bytes,
            requests_per_second: self.requests_per_second,
            request_burst: self.request_burst,
            connections: self.connections,
            ..ServerLimits::default()
        };
        limits.rooms.sessions = self.sessions;
        limits.rooms.peers_per_session = self.peers_per_session;
        // A mesh whose first peer does not say takes no more than a session does.
        limits.rooms.mesh_peers = limits.rooms.mesh_peers.min(self.peers_per_session.max(1));
        limits
    }
}

/// Reads a number; its range is the server's to check.
fn number(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "expected a whole number, of the range that --help names")
}

/// A value out of its range is bad input, and called as on the command line.
fn not_started(error: ServerError) -> Failure {
    let ServerError::Config { field, value, expected } = &error else { return error.into() };
    match OPTIONS.iter().find(|(name, _)| name == field) {
        Some((_, option)) => Failure::bad_input(anyhow!("{option} is {value}, expected {expected}")),
        None => Failure::bad_input(error),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: SignalArguments,
    }

    fn config(options: &[&str]) -> ServerConfig {
        let line = [&["signal"], options].concat();
        Line::try_parse_from(line).expect("options that are there").arguments.config()
    }

    #[test]
    fn without_options_the_limits_are_the_servers_own() {
        assert_eq!(config(&[]).limits, ServerLimits::default());
    }
}
