//! The web client's files.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::ServerError;

/// Where the web client comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WebFiles {
    /// There is none: `/` says what the server is.
    #[default]
    None,
    /// From the program itself: path from the root (`/index.html`), content type, content.
    Embedded(&'static [(&'static str, &'static str, &'static [u8])]),
    /// From a folder, read once at the start; links are not followed. At most 1000 files of 64 MiB together.
    Folder(PathBuf),
}

/// The files by path. A request can only name what is in this table, so no path leads out of it.
#[derive(Debug, Default)]
pub(super) struct Pages(HashMap<String, Page>);

#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) content_type: &'static str,
    pub(super) content: Bytes,
}

impl Pages {
    /// Reads all files. Blocks on the file system.
    pub(super) fn load(files: &WebFiles) -> Result<Self, ServerError> {
        let mut pages = Self::default();
        match files {
            WebFiles::None => {}
            WebFiles::Embedded(files) => {
                for (path, content_type, content) in *files {
                    let path = format!("/{}", path.trim_start_matches('/'));
                    pages.0.insert(path, Page { content_type, content: Bytes::from_static(content) });
                }
            }
            WebFiles::Folder(root) => pages.read_folder(root)?,
        }
        Ok(pages)
    }

    /// Finds the file of a request's path; `/` stands for `/index.html`.
    pub(super) fn find(&self, path: &str) -> Option<&Page> {
        self.0.get(if path == "/" { "/index.html" } else { path })
    }

    fn read_folder(&mut self, root: &Path) -> Result<(), ServerError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ServerError::WebFile { path, source }
        };
        let mut bytes_read = 0;
        let mut folders = vec![(root.to_owned(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
                let entry = entry.map_err(failed(&folder))?;
                let path = entry.path();
                // Of the entry itself, not of what a link leads to.
                let metadata = entry.metadata().map_err(failed(&path))?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let url = format!("{prefix}/{name}");
                if metadata.is_dir() {
                    folders.push((path, url));
                } else if metadata.is_file() {
                    bytes_read += metadata.len();
                    if self.0.len() >= MAX_FILES || bytes_read > MAX_BYTES {
                        let path = root.to_owned();
                        return Err(ServerError::WebFolder {
                            path,
                            max_files: MAX_FILES,
                            max_bytes: MAX_BYTES,
                        });
                    }
                    let content = Bytes::from(fs::read(&path).map_err(failed(&path))?);
                    self.0.insert(url, Page { content_type: content_type(&name), content });
                }
            }
        }
        Ok(())
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Files and bytes that no web client has: the folder is a wrong one, such as `/`.
const MAX_FILES: usize = 1000;
const MAX_BYTES: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedded_file_is_found_with_or_without_a_slash_before_its_name() {
        let files =
            WebFiles::Embedded(&[("index.html", "text/html", b"hi"), ("/a/b.js", "text/javascript", b"1")]);
        let pages = Pages::load(&files).expect("embedded files need no reading");
        assert_eq!(pages.find("/").expect("the index").content, "hi");
        assert_eq!(pages.find("/a/b.js").expect("a file in a folder").content, "1");
        assert!(pages.find("/a").is_none() && pages.find("a/b.js").is_none());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let missing = PathBuf::from("/no/such/folder");
        let error = Pages::load(&WebFiles::Folder(missing)).expect_err("there is none");
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }
}
