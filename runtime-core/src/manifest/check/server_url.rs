//! URLs of servers: STUN, TURN and signaling.

/// Checks `scheme:host[:port][?transport=udp|tcp]`, the form of STUN and TURN servers.
///
/// # Errors
/// What is wrong with it.
///
/// Source: RFC 7064 §3.1 (stun), RFC 7065 §3.1 (turn).
pub(in super::super) fn check_ice_url(url: &str) -> Result<IceScheme, &'static str> {
    let (scheme, rest) = url.split_once(':').ok_or(NO_SCHEME)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "stun" => IceScheme::Stun,
        "stuns" => return Err("stuns (STUN over TLS) is not supported; write stun:"),
        "turn" | "turns" => IceScheme::Turn,
        _ => return Err(NO_SCHEME),
    };
    if rest.starts_with("//") {
        return Err("STUN and TURN URLs have no slashes: write stun:host:port");
    }
    let (server, query) = rest.split_once('?').map_or((rest, None), |(server, query)| (server, Some(query)));
    match (scheme, query) {
        (_, None) | (IceScheme::Turn, Some("transport=udp" | "transport=tcp")) => {}
        (IceScheme::Turn, Some(_)) => {
            return Err("after the ? only transport=udp or transport=tcp can stand");
        }
        (IceScheme::Stun, Some(_)) => return Err("a STUN URL has nothing after the port"),
    }
    if server.contains('@') {
        return Err("user name and password stand beside the URL, as username and credential");
    }
    check_server(server)?;
    Ok(scheme)
}

/// Checks `ws://host[:port][/path]` or the same with `wss`.
///
/// # Errors
/// What is wrong with it.
///
/// Source: RFC 6455 §3.
pub(super) fn check_websocket_url(url: &str) -> Result<(), &'static str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Err("begin it with ws:// or wss://") };
    match scheme.to_ascii_lowercase().as_str() {
        "ws" | "wss" => {}
        "http" => return Err("write ws:// in place of http://"),
        "https" => return Err("write wss:// in place of https://"),
        _ => return Err("begin it with ws:// or wss://"),
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("spaces cannot stand in a URL; write %20");
    }
    if rest.contains('#') {
        return Err("a WebSocket URL has no #fragment");
    }
    let server = rest.split(['/', '?']).next().unwrap_or_default();
    if server.contains('@') {
        return Err("a WebSocket URL has no user name");
    }
    check_server(server)
}

/// What an ICE server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum IceScheme {
    /// Tells a peer its public address; needs no login.
    Stun,
    /// Relays media; needs a login.
    Turn,
}

fn check_server(server: &str) -> Result<(), &'static str> {
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or("the [ of the IPv6 address is not closed")?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("between [ and ] an IPv6 address must stand");
            }
            match (after, after.strip_prefix(':')) {
                ("", _) => return Ok(()),
                (_, Some(port)) => (address, Some(port)),
                (_, None) => return Err("after ] only :port can stand"),
            }
        }
        None => match server.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err("write IPv6 addresses in [ ]"),
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        },
    };
    let fits = |c: char| c.is_alphanumeric() || "-._~:".contains(c);
    if host.is_empty() {
        return Err("the host is missing");
    }
    if host.len() > MAX_HOST || !host.chars().all(fits) {
        return Err("the host is not a name or an IP address");
    }
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    match port {
        Some(port) if !digits(port) || !matches!(port.parse(), Ok(1..=u16::MAX)) => {
            Err("the port is not a number from 1 to 65535")
        }
        _ => Ok(()),
    }
}

const NO_SCHEME: &str = "begin it with stun:, turn: or turns:";

/// Longest host name, bytes: RFC 1035 §2.3.4.
const MAX_HOST: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ice_urls_are_taken_as_browsers_take_them() {
        let good = [
            ("stun:stun.example.org", IceScheme::Stun),
            ("STUN:127.0.0.1:3478", IceScheme::Stun),
            ("stun:[::1]:3478", IceScheme::Stun),
            ("stun:[::1]", IceScheme::Stun),
            ("stun:host:65535", IceScheme::Stun),
            ("turn:host:1", IceScheme::Turn),
            ("turn:host?transport=udp", IceScheme::Turn),
            ("turns:host:443?transport=tcp", IceScheme::Turn),
        ];
        for (url, scheme) in good {
            assert_eq!(check_ice_url(url), Ok(scheme), "{url}");
        }
    }

    #[test]
    fn ice_urls_that_cannot_work_are_refused_with_the_reason() {
        let bad = [
            ("", "begin it with"),
            ("stun.example.org", "begin it with"),
            ("http:host", "begin it with"),
            ("stuns:host", "not supported"),
            ("stun://host", "no slashes"),
            ("stun:", "host is missing"),
            ("stun::3478", "host is missing"),
            ("stun:a b", "not a name"),
            ("stun:host:0", "from 1 to 65535"),
            ("stun:host:65536", "from 1 to 65535"),
            ("stun:host:+80", "from 1 to 65535"),
            ("stun:host:", "from 1 to 65535"),
            ("stun:::1", "in [ ]"),
            ("stun:[::1", "not closed"),
            ("stun:[host]", "IPv6 address must stand"),
            ("stun:[::1]3478", "only :port"),
            ("stun:host?transport=udp", "nothing after"),
            ("turn:host?transport=sctp", "transport=udp"),
            ("turn:me:secret@host", "beside the URL"),
        ];
        for (url, reason) in bad {
            let refused = check_ice_url(url).expect_err(url);
            assert!(refused.contains(reason), "{url}: {refused}");
        }
    }

    #[test]
    fn websocket_urls_are_taken_and_others_refused_with_the_reason() {
        for url in ["ws://127.0.0.1:8080/ws", "wss://example.org", "WS://[::1]:9/ws?a=b"] {
            assert_eq!(check_websocket_url(url), Ok(()), "{url}");
        }
        let bad = [
            ("", "begin it with"),
            ("example.org:8080", "begin it with"),
            ("http://example.org", "write ws://"),
            ("https://example.org", "write wss://"),
            ("ftp://example.org", "begin it with"),
            ("ws://", "host is missing"),
            ("ws:///ws", "host is missing"),
            ("ws://host:99999", "from 1 to 65535"),
            ("ws://host/a b", "spaces"),
            ("ws://user@host/", "no user name"),
            ("ws://host/#top", "fragment"),
        ];
        for (url, reason) in bad {
            let refused = check_websocket_url(url).expect_err(url);
            assert!(refused.contains(reason), "{url}: {refused}");
        }
    }

    #[test]
    fn a_host_of_253_bytes_is_taken_and_one_of_254_refused() {
        assert!(check_websocket_url(&format!("ws://{}", "a".repeat(253))).is_ok());
        assert!(check_websocket_url(&format!("ws://{}", "a".repeat(254))).is_err());
    }
}
