//! The manifest's transport.

use serde::Deserialize;
use serde_json::Value;

use super::super::fault::{FaultCode, ManifestFault};
use super::super::{IceServer, Topology, TransportSection, TransportSupport, Unsupported};
use super::fields::{Fields, list, one_of, text, unknown_value, wrong_type};
use super::findings::Findings;
use super::json_path::JsonPath;
use super::server_url::{IceScheme, check_ice_url, check_websocket_url};

/// Reads the manifest's `transport` and reports its faults; `None`: there is none, or it has faults.
///
/// * `support`: what can be done of it; without it, only the form is checked.
pub(super) fn read_transport(
    manifest: &Fields<'_>,
    support: Option<&dyn TransportSupport>,
    findings: &mut Findings,
) -> Option<TransportSection> {
    let (value, path) = manifest.optional("transport")?;
    let errors_before = findings.error_count();
    let fields = Fields::open(value, path.clone(), "a transport", TRANSPORT_FIELDS, findings)?;
    if let Some((kind, path)) = fields.required_text("kind", &one_of(KINDS), findings)
        && !KINDS.contains(&kind)
    {
        findings.error(|| {
            unknown_value(&path, kind, KINDS).hint("without \"transport\" the pipeline runs in this process")
        });
    }
    let topology = match fields.optional_choice("topology", &["mesh", "host"], findings) {
        Some("host") => Topology::Host,
        _ => Topology::Mesh,
    };
    check_max_peers(&fields, topology, findings);
    fields.optional_integer("video_bitrate_bps", VIDEO_BITRATE_BPS, " bits per second", findings);
    check_codecs(&fields, support, findings);
    check_ice_servers(&fields, support, findings);
    check_signaling_url(&fields, findings);
    if findings.error_count() > errors_before {
        return None;
    }
    match TransportSection::deserialize(value) {
        Ok(section) => Some(section),
        Err(error) => {
            findings.error(|| wrong_type(&path, "a transport", value).hint(error.to_string()));
            None
        }
    }
}

fn check_max_peers(fields: &Fields<'_>, topology: Topology, findings: &mut Findings) {
    let most = topology.max_peers_limit();
    let Some(given) =
        fields.optional_integer("max_peers", 1..=Topology::Host.max_peers_limit(), " peers", findings)
    else {
        return;
    };
    if given > most {
        findings.error(|| {
            ManifestFault::error(FaultCode::OutOfRange, fields.path_of("max_peers"))
                .expected(format!("at most {most} peers in a mesh, where everybody sends to everybody"))
                .got(given.to_string())
                .hint("for more peers write \"topology\": \"host\"")
        });
    }
}

fn check_codecs(fields: &Fields<'_>, support: Option<&dyn TransportSupport>, findings: &mut Findings) {
    let expected = "a list of video codecs";
    let listed = fields.optional_list("video_codecs", expected, MAX_CODECS, findings);
    let Some((items, path)) = listed else { return };
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some((name, path)) = text(item, path.index(index), &one_of(VIDEO_CODECS), findings) else {
            continue;
        };
        if name.eq_ignore_ascii_case("opus") {
            findings.error(|| {
                unknown_value(&path, name, VIDEO_CODECS)
                    .hint("Opus carries audio and is always on; remove it here")
            });
        } else if !VIDEO_CODECS.contains(&name) {
            findings.error(|| unknown_value(&path, name, VIDEO_CODECS));
        } else if seen.contains(&name) {
            findings.error(|| repeated(&path, name));
        } else {
            seen.push(name);
            if let Some(Err(unsupported)) = support.map(|support| support.check_video_codec(name)) {
                findings.error(|| cannot(&path, unsupported).got_text(name));
            }
        }
    }
}

fn check_ice_servers(fields: &Fields<'_>, support: Option<&dyn TransportSupport>, findings: &mut Findings) {
    let listed = fields.optional_list("ice_servers", "a list of ICE servers", MAX_ICE_SERVERS, findings);
    let Some((items, path)) = listed else { return };
    for (index, item) in items.iter().enumerate() {
        let (path, errors_before) = (path.index(index), findings.error_count());
        check_ice_server(item, path.clone(), findings);
        if findings.error_count() > errors_before {
            continue;
        }
        let Ok(server) = IceServer::deserialize(item) else { continue };
        if let Some(Err(unsupported)) = support.map(|support| support.check_ice_server(&server)) {
            findings.error(|| cannot(&path.field("urls"), unsupported).got_value(&item["urls"]));
        }
    }
}

