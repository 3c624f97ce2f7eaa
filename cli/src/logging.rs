//! The program's log, on the standard error.

use std::io::{self, IsTerminal};

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// Starts the log; `filter` as `--log` takes it.
pub(crate) fn start(filter: &str) -> Result<(), Failure> {
    let filter = parse_filter(filter)?;
    let colour = io::stderr().is_terminal() && crate::terminal::colour_is_wanted();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour).init();
    Ok(())
}

fn parse_filter(filter: &str) -> Result<EnvFilter, Failure> {
    let refuse = |reason: String| {
        let hint = "give a level (off, error, warn, info, debug, trace) or a list such as info,remotemedia_signaling=debug";
        Failure::bad_input(anyhow!(reason).context(format!("log filter {filter:?} cannot be used")))
            .hint(hint)
    };
    // The parser takes any bare word for the name of a module, and so `--log verbose` for silence.
    let directives: Vec<_> = filter.split(',').map(str::trim).collect();
    for word in directives.iter().filter(|directive| !directive.contains(['=', ':', '['])) {
        if !LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level)) {
            return Err(refuse(format!("{word:?} is not a level")));
        }
    }
    EnvFilter::builder().parse(directives.join(",")).map_err(|error| refuse(error.to_string()))
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_lists_are_taken() {
        for filter in
            ["off", "DEBUG", "info,remotemedia_signaling=debug", "warn, webrtc::ice=trace", "a[peer]=info"]
        {
            assert!(parse_filter(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn other_words_are_refused_by_name() {
        let cases = [
            ("verbose", "\"verbose\" is not a level"),
            ("info,", "\"\" is not a level"),
            ("a=loud", "a=loud"),
        ];
        for (filter, named) in cases {
            let refused = parse_filter(filter).expect_err(filter).to_string();
            assert!(refused.contains(named) && refused.contains("hint: give a level"), "{refused}");
        }
    }
}
