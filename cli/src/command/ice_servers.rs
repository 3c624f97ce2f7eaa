//! STUN and TURN servers that a signaling server tells its clients of.

use clap::Args;
use remotemedia_runtime_core::manifest::IceServer;
use remotemedia_signaling::protocol::IceServer as ProtocolIceServer;

/// STUN and TURN servers for the clients.
#[derive(Debug, Args)]
pub(super) struct IceServerArguments {
    /// A STUN or TURN server that browsers are told to use, such as `stun:stun.example.org:3478` or
    /// `turn:turn.example.org:3478,ada,secret`. May be given up to 16 times. Whoever can reach this server can
    /// read user name and credential.
    #[arg(long = "ice-server", value_name = "URL[,USERNAME,CREDENTIAL]", value_parser = ice_server)]
    ice_servers: Vec<IceServer>,
}

impl IceServerArguments {
    pub(super) fn told(&self) -> Vec<ProtocolIceServer> {
        told(&self.ice_servers)
    }
}

/// Writes servers as a manifest has them the way clients are told of them.
pub(super) fn told(servers: &[IceServer]) -> Vec<ProtocolIceServer> {
    let servers = servers.iter().cloned();
    servers
        .map(|IceServer { urls, username, credential }| ProtocolIceServer { urls, username, credential })
        .collect()
}

/// Reads a URL, and what follows it: a URL and a user name have no commas, a credential may have.
fn ice_server(text: &str) -> Result<IceServer, String> {
    let mut parts = text.splitn(3, ',').map(str::to_owned);
    let urls = parts.next().into_iter().collect();
    let server = IceServer { urls, username: parts.next(), credential: parts.next() };
    server.check().map_err(|error| format!("{error}; write URL or URL,USERNAME,CREDENTIAL"))?;
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_stands_alone_or_with_a_login_whose_credential_may_have_commas() {
        let stun = ice_server("stun:stun.example.org:3478").expect("a STUN server");
        assert_eq!((stun.urls, stun.username), (vec!["stun:stun.example.org:3478".to_owned()], None));
        let turn = ice_server("turn:turn.example.org:3478?transport=udp,17:ada,a,b").expect("a TURN server");
        assert_eq!(turn.urls, ["turn:turn.example.org:3478?transport=udp"]);
        assert_eq!((turn.username.as_deref(), turn.credential.as_deref()), (Some("17:ada"), Some("a,b")));
    }

    #[test]
    fn a_server_that_no_browser_takes_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "begin it with stun:"),
            ("stun.example.org", "begin it with stun:"),
            ("stun:stun.example.org:99999", "from 1 to 65535"),
            ("turn:turn.example.org", "has no username"),
            ("turn:turn.example.org,ada", "has no credential"),
            ("turn:turn.example.org,,secret", "has no username"),
        ] {
            let refused = ice_server(text).expect_err(text);
            assert!(refused.contains(reason) && refused.contains("write URL"), "{text}: {refused}");
        }
    }
}
