//! Which web pages may connect, as options of the commands that run a server.

use clap::Args;
use remotemedia_signaling::server::AllowedOrigins;

/// Which web pages may connect.
#[derive(Debug, Args)]
pub(super) struct OriginArguments {
    /// Web pages that may connect beside the server's own: an origin such as `https://app.example.org`, or `any`.
    /// May be given several times. Programs always may. A server of this machine alone also answers to the names
    /// of these origins: give it that of a proxy in front of it.
    #[arg(long = "allow-origin", value_name = "ORIGIN|any", value_parser = origin)]
    allow_origins: Vec<String>,
}

impl OriginArguments {
    pub(super) fn allowed(&self) -> AllowedOrigins {
        let origins = &self.allow_origins;
        match origins.iter().any(|origin| origin == ANY) {
            true => AllowedOrigins::Any,
            false if origins.is_empty() => AllowedOrigins::SameHost,
            false => AllowedOrigins::Listed(origins.clone()),
        }
    }
}

/// Reads an origin as browsers send it: scheme, host, and port if it is not the scheme's.
fn origin(text: &str) -> Result<String, String> {
    const EXPECTED: &str = "expected https://host, http://host, either with :port, or any";
    if text == ANY {
        return Ok(text.to_owned());
    }
    let Some((scheme @ ("http" | "https"), host)) = text.split_once("://") else {
        return Err(EXPECTED.to_owned());
    };
    if host.is_empty() || host.contains(|c: char| "/?#@*".contains(c) || c.is_whitespace()) {
        return Err(format!("{EXPECTED}, and nothing else"));
    }
    let own_port = if scheme == "http" { ":80" } else { ":443" };
    match host.strip_suffix(own_port) {
        Some(host) => Err(format!("browsers leave {own_port} out: write {scheme}://{host}")),
        None => Ok(text.to_owned()),
    }
}

/// Stands for every origin.
const ANY: &str = "any";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: OriginArguments,
    }

    fn allowed(options: &[&str]) -> AllowedOrigins {
        let line = [&["serve"], options].concat();
        Line::try_parse_from(line).expect("options that are there").arguments.allowed()
    }

    #[test]
    fn origins_are_taken_as_browsers_send_them_and_others_refused_with_the_reason() {
        for text in ["https://app.example.org", "http://127.0.0.1:3000", "https://[::1]:8443", "any"] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for (text, reason) in [
            ("", "expected https://host"),
            ("app.example.org", "expected https://host"),
            ("ftp://app.example.org", "expected https://host"),
            ("https://", "nothing else"),
            ("https://app.example.org/", "nothing else"),
            ("https://*.example.org", "nothing else"),
            ("https://app.example.org:443", "write https://app.example.org"),
        ] {
            let refused = origin(text).expect_err(text);
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn any_origin_outweighs_those_that_are_listed() {
        assert_eq!(allowed(&[]), AllowedOrigins::SameHost);
        let listed = allowed(&["--allow-origin", "https://a.example", "--allow-origin", "https://b.example"]);
        let expected = ["https://a.example", "https://b.example"].map(str::to_owned).to_vec();
        assert_eq!(listed, AllowedOrigins::Listed(expected));
        let any = allowed(&["--allow-origin", "https://a.example", "--allow-origin", "any"]);
        assert_eq!(any, AllowedOrigins::Any);
    }
}
