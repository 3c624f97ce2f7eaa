//! The standard output: text, and colour where it shows.

use std::env;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

/// The standard output. Writing to it is buffered; `main` flushes at the end.
#[derive(Debug)]
pub(crate) struct Terminal {
    out: BufWriter<Stdout>,
    colour: bool,
}

/// What a piece of text is, and so how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Something is wrong.
    Error,
    /// Something has no effect.
    Warning,
    /// All is well.
    Good,
    /// Names and titles.
    Strong,
    /// Labels and asides.
    Faint,
}

impl Terminal {
    pub(crate) fn stdout() -> Self {
        let colour = io::stdout().is_terminal() && colour_is_wanted();
        Self { out: BufWriter::new(io::stdout()), colour }
    }

    /// Returns text as it looks in `style`, or plain where the output shows no colour.
    pub(crate) fn styled(&self, style: Style, text: impl Display) -> String {
        match self.colour {
            true => format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()),
            false => text.to_string(),
        }
    }

    /// Writes a value as JSON, indented, with a line end.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> Result<(), crate::failure::Failure> {
        serde_json::to_writer_pretty(&mut self.out, value).map_err(io::Error::from)?;
        Ok(writeln!(self.out)?)
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Style {
    /// Returns the parameters of ANSI's SGR sequence (ECMA-48 §8.3.117).
    const fn code(self) -> &'static str {
        match self {
            Self::Error => "1;31",
            Self::Warning => "1;33",
            Self::Good => "1;32",
            Self::Strong => "1",
            Self::Faint => "2",
        }
    }
}

/// Whether the user has not asked for plain text (`NO_COLOR`, or a terminal that calls itself dumb).
pub(crate) fn colour_is_wanted() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    !refused && !dumb
}
