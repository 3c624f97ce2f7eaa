//! Where a server listens, as an option of the commands that run one.

use std::net::SocketAddr;

use clap::Args;

/// Where a server listens.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct ListenArguments {
    /// Address to listen on; port 0 takes a free one. `127.0.0.1` is for this machine alone, `0.0.0.0` for all.
    #[arg(long = "listen", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT", value_parser = address)]
    pub(super) address: SocketAddr,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| {
        "expected an IP address and a port of 0 to 65535, such as 127.0.0.1:8080 (this machine alone), 0.0.0.0:8080 \
         (all) or [::1]:8080"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_port_are_taken_and_names_are_refused_with_what_is_expected() {
        for good in ["127.0.0.1:0", "0.0.0.0:8080", "[::1]:65535"] {
            assert_eq!(address(good).expect(good).to_string(), good);
        }
        for bad in ["", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:65536", "::1:8080"] {
            assert!(address(bad).expect_err(bad).contains("such as 127.0.0.1:8080"), "{bad}");
        }
    }
}