fn check_ice_server(item: &Value, path: JsonPath, findings: &mut Findings) {
    let Some(server) = Fields::open(item, path, "an ICE server", ICE_SERVER_FIELDS, findings) else { return };
    let username = server.optional_text("username", "a user name", findings);
    let credential = server.optional_text("credential", "a password", findings);
    let Some((urls, path)) = server.required("urls", "a URL or a list of URLs", findings) else { return };
    let urls = match urls {
        Value::String(_) => vec![(urls, path)],
        several => {
            let listed = list(several, path, "a URL or a list of URLs", MAX_URLS, findings);
            let Some((items, path)) = listed else { return };
            if items.is_empty() {
                findings.error(|| {
                    ManifestFault::error(FaultCode::Empty, &path).expected("at least 1 URL").got("none")
                });
            }
            items.iter().enumerate().map(|(index, item)| (item, path.index(index))).collect()
        }
    };
    let mut relays = false;
    for (url, path) in urls {
        let Some((url, path)) = text(url, path, "a URL", findings) else { continue };
        match check_ice_url(url) {
            Ok(scheme) => relays |= scheme == IceScheme::Turn,
            Err(reason) => findings.error(|| {
                ManifestFault::error(FaultCode::InvalidUrl, &path)
                    .expected("stun:host:port, turn:host:port or turns:host:port")
                    .got_text(url)
                    .hint(reason)
            }),
        }
    }
    let login = [("username", username), ("credential", credential)];
    for (name, given) in login.into_iter().filter(|_| relays) {
        // A login of the wrong type has been reported as that.
        let missing = given.map_or(server.optional(name).is_none(), |(text, _)| text.is_empty());
        if missing {
            findings.error(|| {
                ManifestFault::error(FaultCode::MissingCredentials, server.path_of(name))
                    .expected(format!("the TURN server's {name}"))
                    .got("nothing")
                    .hint("TURN servers need \"username\" and \"credential\"")
            });
        }
    }
}

fn check_signaling_url(fields: &Fields<'_>, findings: &mut Findings) {
    let Some((url, path)) = fields.optional_text("signaling_url", "a WebSocket URL", findings) else {
        return;
    };
    if let Err(reason) = check_websocket_url(url) {
        findings.error(|| {
            ManifestFault::error(FaultCode::InvalidUrl, &path)
                .expected("ws://host:port/path or wss://host:port/path")
                .got_text(url)
                .hint(reason)
        });
    }
}

/// A fault of what the transport cannot do.
fn cannot(path: &JsonPath, unsupported: Unsupported) -> ManifestFault {
    let Unsupported { expected, hint } = unsupported;
    ManifestFault::error(FaultCode::Unsupported, path).expected(expected).maybe_hint(hint)
}

fn repeated(path: &JsonPath, name: &str) -> ManifestFault {
    ManifestFault::error(FaultCode::DuplicateEntry, path)
        .expected("every codec once")
        .got(format!("{name:?} again"))
        .hint("remove one of them")
}

const TRANSPORT_FIELDS: &[&str] =
    &["kind", "topology", "max_peers", "video_codecs", "video_bitrate_bps", "ice_servers", "signaling_url"];
const ICE_SERVER_FIELDS: &[&str] = &["urls", "username", "credential"];
const KINDS: &[&str] = &["webrtc"];
const VIDEO_CODECS: &[&str] = &["H264", "VP8", "VP9"];

/// Below it 720p is a slide show, above it no camera's picture gets better.
const VIDEO_BITRATE_BPS: std::ops::RangeInclusive<u32> = 50_000..=50_000_000;

/// Most entries of `video_codecs`; more than there are codecs, so that a repeated one is named.
const MAX_CODECS: usize = 16;

/// Most ICE servers: each is asked for candidates, and each takes time.
const MAX_ICE_SERVERS: usize = 16;

/// Most URLs of one ICE server.
const MAX_URLS: usize = 8;
