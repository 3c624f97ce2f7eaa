//! The browser client's files, built into the program.

use remotemedia_signaling::server::WebFiles;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        WebFiles::Embedded(&[
            ("/index.html", "text/html; charset=utf-8", include_bytes!("../../web/index.html")),
            ("/style.css", "text/css; charset=utf-8", include_bytes!("../../web/style.css")),
            $((concat!("/", $name), JAVASCRIPT, include_bytes!(concat!("../../web/", $name)))),*
        ])
    };
}

/// Returns the browser client's files.
pub(crate) fn files() -> WebFiles {
    modules![
        "address.js",
        "app.js",
        "backoff.js",
        "barcode.js",
        "capture.js",
        "dataframe.js",
        "format.js",
        "glass.js",
        "iceservers.js",
        "level.js",
        "links.js",
        "messages.js",
        "names.js",
        "negotiation.js",
        "peer.js",
        "plot.js",
        "sampler.js",
        "sdp.js",
        "session.js",
        "signaling.js",
        "stats.js",
        "testpicture.js",
        "timers.js",
        "timerworker.js",
        "ui.js",
    ]
}
