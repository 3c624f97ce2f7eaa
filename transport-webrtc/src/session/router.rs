//! Who gets which output: the pure decision behind the manifest's `routes`.

use std::collections::HashMap;
use std::sync::Arc;

use remotemedia_runtime_core::data::{Destination, PeerId, StreamId, TransportData};
use remotemedia_runtime_core::manifest::{PipelineGraph, RouteTarget};

/// Decides who gets which output of one session's pipeline.
#[derive(Debug, Clone)]
pub struct SessionRouter {
    routes: HashMap<Arc<str>, RouteTarget>,
}

/// Somebody who may get an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// This process's own user.
    Local,
    /// A remote peer.
    Peer(&'a PeerId),
}

impl SessionRouter {
    /// Takes the routes of a checked manifest.
    pub fn new(graph: &PipelineGraph) -> Self {
        let routes = graph.routes.iter().map(|route| (route.output.clone(), route.to.clone())).collect();
        Self { routes }
    }

    /// Whether `recipient` gets `item`. An item without a known output goes back to its sender.
    pub fn reaches(&self, item: &TransportData, recipient: Recipient<'_>) -> bool {
        let source = item.source.as_ref();
        let target = item.output.as_ref().and_then(|output| self.routes.get(output));
        match target.unwrap_or(&RouteTarget::Sender) {
            RouteTarget::Sender => is_sender(source, recipient),
            RouteTarget::All => true,
            RouteTarget::Others => !is_sender(source, recipient),
            RouteTarget::Peers(peers) => is_among(peers, recipient),
            RouteTarget::Local => recipient == Recipient::Local,
            RouteTarget::Tagged => match &item.destination {
                None => false,
                Some(Destination::All) => true,
                Some(Destination::Others) => !is_sender(source, recipient),
                Some(Destination::Sender) => is_sender(source, recipient),
                Some(Destination::Peers(peers)) => is_among(peers, recipient),
            },
            // One rendition is made per output here, so every peer's bandwidth picks this one.
            RouteTarget::ByBandwidth => matches!(recipient, Recipient::Peer(_)),
        }
    }
}

/// The session's own user is the sender of what has no source stream.
fn is_sender(source: Option<&StreamId>, recipient: Recipient<'_>) -> bool {
    match (source, recipient) {
        (None, Recipient::Local) => true,
        (Some(stream), Recipient::Peer(peer)) => stream.peer == *peer,
        (None, Recipient::Peer(_)) | (Some(_), Recipient::Local) => false,
    }
}

fn is_among(peers: &[PeerId], recipient: Recipient<'_>) -> bool {
    match recipient {
        Recipient::Local => false,
        Recipient::Peer(peer) => peers.contains(peer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use remotemedia_runtime_core::data::TrackId;
    use serde_json::json;

    fn peer(name: &str) -> PeerId {
        PeerId::new(name).expect("valid")
    }

    /// Who of the local user, `a`, `b` and `c` gets an output of `a`'s stream.
    fn recipients(to: RouteTarget, from: Option<&str>, destination: Option<Destination>) -> String {
        let router = SessionRouter { routes: HashMap::from([("out".into(), to)]) };
        let mut item = TransportData::new(json!(1));
        item.output = Some("out".into());
        item.source = from.map(|from| StreamId::new(peer(from), TrackId::new("video").expect("valid")));
        item.destination = destination;
        let mut names = String::new();
        if router.reaches(&item, Recipient::Local) {
            names.push('l');
        }
        for name in ["a", "b", "c"] {
            if router.reaches(&item, Recipient::Peer(&peer(name))) {
                names.push_str(name);
            }
        }
        names
    }

    #[test]
    fn every_target_reaches_whom_it_names() {
        let to_peers = || RouteTarget::Peers(vec![peer("b"), peer("x")]);
        for (to, from, expected) in [
            (RouteTarget::Sender, Some("a"), "a"),
            (RouteTarget::Sender, None, "l"),
            (RouteTarget::All, Some("a"), "labc"),
            (RouteTarget::Others, Some("a"), "lbc"),
            (RouteTarget::Others, None, "abc"),
            (to_peers(), Some("a"), "b"),
            (RouteTarget::Local, Some("a"), "l"),
            (RouteTarget::Tagged, Some("a"), ""),
            (RouteTarget::ByBandwidth, Some("a"), "abc"),
        ] {
            assert_eq!(recipients(to.clone(), from, None), expected, "{to:?} from {from:?}");
        }
    }

    #[test]
    fn a_tag_counts_only_where_the_route_says_so() {
        let tag = || Some(Destination::Peers([peer("c")].into()));
        assert_eq!(recipients(RouteTarget::Tagged, Some("a"), tag()), "c");
        assert_eq!(recipients(RouteTarget::Sender, Some("a"), tag()), "a");
        assert_eq!(recipients(RouteTarget::Tagged, Some("a"), Some(Destination::Others)), "lbc");
    }

    #[test]
    fn an_output_without_a_route_goes_back_to_its_sender() {
        let router = SessionRouter { routes: HashMap::new() };
        let item = TransportData::new(json!(1));
        assert!(router.reaches(&item, Recipient::Local));
        assert!(!router.reaches(&item, Recipient::Peer(&peer("a"))));
    }
}
