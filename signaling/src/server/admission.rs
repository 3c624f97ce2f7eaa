//! Who may ask: pages by the origin that their browser tells, requests by the name that they call the server. Pure.

use std::net::IpAddr;

use hyper::header::{self, HeaderMap, HeaderValue};

use super::AllowedOrigins;

/// Whether a page may connect, by the origin that its browser tells; programs tell none.
pub(super) fn is_page_allowed(allowed: &AllowedOrigins, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_same =
        authority(origin).is_some_and(|own| host.is_some_and(|host| host.eq_ignore_ascii_case(own)));
    match allowed {
        AllowedOrigins::Any => true,
        AllowedOrigins::SameHost => is_same,
        AllowedOrigins::Listed(listed) => {
            is_same || listed.iter().any(|known| known.eq_ignore_ascii_case(origin))
        }
    }
}

/// Returns the name by which a request calls a server that only its own machine can reach, if that is a stranger's.
///
/// A page of the web can have its own name lead to 127.0.0.1 (DNS rebinding). Its browser then takes it and this
/// server for one site, and tells of the page's name in `Host` alone.
///
/// * `bound`: the address that the server listens on.
pub(super) fn foreign_host(bound: IpAddr, allowed: &AllowedOrigins, headers: &HeaderMap) -> Option<String> {
    if !bound.to_canonical().is_loopback() || *allowed == AllowedOrigins::Any {
        return None;
    }
    let foreign = headers.get_all(header::HOST).iter().find(|host| !is_known(host, allowed))?;
    Some(String::from_utf8_lossy(foreign.as_bytes()).chars().take(QUOTED_LEN).collect())
}

fn is_known(host: &HeaderValue, allowed: &AllowedOrigins) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let name = without_port(host);
    let is_listed = match allowed {
        AllowedOrigins::Listed(listed) => {
            let mut names = listed.iter().filter_map(|origin| authority(origin)).map(without_port);
            names.any(|known| known.eq_ignore_ascii_case(name))
        }
        AllowedOrigins::SameHost | AllowedOrigins::Any => false,
    };
    is_listed || names_this_machine(name)
}

/// Whether a host is this machine to every browser, whatever a name server says (RFC 6761 §6.3).
fn names_this_machine(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = address.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Returns the host and port of an origin.
fn authority(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, authority)| authority)
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// How much of a foreign name is repeated, characters: no DNS name is longer.
const QUOTED_LEN: usize = 253;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header value"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("a header value"));
        }
        headers
    }

    fn listed(origin: &str) -> AllowedOrigins {
        AllowedOrigins::Listed(vec![origin.to_owned()])
    }

    #[test]
    fn pages_of_the_server_itself_and_programs_may_connect_and_others_not() {
        let from = |origin| headers("media.example:8080", origin);
        let allowed = AllowedOrigins::SameHost;
        assert!(is_page_allowed(&allowed, &from(None)));
        assert!(is_page_allowed(&allowed, &from(Some("http://media.example:8080"))));
        assert!(is_page_allowed(&allowed, &from(Some("https://Media.example:8080"))));
        for other in
            ["http://media.example", "http://evil.example:8080", "null", "http://media.example:8080.evil"]
        {
            assert!(!is_page_allowed(&allowed, &from(Some(other))), "{other}");
        }
    }

    #[test]
    fn listed_origins_may_connect_beside_the_own_one() {
        let from = |origin| headers("media.example:8080", Some(origin));
        let allowed = listed("https://app.example");
        assert!(is_page_allowed(&allowed, &from("https://app.example")));
        assert!(is_page_allowed(&allowed, &from("http://media.example:8080")));
        assert!(!is_page_allowed(&allowed, &from("http://app.example")));
        assert!(is_page_allowed(&AllowedOrigins::Any, &from("null")));
    }

    #[test]
    fn a_server_of_this_machine_alone_answers_to_the_names_of_this_machine() {
        for bound in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            let foreign = |host| foreign_host(bound, &AllowedOrigins::SameHost, &headers(host, None));
            for known in [
                "localhost",
                "localhost:8080",
                "LocalHost.:8080",
                "demo.localhost:8080",
                "127.0.0.1",
                "127.0.0.1:8080",
                "127.1.2.3:80",
                "[::1]",
                "[::1]:8080",
                "[::ffff:127.0.0.1]:8080",
            ] {
                assert_eq!(foreign(known), None, "{known}");
            }
            for stranger in [
                "evil.example",
                "evil.example:8080",
                "localhost.evil.example:8080",
                "notlocalhost:8080",
                "127.0.0.1.evil.example",
                "192.168.1.7:8080",
                "[fe80::1]:8080",
                "[::1].evil.example",
                "",
            ] {
                assert_eq!(foreign(stranger).as_deref(), Some(stranger));
            }
        }
    }

    #[test]
    fn a_second_host_is_looked_at_like_the_first_and_none_at_all_is_no_browsers() {
        let bound = Ipv4Addr::LOCALHOST.into();
        let mut two = headers("localhost", None);
        two.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(foreign_host(bound, &AllowedOrigins::SameHost, &two).as_deref(), Some("evil.example"));
        assert_eq!(foreign_host(bound, &AllowedOrigins::SameHost, &HeaderMap::new()), None);
    }

    #[test]
    fn names_of_listed_origins_are_known_and_all_names_where_anybody_may_ask() {
        let bound = Ipv4Addr::LOCALHOST.into();
        let allowed = listed("https://media.example");
        let foreign = |host| foreign_host(bound, &allowed, &headers(host, None));
        assert_eq!(foreign("Media.example"), None);
        assert_eq!(foreign("media.example:443"), None);
        assert_eq!(foreign("localhost:8080"), None);
        assert!(foreign("evil.example").is_some());
        assert!(foreign("media.example.evil").is_some());
        let strange = headers("evil.example", None);
        assert_eq!(foreign_host(bound, &AllowedOrigins::Any, &strange), None);
        for open in [Ipv4Addr::UNSPECIFIED.into(), IpAddr::from([192, 168, 1, 7])] {
            assert_eq!(foreign_host(open, &AllowedOrigins::SameHost, &strange), None, "{open}");
        }
    }
}
