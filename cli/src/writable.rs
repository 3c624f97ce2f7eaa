//! Whether results can be written, found out before work is put into them.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::Context;

use crate::failure::Failure;

/// Checks that a file can be written; what is in it stays. A new one is not left behind.
///
/// # Errors
/// Bad input, naming the file.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let is_new = !path.exists();
    let opened = OpenOptions::new().append(true).create(true).open(path);
    opened.with_context(|| format!("cannot write {}", path.display())).map_err(Failure::bad_input)?;
    if is_new {
        // Made a moment ago, and empty.
        std::fs::remove_file(path).ok();
    }
    Ok(())
}
